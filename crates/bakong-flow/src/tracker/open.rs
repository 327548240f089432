//! Accepts or refuses new payments.

use bakong_api::khqr_core::{Md5Handle, Timestamp};

use super::Tracker;
use super::payments::Key;
use crate::change::Change;
use crate::open_error::OpenError;
use crate::payment::Payment;
use crate::policy::Policy;

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
        if self.token.is_refused(now) {
            return Err(OpenError::TokenRejected);
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

    /// Stops watching a payment whose code was never shown, and releases its reserved requests. Does nothing if the
    /// payment is not open.
    ///
    /// Use [`cancel`](Self::cancel) if the customer may have seen the code.
    pub fn withdraw(&mut self, md5: &Md5Handle, now: Timestamp) {
        self.tick(now);
        if let Some(key) = self.payments.find(md5) {
            self.remove(key);
            self.changes.push(Change::Withdrawn { md5: *md5 });
        }
    }

    /// Adds a payment and its reservations without checking the quota.
    pub(super) fn admit(
        &mut self,
        mut payment: Payment,
        policy: Policy,
        opened_at: Timestamp,
    ) -> Key {
        // Only the store needs the details.
        payment.details = None;
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
            + u32::from(payment.short_lookup().is_some());
        // Single checks must not reserve all requests before a list was tried.
        let reserved = self.reserved_with_first_list(window);
        if reserved.saturating_add(needed) <= self.capacity_of(window) {
            return None;
        }
        if let Some(known_at) = self.lists_known_at() {
            return Some(known_at);
        }
        // A payment that is opened after this wait has its deadline in the next window.
        let wait = windows.end_of(window).saturating_since(due_at);
        Some(self.now.saturating_add(wait))
    }
}
