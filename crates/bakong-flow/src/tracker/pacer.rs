//! The rate at which spare requests are spent.
//!
//! Requests that are not reserved for final checks or renewals are spare. They find payments earlier. A token bucket
//! spreads them over the rest of the quota window: it refills at the rate at which the spare requests last until the
//! window ends, and each early check takes one token.

use std::time::Duration;

use bakong_api::khqr_core::Timestamp;

/// One token, in the unit of the bucket.
const TOKEN: u64 = 1_000_000;

/// A token bucket for early checks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pacer {
    /// Millionths of a token.
    tokens: u64,
    /// When the bucket was last refilled.
    refilled_at: Timestamp,
}

impl Pacer {
    /// Creates a bucket with `burst` tokens.
    pub(super) fn new(burst: u32, now: Timestamp) -> Self {
        Self {
            tokens: u64::from(burst) * TOKEN,
            refilled_at: now,
        }
    }

    /// Adds the tokens for the time since the last call, up to `burst`. `spare` requests must last until `end`.
    pub(super) fn refill(&mut self, spare: u32, burst: u32, end: Timestamp, now: Timestamp) {
        let capacity = u64::from(burst) * TOKEN;
        let spare = u64::from(spare) * TOKEN;
        let passed = millis(now.saturating_since(self.refilled_at));
        let left = self.millis_until(end).max(1);
        let missing = spare.saturating_sub(self.tokens);
        let added = u128::from(missing) * u128::from(passed.min(left)) / u128::from(left);
        // The result is at most `missing`.
        let added = u64::try_from(added).unwrap_or(u64::MAX);
        // Keep the old time if nothing was added, so that fractions of the unit are not lost.
        if added > 0 || now < self.refilled_at {
            self.refilled_at = now;
        }
        self.tokens = self.tokens.saturating_add(added).min(capacity).min(spare);
    }

    /// Whether [`acquire`](Self::acquire) would find a token.
    pub(super) const fn is_ready(&self) -> bool {
        self.tokens >= TOKEN
    }

    /// Returns when a token will be available; `None` if that is not before `end`.
    pub(super) fn ready_at(&self, spare: u32, end: Timestamp) -> Option<Timestamp> {
        if self.is_ready() {
            return Some(self.refilled_at);
        }
        let needed = u128::from(TOKEN - self.tokens);
        let missing = u128::from((u64::from(spare) * TOKEN).saturating_sub(self.tokens));
        let wait = (needed * u128::from(self.millis_until(end))).checked_div(missing)?;
        let wait = Duration::from_millis(u64::try_from(wait).ok()?.saturating_add(1));
        let moment = self.refilled_at.saturating_add(wait);
        (moment < end).then_some(moment)
    }

    /// Takes a token for an early check.
    pub(super) const fn acquire(&mut self) {
        self.tokens = self.tokens.saturating_sub(TOKEN);
    }

    /// Makes a token available ahead of time, if any request is spare.
    pub(super) fn advance(&mut self, spare: u32) {
        if spare > 0 {
            self.tokens = self.tokens.max(TOKEN);
        }
    }

    /// Puts back the token of a request that was not sent, or that made a final check unnecessary.
    pub(super) const fn refund(&mut self) {
        self.tokens = self.tokens.saturating_add(TOKEN);
    }

    /// Returns the time between two spare requests that are spread evenly; `None` if there are no spare requests.
    pub(super) fn interval(&self, spare: u32, end: Timestamp) -> Option<Duration> {
        end.saturating_since(self.refilled_at).checked_div(spare)
    }

    /// Returns how many checks, in thousandths, each of `payments` can expect within `time`, if each request checks
    /// `per_request` payments.
    pub(super) fn share(
        &self,
        spare: u32,
        end: Timestamp,
        time: Duration,
        payments: u32,
        per_request: u32,
    ) -> u64 {
        let missing = u128::from((u64::from(spare) * TOKEN).saturating_sub(self.tokens));
        let left = u128::from(self.millis_until(end).max(1));
        let added = missing * u128::from(millis(time)).min(left) / left;
        let checks = (u128::from(self.tokens) + added) * u128::from(per_request.max(1));
        let share = checks / u128::from(payments.max(1));
        u64::try_from(share / u128::from(TOKEN / 1_000)).unwrap_or(u64::MAX)
    }

    const fn millis_until(&self, end: Timestamp) -> u64 {
        end.as_millis().saturating_sub(self.refilled_at.as_millis())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const END: Timestamp = Timestamp::from_millis(START.as_millis() + 900 * 60_000);

    fn after(minutes: u64) -> Timestamp {
        START.saturating_add(Duration::from_secs(minutes * 60))
    }

    /// Acquires tokens until none is left.
    fn acquire_all(pacer: &mut Pacer) -> u32 {
        let mut tokens = 0;
        while pacer.is_ready() {
            pacer.acquire();
            tokens += 1;
        }
        tokens
    }

    #[test]
    fn a_burst_is_followed_by_a_steady_rate() {
        let mut pacer = Pacer::new(10, START);
        assert_eq!(acquire_all(&mut pacer), 10);
        // 90 requests for 900 minutes. Rounding costs at most a few milliseconds.
        let mut spare = 90;
        for number in 1..90 {
            let due = after(number * 10).as_millis();
            let around = |millis: u64| Timestamp::from_millis(due + millis - 3);
            let ready_at = pacer.ready_at(spare, END).unwrap();
            assert!(around(0) < ready_at && ready_at < around(6), "{number}");
            pacer.refill(spare, 10, END, around(0));
            assert!(!pacer.is_ready(), "{number}");
            pacer.refill(spare, 10, END, around(6));
            assert_eq!(acquire_all(&mut pacer), 1, "{number}");
            spare -= 1;
        }
        // A token at the very end would belong to the next window.
        assert_eq!(pacer.ready_at(spare, END), None);
    }

    #[test]
    fn without_spare_requests_no_token_is_added() {
        let mut pacer = Pacer::new(10, START);
        pacer.refill(0, 10, END, START);
        pacer.advance(0);
        assert!(!pacer.is_ready());
        assert_eq!(pacer.ready_at(0, END), None);
        assert_eq!(pacer.interval(0, END), None);
        pacer.refill(0, 10, END, after(600));
        assert!(!pacer.is_ready());
    }

    #[test]
    fn unused_tokens_accumulate_up_to_the_burst() {
        let mut pacer = Pacer::new(0, START);
        pacer.refill(90, 3, END, after(300));
        assert_eq!(acquire_all(&mut pacer), 3);
    }

    #[test]
    fn a_share_counts_present_and_future_tokens() {
        let mut pacer = Pacer::new(10, START);
        pacer.refill(100, 10, END, START);
        let ten_minutes = Duration::from_secs(600);
        let share =
            |payments, per_request| pacer.share(100, END, ten_minutes, payments, per_request);
        assert_eq!(
            [share(1, 1), share(10, 1), share(10, 10)],
            [11_000, 1_100, 11_000]
        );
        assert_eq!(pacer.interval(90, END), Some(ten_minutes));
    }

    #[test]
    fn a_clock_set_back_adds_no_token_twice() {
        let mut pacer = Pacer::new(0, START);
        for minutes in [5, 2, 5] {
            pacer.refill(90, 10, END, after(minutes));
        }
        assert!(!pacer.is_ready(), "0.5 + 0 + 0.3 tokens");
        pacer.refill(90, 10, END, after(8));
        assert!(pacer.is_ready());
    }

    #[test]
    fn one_token_is_advanced_or_refunded() {
        let mut pacer = Pacer::new(0, START);
        pacer.advance(1);
        assert_eq!(acquire_all(&mut pacer), 1);
        pacer.refund();
        assert_eq!(acquire_all(&mut pacer), 1);
    }

    #[test]
    fn frequent_refills_lose_no_fraction_of_a_token() {
        // One request for 900 minutes: a unit of the bucket takes 54 ms.
        let mut pacer = Pacer::new(0, START);
        for step in 1..=54 {
            pacer.refill(
                1,
                1,
                END,
                START.saturating_add(Duration::from_millis(step * 10)),
            );
        }
        assert_eq!(pacer.tokens, 9);
    }

    proptest! {
        #[test]
        fn no_more_requests_than_are_spare_are_sent(
            steps in prop::collection::vec((0u64..100, any::<bool>()), 0..400),
        ) {
            let (mut pacer, mut spare, mut now) = (Pacer::new(10, START), 100u32, 0);
            for (minutes, ask) in steps {
                now += minutes;
                pacer.refill(spare, 10, END, after(now));
                if ask && pacer.is_ready() {
                    prop_assert!(spare > 0);
                    pacer.acquire();
                    spare -= 1;
                }
                if let Some(moment) = pacer.ready_at(spare, END) {
                    let mut then = pacer.clone();
                    then.refill(spare, 10, END, moment);
                    prop_assert!(then.is_ready(), "{:?} {moment:?}", then);
                }
            }
        }
    }
}
