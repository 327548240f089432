//! Which payments are taken on.

use std::fmt;

use bakong_api::khqr_core::Timestamp;

use super::Tracker;
use crate::change::Change;
use crate::payment::Payment;
use crate::policy::Policy;

/// Why a payment is not watched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// A payment with this MD5 is open, or was finished: two orders with the same code cannot be told
    /// apart. Give each code a bill number of its own.
    Known,
    /// The order is settled already: a code for it would be paid a second time.
    OrderSettled,
    /// The day's requests do not suffice for its last check, so nobody would know whether it was paid. Do not
    /// show its code.
    NoQuota {
        /// When such a payment can be promised its last check, as far as is known.
        until: Timestamp,
    },
    /// As many payments are open as can be counted.
    Full,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known => f.write_str(
                "a payment of this very code is known already; give each code its own bill number",
            ),
            Self::OrderSettled => f.write_str("the order is settled already"),
            Self::NoQuota { until } => write!(
                f,
                "the day's requests do not suffice to see whether this code is paid; do not show it before {} ms \
                 since 1970",
                until.as_millis()
            ),
            Self::Full => f.write_str("too many payments are open"),
        }
    }
}

impl std::error::Error for OpenError {}

impl Tracker {
    /// Watches a payment from now on, and promises it a check after its expiry. One whose code has expired
    /// already is asked about once.
    ///
    /// # Errors
    /// [`OpenError`], with which it is not watched.
    pub fn open(
        &mut self,
        payment: Payment,
        policy: Policy,
        now: Timestamp,
    ) -> Result<(), OpenError> {
        self.tick(now);
        if self.slots.find(&payment.md5).is_some() || self.finished.get(&payment.md5).is_some() {
            return Err(OpenError::Known);
        }
        if self.finished.is_settled(&payment.order) {
            return Err(OpenError::OrderSettled);
        }
        // However often it is tried, it is one that is wanted.
        if self.refused.replace(payment.md5) != Some(payment.md5) {
            self.ledger.wanted(now);
        }
        if let Some(until) = self.refused_until(&payment, policy) {
            return Err(OpenError::NoQuota { until });
        }
        let opened = Change::Opened {
            payment: Box::new(payment.clone()),
            policy,
            at: now,
        };
        let place = self.admit(payment, policy, now).ok_or(OpenError::Full)?;
        self.changes.push(opened);
        self.schedule(place, now);
        Ok(())
    }

    /// Takes a payment on, whatever the quota.
    pub(super) fn admit(
        &mut self,
        payment: Payment,
        policy: Policy,
        opened_at: Timestamp,
    ) -> Option<u32> {
        let grace = policy.grace;
        let deadline = payment.expires_at.saturating_add(grace.after_expiry);
        let place = self.slots.insert(payment, policy, opened_at)?;
        self.promises.add(deadline, grace.last_check_within);
        self.last.push(deadline.as_millis(), place);
        self.set_aside(place);
        Some(place)
    }

    /// Until when a payment cannot be promised its last check; `None` if it can.
    fn refused_until(&self, payment: &Payment, policy: Policy) -> Option<Timestamp> {
        let expiry = payment.expires_at.saturating_add(policy.grace.after_expiry);
        let deadline = expiry.max(self.now);
        let within = policy.grace.last_check_within;
        let quota = self.config.quota;
        let today = self.ledger.usage().day;
        let day = quota.turn.day_of(deadline).max(today);
        let lists = self.lists.work();
        let promised = self.promised(day, lists);
        let last_check = self.promises.for_one_more(expiry, within, lists);
        let hashes = [payment.hash.is_some(), payment.short_hash.is_some()];
        let needed = hashes.map(u32::from).iter().sum::<u32>() + last_check;
        if promised.saturating_add(needed) <= self.room_on(day) {
            return None;
        }
        // One that is opened so much later has its deadline on the next day.
        let wait = quota.turn.end_of(day).saturating_since(deadline);
        Some(self.now.saturating_add(wait))
    }
}
