//! The progress of a watched payment.

use std::sync::Arc;

use bakong_api::ApiError;
use bakong_api::khqr_core::{Md5Handle, Timestamp};

use crate::order::OrderId;
use crate::outcome::Outcome;
use crate::payment::Payment;

/// The progress of a payment, for a display, server-sent events or a log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// The MD5 of the payment.
    pub md5: Md5Handle,
    /// The order of the payment.
    pub order: OrderId,
    /// When the code expires.
    pub expires_at: Timestamp,
    /// How many requests have asked about the payment since the watcher started.
    pub checks: u32,
    /// Whether a request that asks about the payment is in flight.
    pub is_asking: bool,
    /// When the next check is due, if known. The check is sent later if the quota requires it.
    pub next_check: Option<Timestamp>,
    /// The error of the last request, if it failed. The state of the payment is then unknown.
    pub last_error: Option<Arc<ApiError>>,
    /// Whether the order was cancelled.
    pub is_cancelled: bool,
    /// The outcome, if the payment is final.
    pub outcome: Option<Outcome>,
}

impl Progress {
    pub(super) fn new(payment: &Payment, is_cancelled: bool) -> Self {
        Self {
            md5: payment.md5,
            order: payment.order.clone(),
            expires_at: payment.expires_at,
            checks: 0,
            is_asking: false,
            next_check: None,
            last_error: None,
            is_cancelled,
            outcome: None,
        }
    }

    /// The payment became final.
    pub(super) fn finish(&mut self, outcome: &Outcome) {
        self.is_asking = false;
        self.last_error = None;
        self.next_check = None;
        self.outcome = Some(outcome.clone());
    }
}
