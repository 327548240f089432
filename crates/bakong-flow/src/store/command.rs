//! Commands from workers that are not the leader.

use async_trait::async_trait;
use bakong_api::khqr_core::Md5Handle;
use bakong_api::{ShortHash, TransactionHash};

use super::error::StoreError;
use crate::open_error::OpenError;
use crate::payment::Payment;
use crate::policy::Policy;

/// Hands the commands of followers to the leader.
///
/// A follower submits a command and polls for its result. The leader polls for pending commands, carries them out, and
/// commits each result in the [`Batch`](super::Batch) of the changes that the command caused. If the store rejects the
/// [`Change::Opened`](crate::Change::Opened) of a [`Command::Open`], it records the result
/// [`Refused`](CommandResult::Refused) instead of the one in the batch.
///
/// The default methods belong to a store that only one process opens: there is never a follower.
#[async_trait]
pub trait CommandQueue: Send + Sync {
    /// Adds a command. Any worker may call this.
    ///
    /// `key` identifies the submission. If a command with this key was added before, the store adds nothing and
    /// returns the id of that command. So a worker that did not receive the answer can submit the command again.
    ///
    /// # Errors
    /// [`StoreError`]. The command may have been added.
    async fn submit(&self, key: &str, command: &Command) -> Result<CommandId, StoreError> {
        let _ = (key, command);
        Err(StoreError::fatal("the store has no command queue"))
    }

    /// Returns the result of a command; `None` while it is pending.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read, or if it has no such command.
    async fn result(&self, id: CommandId) -> Result<Option<CommandResult>, StoreError> {
        let _ = id;
        Ok(None)
    }

    /// Returns the results of those of these commands that have one, in any order.
    ///
    /// The default calls [`result`](Self::result) for each.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    async fn results(
        &self,
        ids: &[CommandId],
    ) -> Result<Vec<(CommandId, CommandResult)>, StoreError> {
        let mut results = Vec::new();
        for id in ids {
            if let Some(result) = self.result(*id).await? {
                results.push((*id, result));
            }
        }
        Ok(results)
    }

    /// Withdraws a pending command, so that it is never carried out, and returns [`CommandResult::Withdrawn`]. If the
    /// command was carried out before, returns its result.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written, or if it has no such command.
    async fn withdraw(&self, id: CommandId) -> Result<CommandResult, StoreError> {
        let _ = id;
        Ok(CommandResult::Withdrawn)
    }

    /// Returns up to `limit` pending commands, the oldest first. Only the leader calls this.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    async fn pending(&self, limit: usize) -> Result<Vec<(CommandId, Command)>, StoreError> {
        let _ = limit;
        Ok(Vec::new())
    }

    /// Waits until there may be a new command, result or event. This is a hint: it may return early, and it may
    /// miss a change. So callers also poll at an interval. This method is cancel safe.
    async fn notified(&self) {
        std::future::pending::<()>().await;
    }
}

/// A command for the leader.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Command {
    /// Watch a payment.
    Open {
        /// The payment.
        payment: Box<Payment>,
        /// The policy of the payment.
        policy: Policy,
    },
    /// Check a payment early. See [`Tracker::nudge`](crate::Tracker::nudge).
    Nudge {
        /// The MD5 of the payment.
        md5: Md5Handle,
    },
    /// Cancel the order of a payment. See [`Tracker::cancel`](crate::Tracker::cancel).
    Cancel {
        /// The MD5 of the payment.
        md5: Md5Handle,
    },
    /// Add hashes of a payment's transaction. See [`Tracker::learn`](crate::Tracker::learn).
    AddHash {
        /// The MD5 of the payment.
        md5: Md5Handle,
        /// The full hash, if known.
        hash: Option<TransactionHash>,
        /// The first eight digits of the hash, if known.
        short_hash: Option<ShortHash>,
    },
    /// Stop watching a payment whose code was never shown. See [`Tracker::withdraw`](crate::Tracker::withdraw).
    Withdraw {
        /// The MD5 of the payment.
        md5: Md5Handle,
    },
}

/// What became of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum CommandResult {
    /// The command was carried out, and its changes were committed.
    Done,
    /// The leader does not accept the payment.
    Refused(OpenError),
    /// The command was withdrawn before it was carried out.
    Withdrawn,
}

/// The id of a command, assigned by the store. A later command of the same registration has a higher id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CommandId(i64);

impl CommandId {
    /// Creates the id with this number.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}
