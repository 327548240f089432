//! When which payment is due: entries by pieces of time, of which the present one alone is sorted. What is no longer
//! true is left until it comes to the top.
//!
//! A heap of a million entries misses the cache at each of its twenty levels; a piece of time has a few thousand.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// A piece is so many milliseconds long, as a power of two: eight seconds.
const PIECE: u32 = 13;

/// Moments in milliseconds, and the places of payments. An entry counts only if the payment still says so.
#[derive(Clone, Default, Debug)]
pub(super) struct Timers {
    /// All entries of pieces before this one are in `present`.
    begun: u64,
    present: BinaryHeap<Reverse<(u64, u32)>>,
    later: BTreeMap<u64, Vec<Entry>>,
    len: usize,
}

/// An entry of a piece that has not begun.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// How far into the piece.
    millis: u16,
    place: u32,
}

impl Timers {
    /// How many entries there are, those that no longer hold among them.
    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, at: u64, place: u32) {
        self.len += 1;
        let piece = at >> PIECE;
        if piece < self.begun {
            self.present.push(Reverse((at, place)));
            return;
        }
        // The rest of a division by a piece's length fits.
        let millis = u16::try_from(at & ((1 << PIECE) - 1)).unwrap_or(u16::MAX);
        self.later
            .entry(piece)
            .or_default()
            .push(Entry { millis, place });
    }

    /// The earliest entry that `holds`; those before it are dropped.
    pub(super) fn peek(&mut self, holds: impl Fn(u64, u32) -> bool) -> Option<(u64, u32)> {
        loop {
            while let Some(Reverse((at, place))) = self.present.peek().copied() {
                if holds(at, place) {
                    return Some((at, place));
                }
                self.pop();
            }
            let (piece, entries) = self.later.pop_first()?;
            self.begun = piece + 1;
            let entries = entries.into_iter().map(|entry| entry.at(piece));
            self.present = entries.map(Reverse).collect();
        }
    }

    /// Takes the entry that [`peek`](Self::peek) gave.
    pub(super) fn pop(&mut self) {
        if self.present.pop().is_some() {
            self.len -= 1;
        }
    }

    /// Drops what no longer holds, if that is most of it: payments that end early leave their entries behind.
    pub(super) fn tidy(&mut self, live: usize, holds: impl Fn(u64, u32) -> bool) {
        if self.len <= 2 * live + 64 {
            return;
        }
        self.present
            .retain(|Reverse((at, place))| holds(*at, *place));
        self.len = self.present.len();
        self.later.retain(|piece, entries| {
            entries.retain(|entry| {
                let (at, place) = entry.at(*piece);
                holds(at, place)
            });
            entries.shrink_to_fit();
            self.len += entries.len();
            !entries.is_empty()
        });
    }
}

impl Entry {
    fn at(self, piece: u64) -> (u64, u32) {
        ((piece << PIECE) + u64::from(self.millis), self.place)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_earliest_that_holds_comes_first() {
        let mut timers = Timers::default();
        for (at, place) in [(30_000, 0), (10_000, 1), (20_000, 2)] {
            timers.push(at, place);
        }
        assert_eq!(timers.peek(|_, place| place != 1), Some((20_000, 2)));
        timers.push(1, 3);
        assert_eq!(timers.peek(|_, _| true), Some((1, 3)));
        timers.pop();
        timers.pop();
        assert_eq!(timers.peek(|_, _| true), Some((30_000, 0)));
        assert_eq!(timers.peek(|_, _| false), None);
        assert_eq!(timers.len, 0);
    }

    #[test]
    fn what_no_longer_holds_does_not_pile_up() {
        let mut timers = Timers::default();
        for at in 0..1_000 {
            timers.push(at * 1_000, 7);
            timers.tidy(1, |at, _| at > 990_000);
        }
        assert!(timers.len <= 67, "{}", timers.len);
    }

    proptest! {
        #[test]
        fn all_come_out_in_their_order(
            steps in prop::collection::vec((prop::option::of(0u64..100_000), 0u32..50), 0..300),
        ) {
            let (mut timers, mut heap) = (Timers::default(), BinaryHeap::new());
            for (at, place) in steps {
                match at {
                    Some(at) => {
                        timers.push(at, place);
                        heap.push(Reverse((at, place)));
                    }
                    None => {
                        let first = heap.pop().map(|Reverse(first)| first);
                        prop_assert_eq!(timers.peek(|_, _| true), first);
                        timers.pop();
                    }
                }
                prop_assert_eq!(timers.len, heap.len());
                if place == 0 {
                    timers.tidy(0, |at, _| at % 3 != 0);
                    if heap.len() > 64 {
                        heap.retain(|Reverse((at, _))| at % 3 != 0);
                    }
                }
            }
        }
    }
}
