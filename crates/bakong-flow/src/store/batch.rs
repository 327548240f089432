//! What a leader commits at once.

use std::time::Duration;

use bakong_api::khqr_core::Timestamp;

use super::command::{CommandId, CommandResult};
use super::conflict::Rejected;
use super::lease::Epoch;
use crate::change::Change;

/// The changes, results and records that a store commits as a whole. A watcher creates them; tests of a store do, too.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Batch<'a> {
    /// The epoch of the worker's lease. The store rejects a batch of another epoch as a whole.
    pub epoch: Epoch,
    /// The number of the batch in its epoch: 1, 2, 3 and so on. A batch whose number was committed before is a
    /// repetition: the store changes nothing and returns the first result again.
    pub sequence: u64,
    /// The changes of the tracker, in order.
    pub changes: &'a [Change],
    /// The results of commands from other workers. The store replaces the result of a
    /// [`Command::Open`](super::Command::Open) whose change it rejects.
    pub results: &'a [(CommandId, CommandResult)],
    /// The requests that were answered or failed since the batch before, for reconciliation.
    pub exchanges: &'a [Exchange],
}

impl<'a> Batch<'a> {
    /// Creates an empty batch. `sequence` is its number in the epoch, counted from 1.
    #[must_use]
    pub const fn new(epoch: Epoch, sequence: u64) -> Self {
        Self {
            epoch,
            sequence,
            changes: &[],
            results: &[],
            exchanges: &[],
        }
    }

    /// Sets the changes.
    #[must_use]
    pub const fn with_changes(mut self, changes: &'a [Change]) -> Self {
        self.changes = changes;
        self
    }

    /// Sets the results of commands.
    #[must_use]
    pub const fn with_results(mut self, results: &'a [(CommandId, CommandResult)]) -> Self {
        self.results = results;
        self
    }

    /// Sets the records of requests.
    #[must_use]
    pub const fn with_exchanges(mut self, exchanges: &'a [Exchange]) -> Self {
        self.exchanges = exchanges;
        self
    }
}

/// What a store did with a [`Batch`].
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Committed {
    /// The changes that the store rejected. It committed all others.
    pub rejected: Vec<Rejected>,
}

impl Committed {
    /// Creates the result of a batch.
    #[must_use]
    pub const fn new(rejected: Vec<Rejected>) -> Self {
        Self { rejected }
    }
}

/// The record of one HTTP request, for reconciliation and support requests to NBC.
///
/// A record has no token and no text of a code.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// The id that the client gave the request, unique in the store.
    pub request_id: Box<str>,
    /// The name of the endpoint, such as `check_transaction_by_md5`.
    pub endpoint: Box<str>,
    /// The payment that the request asked about; `None` for a list or a renewal.
    pub md5: Option<bakong_api::khqr_core::Md5Handle>,
    /// The HTTP status; `None` if no response arrived.
    pub status: Option<u16>,
    /// `responseCode` of the answer, if it was readable.
    pub response_code: Option<i64>,
    /// `errorCode` of the answer, if it has one.
    pub error_code: Option<i64>,
    /// How long the request took.
    pub duration: Duration,
    /// 1 for the first attempt, 2 for the first repetition, and so on.
    pub attempt: u32,
    /// When the request was sent, by Bakong's clock as far as it is known.
    pub sent_at: Timestamp,
}

impl Exchange {
    /// Creates the record of a first attempt that got no response. Set the other fields if they are known.
    #[must_use]
    pub fn new(
        request_id: impl Into<Box<str>>,
        endpoint: impl Into<Box<str>>,
        sent_at: Timestamp,
    ) -> Self {
        Self {
            request_id: request_id.into(),
            endpoint: endpoint.into(),
            md5: None,
            status: None,
            response_code: None,
            error_code: None,
            duration: Duration::ZERO,
            attempt: 1,
            sent_at,
        }
    }
}
