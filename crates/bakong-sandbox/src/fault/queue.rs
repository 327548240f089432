//! Decides which fault matches which request.

use serde::{Deserialize, Serialize};

use super::rule::{Fault, Times};
use crate::entropy::Entropy;
use crate::wire::ApiEndpoint;

/// The faults that are not used up, in the order in which they were added.
pub(crate) struct FaultQueue {
    /// Each fault has a number that is never reused.
    queue: Vec<(u64, Fault)>,
    last_number: u64,
    /// Decides which requests a fault with a percentage matches.
    dice: Entropy,
}

/// The counters of a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FaultCounters {
    number: u64,
    /// The number of requests left; `None` for no limit.
    times: Option<u32>,
    /// The number of matching requests to skip first.
    after: u32,
}

/// The fault that matches a request, and the changes that the match causes in the queue.
#[derive(Default)]
pub(crate) struct Selection {
    pub(crate) matched: Option<(u64, Fault)>,
    pub(crate) counters: Vec<FaultCounters>,
    /// The total number of draws, if this selection made any.
    pub(crate) draws: Option<u64>,
}

impl FaultQueue {
    pub(crate) const fn new(dice: Entropy) -> Self {
        Self {
            queue: Vec::new(),
            last_number: 0,
            dice,
        }
    }

    /// Selects the first fault that matches a request to `endpoint`, without changing the queue.
    pub(crate) fn select(&self, endpoint: Option<ApiEndpoint>) -> Selection {
        let mut selection = Selection::default();
        let mut dice = self.dice;
        for (number, fault) in &self.queue {
            let is_meant = endpoint.is_some_and(|endpoint| fault.on.contains(&endpoint));
            if !fault.on.is_empty() && !is_meant {
                continue;
            }
            let mut counters = FaultCounters {
                number: *number,
                times: fault.times.0,
                after: fault.after,
            };
            if let Some(after) = fault.after.checked_sub(1) {
                counters.after = after;
                selection.counters.push(counters);
                continue;
            }
            let percent = fault.percent.unwrap_or(100);
            if percent < 100 && dice.percentile() >= percent {
                continue;
            }
            if let Times(Some(times)) = fault.times {
                counters.times = Some(times.saturating_sub(1));
                selection.counters.push(counters);
            }
            selection.matched = Some((*number, fault.clone()));
            break;
        }
        let draws = dice.drawn();
        selection.draws = (draws != self.draws()).then_some(draws);
        selection
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Fault)> {
        self.queue.iter().map(|(number, fault)| (*number, fault))
    }

    pub(crate) const fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) const fn last_number(&self) -> u64 {
        self.last_number
    }

    pub(crate) const fn draws(&self) -> u64 {
        self.dice.drawn()
    }
}

/// Modifications, which only `State::apply` calls.
impl FaultQueue {
    pub(crate) fn insert(&mut self, number: u64, fault: &Fault) {
        self.last_number = number;
        if fault.times != Times(Some(0)) {
            self.queue.push((number, fault.clone()));
        }
    }

    /// Updates the counters of a fault, and removes a fault that is used up. A fault can be missing, because
    /// the state file does not contain faults that are not UTF-8.
    pub(crate) fn set_counters(&mut self, counters: FaultCounters) {
        for (number, fault) in &mut self.queue {
            if *number == counters.number {
                fault.times = Times(counters.times);
                fault.after = counters.after;
            }
        }
        if counters.times == Some(0) {
            self.remove(counters.number);
        }
    }

    pub(crate) fn remove(&mut self, number: u64) {
        self.queue.retain(|(it, _)| *it != number);
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }

    pub(crate) const fn set_draws(&mut self, drawn: u64) {
        self.dice = self.dice.after(drawn);
    }

    pub(crate) const fn set_last_number(&mut self, number: u64) {
        self.last_number = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue with numbered faults.
    fn queue(seed: u8, faults: impl IntoIterator<Item = Fault>) -> FaultQueue {
        let mut queue = FaultQueue::new(Entropy::from_seed([seed; 32]));
        for (number, fault) in (1..).zip(faults) {
            queue.insert(number, &fault);
        }
        queue
    }

    /// The number of the fault that matches the next request, which is 0 for none.
    fn next(queue: &mut FaultQueue, endpoint: Option<ApiEndpoint>) -> u64 {
        let selection = queue.select(endpoint);
        for counters in selection.counters {
            queue.set_counters(counters);
        }
        if let Some(draws) = selection.draws {
            queue.set_draws(draws);
        }
        selection.matched.map_or(0, |(number, _)| number)
    }

    const VERIFY: Option<ApiEndpoint> = Some(ApiEndpoint::Verify);
    const RENEW: Option<ApiEndpoint> = Some(ApiEndpoint::RenewToken);

    #[test]
    fn faults_match_in_order_until_they_are_used_up() {
        let faults = [Fault::cut().times(2), Fault::hang(), Fault::cut().times(0)];
        let mut queue = queue(5, faults);
        let matched = [VERIFY, None, VERIFY, VERIFY].map(|it| next(&mut queue, it));
        assert_eq!((matched, queue.len()), ([1, 1, 2, 0], 0));
        assert_eq!(queue.last_number(), 3);
    }

    #[test]
    fn a_fault_of_some_endpoints_ignores_the_others() {
        let two = Fault::cut()
            .on(ApiEndpoint::Verify)
            .on(ApiEndpoint::CheckBakongAccount);
        let renewals = Fault::hang().on(ApiEndpoint::RenewToken);
        let mut queue = queue(5, [two.always(), renewals]);
        let account = Some(ApiEndpoint::CheckBakongAccount);
        let other = Some(ApiEndpoint::RequestToken);
        let requests = [None, other, VERIFY, account, VERIFY, RENEW, RENEW];
        let matched = requests.map(|endpoint| next(&mut queue, endpoint));
        assert_eq!(matched, [0, 0, 1, 1, 1, 2, 0]);
        queue.remove(1);
        assert_eq!(next(&mut queue, VERIFY), 0);
    }

    #[test]
    fn some_requests_are_skipped_first() {
        let late = Fault::cut().on(ApiEndpoint::Verify).after(2);
        let renewals = Fault::hang().on(ApiEndpoint::RenewToken).always();
        let mut queue = queue(5, [late, renewals]);
        // A request to another endpoint does not count.
        let requests = [VERIFY, RENEW, VERIFY, VERIFY, VERIFY];
        let matched = requests.map(|endpoint| next(&mut queue, endpoint));
        assert_eq!(matched, [0, 2, 0, 1, 0]);
    }

    #[test]
    fn the_seed_decides_which_requests_a_percentage_matches() {
        let run = |seed, percent| {
            let mut queue = queue(seed, [Fault::cut().percent(percent).always()]);
            (0..1000)
                .map(|_| next(&mut queue, None))
                .collect::<Vec<_>>()
        };
        let count = |percent| run(1, percent).iter().sum::<u64>();
        assert_eq!((count(0), count(100), count(200)), (0, 1000, 1000));
        assert!((200..300).contains(&count(25)), "{}", count(25));
        assert_eq!(run(1, 50), run(1, 50));
        assert_ne!(run(1, 50), run(2, 50));
    }
}
