//! Which payments are accepted.

use std::fmt;

use bakong_api::khqr_core::Timestamp;

use super::Tracker;
use super::payments::Key;
use crate::change::Change;
use crate::payment::Payment;
use crate::policy::Policy;

/// Why a payment is not watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// A payment with this MD5 is open or final. Two orders with the same code cannot be distinguished, so give each
    /// code its own bill number.
    Known,
    /// The order is settled. A customer who pays a new code for it would pay twice.
    OrderSettled,
    /// The quota has no request left for the final check, so the shop would not learn whether the payment was made.
    /// Do not show the code.
    NoQuota {
        /// When the final check of such a payment can be reserved, as far as the tracker knows.
        until: Timestamp,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known => f.write_str(
                "a payment with this code is already known; give each code its own bill number",
            ),
            Self::OrderSettled => f.write_str("the order is already settled"),
            Self::NoQuota { until } => write!(
                f,
                "the quota has no request left to check this payment; do not show the code before {} (milliseconds since 1970)",
                until.as_millis()
            ),
        }
    }
}

impl std::error::Error for OpenError {}

impl Tracker {
    /// Starts to watch a payment, and reserves a request for its final check. A payment whose code has expired is
    /// checked once.
    ///
    /// # Errors
    /// [`OpenError`] if the payment is not accepted.
    pub fn open(
        &mut self,
        payment: Payment,
        policy: Policy,
        now: Timestamp,
    ) -> Result<(), OpenError> {
        self.tick(now);
        if self.is_open(&payment.md5) || self.finished.get(&payment.md5).is_some() {
            return Err(OpenError::Known);
        }
        if self.finished.is_settled(&payment.order) {
            return Err(OpenError::OrderSettled);
        }
        self.usage.record_demand(payment.md5, now);
        if let Some(until) = self.refused_until(&payment, policy) {
            return Err(OpenError::NoQuota { until });
        }
        self.changes.push(Change::Opened {
            payment: Box::new(payment.clone()),
            policy,
            at: now,
        });
        let key = self.admit(payment, policy, now);
        self.plan_check(key, now);
        Ok(())
    }

    /// Adds a payment and its reservations without checking the quota.
    pub(super) fn admit(&mut self, payment: Payment, policy: Policy, opened_at: Timestamp) -> Key {
        let deadline = policy.deadline(payment.expires_at);
        let key = self.payments.insert(payment, policy, opened_at);
        let within = policy.grace.final_check_window;
        self.reservations.reserve(deadline, within);
        self.reserve_hashes(key);
        key
    }

    /// Returns when the final check of `payment` can be reserved; `None` if it can be reserved now.
    fn refused_until(&self, payment: &Payment, policy: Policy) -> Option<Timestamp> {
        let deadline = policy.deadline(payment.expires_at);
        let due_at = deadline.max(self.now);
        let windows = self.config.quota.window;
        let window = windows.index_of(due_at).max(self.usage.usage().window);
        let lists = self.lists.works();
        let within = policy.grace.final_check_window;
        let needed = self.reservations.cost_of_one_more(deadline, within, lists)
            + u32::from(payment.hash.is_some())
            + u32::from(payment.short_hash.is_some());
        if self.reserved(window, lists).saturating_add(needed) <= self.capacity_of(window) {
            return None;
        }
        // A payment that is opened after this wait has its deadline in the next window.
        let wait = windows.end_of(window).saturating_since(due_at);
        Some(self.now.saturating_add(wait))
    }
}
