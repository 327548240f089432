//! Schedules the next check of each payment.

use bakong_api::khqr_core::Timestamp;

use super::Tracker;
use super::payment_state::PaymentState;
use super::payments::{Key, Slot};
use super::reservations::MAX_LIST;

/// The final checks that are reserved in a quota window are sent at least this long before the window ends, in
/// milliseconds.
const BEFORE_WINDOW_END: u64 = 30_000;

impl Tracker {
    /// Plans the next early check, after the payment was opened or Bakong answered.
    pub(super) fn plan_check(&mut self, key: Key, now: Timestamp) {
        let (spare, window_end) = (self.spare(), self.usage.ends_at());
        let open = u32::try_from(self.payments.len()).unwrap_or(u32::MAX);
        let per_request = if self.lists.works() {
            open.min(MAX_LIST)
        } else {
            1
        };
        let slot = &self.payments[key];
        let (schedule, expires_at) = (slot.policy.schedule, slot.payment.expires_at);
        let left = expires_at.saturating_since(now);
        let share = self.pacer.share(spare, window_end, left, open, per_request);
        let age = now.saturating_since(slot.opened_at);
        let life = expires_at.saturating_since(slot.opened_at);
        // Plan one check in any case: whether a request is spare is decided when the check is due.
        let next = schedule.spread(age, life, share.max(1_000));
        let next = next.map(|age| slot.opened_at.saturating_add(age));
        // The payment can also join a list that is sent anyway.
        let interval = self.pacer.interval(spare, window_end);
        let in_list = interval
            .filter(|_| per_request > 1 && !age.is_zero())
            .map(|interval| now.saturating_add(interval.max(schedule.gap(age))));
        let check_at = [next, in_list].into_iter().flatten().min();
        let check_at = check_at.filter(|at| *at < expires_at && !slot.is_cancelled);
        let state = PaymentState::waiting(check_at, slot.state().final_at());
        self.payments.reschedule(key, state);
    }

    /// Plans an early check at once if one was due while no tracker ran, because the customer may have paid meanwhile.
    pub(super) fn plan_missed_check(&mut self, key: Key, now: Timestamp) {
        let slot = &self.payments[key];
        let schedule = slot.policy.schedule;
        let due_at = match slot.asked_at {
            Some(asked_at) => {
                let age = asked_at.saturating_since(slot.opened_at);
                asked_at.saturating_add(schedule.gap(age))
            }
            None => slot.opened_at.saturating_add(schedule.first),
        };
        if due_at <= now && now < slot.payment.expires_at && !slot.is_cancelled {
            let state = PaymentState::waiting(Some(now), slot.state().final_at());
            self.payments.reschedule(key, state);
        }
    }

    /// Ends the request in flight for the payment and makes the next check due at `at`: an early check before the
    /// deadline, otherwise the final check.
    pub(super) fn retry_at(&mut self, key: Key, at: Timestamp) {
        let slot = &self.payments[key];
        let deadline = slot.deadline();
        let state = if at < deadline {
            PaymentState::waiting(Some(at).filter(|_| !slot.is_cancelled), deadline)
        } else {
            let reserved_from = self.hash_reserved_from(slot);
            PaymentState::waiting(None, reserved_from.map_or(at, |from| from.max(at)))
        };
        self.payments.reschedule(key, state);
        self.mark_final_due();
    }

    /// Marks the final checks whose time has come as due.
    pub(super) fn mark_final_due(&mut self) {
        while let Some((at, key)) = self.payments.next_final()
            && at <= self.now
        {
            let slot = &mut self.payments[key];
            if slot.state().request().is_none() {
                // The MD5 comes before a hash whose early check is still pending.
                slot.lookups.start_final();
            }
            let slot = &self.payments[key];
            let state = slot.state().final_due(self.latest(slot));
            self.payments.reschedule(key, state);
        }
    }

    /// Returns the time until which the final check of a payment can wait for a list. Its request is reserved in the
    /// window of the deadline.
    fn latest(&self, slot: &Slot) -> Timestamp {
        let (deadline, final_at) = (slot.deadline(), slot.state().final_at());
        let window = self.config.quota.window;
        let window_end = window.end_of(window.index_of(deadline)).as_millis();
        let latest = deadline
            .saturating_add(slot.policy.grace.final_check_window)
            .min(Timestamp::from_millis(
                window_end.saturating_sub(BEFORE_WINDOW_END),
            ));
        let paused_until = self.lists.paused_until();
        let is_shared = self.lists.works() || paused_until.is_some_and(|until| until < latest);
        if slot.is_single() || !is_shared {
            return final_at;
        }
        latest.max(final_at)
    }

    /// The clock was set back to `now`: waits keep their remaining length.
    pub(super) fn set_clock_back(&mut self, now: Timestamp) {
        let by = self.now.saturating_since(now);
        for key in self.payments.keys() {
            let slot = &mut self.payments[key];
            let deadline = slot.deadline();
            let is_before_deadline = now < deadline;
            slot.asked_at = slot.asked_at.map(|at| at.min(now));
            slot.opened_at = slot.opened_at.min(now);
            if is_before_deadline {
                if slot.lookups.is_md5_done() {
                    let within = slot.policy.grace.final_check_window;
                    self.reservations.reserve(deadline, within);
                }
                slot.lookups.reset_final();
            }
            let state = slot.state().clock_set_back(by, deadline);
            self.payments.reschedule(key, state);
            self.reserve_hashes(key);
        }
        self.backoff.clock_set_back(by);
        self.in_flight.clock_set_back(now);
    }
}
