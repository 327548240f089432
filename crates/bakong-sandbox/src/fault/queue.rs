//! Which fault strikes which request.

use super::{Fault, Trouble};
use crate::endpoint::ApiEndpoint;
use crate::entropy::Entropy;
use crate::keep::Change;

/// The faults that are still to come, in the order in which they were asked for.
pub(crate) struct Faults {
    /// Each with its number, which no other has had.
    queue: Vec<(u64, Fault)>,
    last_number: u64,
    dice: Entropy,
    /// What a state file has not been told yet.
    news: Vec<Change>,
}

impl Faults {
    /// `dice` decides what is a matter of chance.
    pub(crate) const fn new(dice: Entropy) -> Self {
        Self {
            queue: Vec::new(),
            last_number: 0,
            dice,
            news: Vec::new(),
        }
    }

    /// Adds a fault and gives its number.
    pub(crate) fn add(&mut self, fault: Fault) -> u64 {
        self.last_number = self.last_number.saturating_add(1);
        if !fault.target.is_used_up() {
            self.news.extend(Change::fault(self.last_number, &fault));
            self.queue.push((self.last_number, fault));
        }
        self.last_number
    }

    pub(crate) fn clear(&mut self) {
        let gone = self.queue.drain(..);
        self.news
            .extend(gone.map(|(number, _)| Change::FaultGone(number)));
    }

    /// Takes one back; false if there is none of this number.
    pub(crate) fn remove(&mut self, number: u64) -> bool {
        let before = self.queue.len();
        self.queue.retain(|(it, _)| *it != number);
        let is_gone = self.queue.len() < before;
        if is_gone {
            self.news.push(Change::FaultGone(number));
        }
        is_gone
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Fault)> {
        self.queue.iter().map(|(number, fault)| (*number, fault))
    }

    pub(crate) const fn len(&self) -> usize {
        self.queue.len()
    }

    /// What happens to a request to `endpoint`: the first fault that is for it and not used up, with its
    /// number.
    pub(crate) fn next(&mut self, endpoint: Option<ApiEndpoint>) -> Option<(u64, Trouble)> {
        let Self {
            queue, dice, news, ..
        } = self;
        let place = queue.iter_mut().position(|(number, fault)| {
            let target = &mut fault.target;
            let before = (target.left, target.spared);
            let strikes = target.strikes(endpoint, dice);
            if target.is_used_up() {
                news.push(Change::FaultGone(*number));
            } else if (target.left, target.spared) != before {
                news.push(Change::FaultLeft {
                    number: *number,
                    times: target.left,
                    after: target.spared,
                });
            }
            strikes
        })?;
        let (number, fault) = queue.get(place)?;
        let struck = (*number, fault.trouble.clone());
        if fault.target.is_used_up() {
            queue.remove(place);
        }
        Some(struck)
    }

    /// How often the dice were thrown, and the number that the last fault had.
    pub(crate) const fn counts(&self) -> (u64, u64) {
        let (_, thrown) = self.dice.standing();
        (thrown, self.last_number)
    }

    /// What has changed since this was asked last, but for the counts.
    pub(crate) fn take_news(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.news)
    }
}

/// From a state file.
impl Faults {
    pub(crate) fn restore(&mut self, number: u64, fault: Fault) {
        self.queue.push((number, fault));
    }

    /// A fault that there is not is one that could not be kept.
    pub(crate) fn restore_left(&mut self, number: u64, times: Option<u32>, after: u32) {
        for (it, fault) in &mut self.queue {
            if *it == number {
                fault.target.left = times;
                fault.target.spared = after;
            }
        }
    }

    pub(crate) fn restore_counts(&mut self, thrown: u64, last_number: u64) {
        let (seed, _) = self.dice.standing();
        self.dice = Entropy::resume(*seed, thrown);
        self.last_number = last_number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Source;

    fn faults() -> Faults {
        Faults::new(Entropy::from_seed([5; 32]))
    }

    fn next(faults: &mut Faults, endpoint: Option<ApiEndpoint>) -> Option<Trouble> {
        faults.next(endpoint).map(|(_, trouble)| trouble)
    }

    fn is_cut(trouble: Option<Trouble>) -> bool {
        matches!(trouble.map(|trouble| trouble.source), Some(Source::Cut))
    }

    fn is_hang(trouble: Option<Trouble>) -> bool {
        matches!(trouble.map(|trouble| trouble.source), Some(Source::Hang))
    }

    #[test]
    fn faults_come_in_order_and_run_out() {
        let mut faults = faults();
        faults.add(Fault::cut().times(2));
        faults.add(Fault::hang());
        faults.add(Fault::cut().times(0));
        let any = Some(ApiEndpoint::Verify);
        assert!(is_cut(next(&mut faults, any)));
        assert!(is_cut(next(&mut faults, None)));
        assert!(is_hang(next(&mut faults, any)));
        assert!(faults.next(any).is_none());
        assert_eq!(faults.len(), 0);
    }

    #[test]
    fn a_fault_of_some_endpoints_spares_the_others() {
        let mut faults = faults();
        let two = Fault::cut()
            .on(ApiEndpoint::Verify)
            .on(ApiEndpoint::CheckBakongAccount);
        faults.add(two.always());
        faults.add(Fault::hang().on(ApiEndpoint::RenewToken));
        assert!(faults.next(None).is_none());
        assert!(faults.next(Some(ApiEndpoint::RequestToken)).is_none());
        for endpoint in [
            ApiEndpoint::Verify,
            ApiEndpoint::CheckBakongAccount,
            ApiEndpoint::Verify,
        ] {
            assert!(is_cut(next(&mut faults, Some(endpoint))));
        }
        assert!(is_hang(next(&mut faults, Some(ApiEndpoint::RenewToken))));
        faults.clear();
        assert!(faults.next(Some(ApiEndpoint::Verify)).is_none());
    }

    #[test]
    fn some_requests_are_let_through_first() {
        let mut faults = faults();
        faults.add(Fault::cut().on(ApiEndpoint::Verify).after(2).times(1));
        faults.add(Fault::hang().on(ApiEndpoint::RenewToken).always());
        let any = Some(ApiEndpoint::Verify);
        assert!(faults.next(any).is_none());
        // A request that it is not for does not count.
        assert!(is_hang(next(&mut faults, Some(ApiEndpoint::RenewToken))));
        assert!(faults.next(any).is_none());
        assert!(is_cut(next(&mut faults, any)));
        assert!(faults.next(any).is_none());
    }

    #[test]
    fn chance_is_drawn_from_the_seed() {
        let run = |seed, percent| {
            let mut faults = Faults::new(Entropy::from_seed([seed; 32]));
            faults.add(Fault::cut().percent(percent).always());
            (0..1000)
                .map(|_| faults.next(None).is_some())
                .collect::<Vec<_>>()
        };
        let struck = |percent| run(1, percent).iter().filter(|struck| **struck).count();
        assert_eq!((struck(0), struck(100), struck(200)), (0, 1000, 1000));
        assert!((200..300).contains(&struck(25)), "{}", struck(25));
        assert_eq!(run(1, 50), run(1, 50));
        assert_ne!(run(1, 50), run(2, 50));
    }

    #[test]
    fn one_is_taken_back_by_its_number() {
        let mut faults = faults();
        let first = faults.add(Fault::cut().always());
        let second = faults.add(Fault::hang().always());
        assert!(faults.remove(first));
        assert!(!faults.remove(first));
        assert!(is_hang(next(&mut faults, None)));
        let numbers: Vec<u64> = faults.iter().map(|(number, _)| number).collect();
        assert_eq!(numbers, [second]);
        faults.clear();
        assert!(faults.add(Fault::cut()) > second, "a number is given once");
    }
}
