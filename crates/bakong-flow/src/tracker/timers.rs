//! When which payment is due: a heap in which what is no longer true is left until it comes to the top.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Moments in milliseconds, and the places of payments. An entry counts only if the payment still says so.
#[derive(Clone, Default, Debug)]
pub(super) struct Timers(BinaryHeap<Reverse<(u64, u32)>>);

impl Timers {
    pub(super) fn push(&mut self, at: u64, place: u32) {
        self.0.push(Reverse((at, place)));
    }

    /// The earliest entry that `holds`; those before it are dropped.
    pub(super) fn peek(&mut self, holds: impl Fn(u64, u32) -> bool) -> Option<(u64, u32)> {
        loop {
            let Reverse((at, place)) = *self.0.peek()?;
            if holds(at, place) {
                return Some((at, place));
            }
            self.0.pop();
        }
    }

    /// Takes the entry that [`peek`](Self::peek) gave.
    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    /// Drops what no longer holds, if that is most of it: payments that end early leave their entries behind.
    pub(super) fn tidy(&mut self, live: usize, holds: impl Fn(u64, u32) -> bool) {
        if self.0.len() > 4 * live + 64 {
            self.0.retain(|Reverse((at, place))| holds(*at, *place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_that_holds_comes_first() {
        let mut timers = Timers::default();
        for (at, place) in [(3, 0), (1, 1), (2, 2)] {
            timers.push(at, place);
        }
        assert_eq!(timers.peek(|_, place| place != 1), Some((2, 2)));
        timers.pop();
        assert_eq!(timers.peek(|_, _| true), Some((3, 0)));
        assert_eq!(timers.peek(|_, _| false), None);
    }

    #[test]
    fn what_no_longer_holds_does_not_pile_up() {
        let mut timers = Timers::default();
        for at in 0..1_000 {
            timers.push(at, 7);
            timers.tidy(1, |at, _| at > 990);
        }
        assert!(timers.0.len() <= 69, "{}", timers.0.len());
    }
}
