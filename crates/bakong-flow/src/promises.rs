//! The last checks that were promised: each payment that is open has one coming after its expiry, and the
//! requests for it are set aside on the day on which it is due.

use std::collections::BTreeMap;
use std::time::Duration;

use bakong_api::khqr_core::Timestamp;

use crate::quota::{Day, QuotaWindow};

/// How many payments one request asks about where lists work.
pub(crate) const LIST: u32 = 50;

/// How many requests the last checks of the open payments take, day by day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Promises {
    turn: QuotaWindow,
    /// Days before this one are over; what was promised for them is overdue.
    today: Day,
    overdue: u32,
    overdue_singles: u32,
    days: BTreeMap<Day, Promised>,
}

/// What is promised for one day.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Promised {
    payments: u32,
    /// Of how many payments the last check is due in each piece of the day.
    pieces: BTreeMap<Piece, u32>,
    /// The requests for them, if each piece is asked about by lists.
    lists: u32,
    /// Requests that nothing can share: last checks by hash.
    singles: u32,
}

/// A stretch of time as long as a last check can wait to be shared: all that are due in it can be asked about
/// at its end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Piece {
    length: u64,
    number: u64,
}

impl Piece {
    fn of(deadline: Timestamp, within: Duration) -> Self {
        let length = u64::try_from(within.as_millis()).unwrap_or(u64::MAX).max(1);
        Self {
            length,
            number: deadline.as_millis() / length,
        }
    }
}

impl Promised {
    fn add(&mut self, piece: Piece) {
        self.payments += 1;
        let payments = self.pieces.entry(piece).or_default();
        if payments.is_multiple_of(LIST) {
            self.lists += 1;
        }
        *payments += 1;
    }

    fn remove(&mut self, piece: Piece) {
        let Some(payments) = self.pieces.get_mut(&piece) else {
            return;
        };
        self.payments -= 1;
        *payments -= 1;
        if payments.is_multiple_of(LIST) {
            self.lists -= 1;
        }
        if *payments == 0 {
            self.pieces.remove(&piece);
        }
    }
}

impl Promises {
    pub(crate) const fn new(turn: QuotaWindow, today: Day) -> Self {
        Self {
            turn,
            today,
            overdue: 0,
            overdue_singles: 0,
            days: BTreeMap::new(),
        }
    }

    /// Another day has begun: what was promised before it is due now.
    pub(crate) fn turn(&mut self, today: Day) {
        self.today = today;
        while let Some(first) = self.days.first_entry().filter(|first| *first.key() < today) {
            let promised = first.remove();
            self.overdue += promised.payments;
            self.overdue_singles += promised.singles;
        }
    }

    /// A last check is promised for this moment, or `within` so long after it.
    pub(crate) fn add(&mut self, deadline: Timestamp, within: Duration) {
        let day = self.turn.day_of(deadline);
        if day < self.today {
            self.overdue += 1;
        } else {
            self.days
                .entry(day)
                .or_default()
                .add(Piece::of(deadline, within));
        }
    }

    /// The payment with this deadline is final.
    pub(crate) fn remove(&mut self, deadline: Timestamp, within: Duration) {
        let day = self.turn.day_of(deadline);
        if day < self.today {
            self.overdue = self.overdue.saturating_sub(1);
        } else if let Some(promised) = self.days.get_mut(&day) {
            promised.remove(Piece::of(deadline, within));
            self.tidy(day);
        }
    }

    /// So many requests that nothing can share are promised for this day.
    pub(crate) fn add_singles(&mut self, day: Day, requests: u32) {
        if day < self.today {
            self.overdue_singles += requests;
        } else {
            self.days.entry(day).or_default().singles += requests;
            self.tidy(day);
        }
    }

    /// They are not needed any more.
    pub(crate) fn remove_singles(&mut self, day: Day, requests: u32) {
        if day < self.today {
            self.overdue_singles = self.overdue_singles.saturating_sub(requests);
        } else if let Some(promised) = self.days.get_mut(&day) {
            promised.singles = promised.singles.saturating_sub(requests);
            self.tidy(day);
        }
    }

    fn tidy(&mut self, day: Day) {
        let is_empty = |promised: &Promised| promised.payments == 0 && promised.singles == 0;
        if self.days.get(&day).is_some_and(is_empty) {
            self.days.remove(&day);
        }
    }

    /// How many requests are set aside for the last checks of this day.
    pub(crate) fn requests(&self, day: Day, lists: bool) -> u32 {
        let promised = self.days.get(&day);
        let (overdue, overdue_singles) = if day == self.today {
            (self.overdue, self.overdue_singles)
        } else {
            (0, 0)
        };
        let singles = promised.map_or(0, |promised| promised.singles);
        let (overdue, due) = if lists {
            let due = promised.map_or(0, |promised| promised.lists);
            (overdue.div_ceil(LIST), due)
        } else {
            (overdue, promised.map_or(0, |promised| promised.payments))
        };
        [due, singles, overdue_singles]
            .into_iter()
            .fold(overdue, u32::saturating_add)
    }

    /// How many requests more it would take to promise one at this deadline.
    pub(crate) fn for_one_more(&self, deadline: Timestamp, within: Duration, lists: bool) -> u32 {
        let day = self.turn.day_of(deadline);
        if !lists {
            return 1;
        }
        if day < self.today {
            return u32::from(self.overdue.is_multiple_of(LIST));
        }
        let pieces = self.days.get(&day).map(|promised| &promised.pieces);
        let payments = pieces.and_then(|pieces| pieces.get(&Piece::of(deadline, within)));
        u32::from(payments.is_none_or(|payments| payments.is_multiple_of(LIST)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: u64 = 60_000;
    const TEN: Duration = Duration::from_secs(600);
    const DAY: u64 = 24 * 60 * MINUTE;
    /// The beginning of a day in UTC.
    const START: u64 = 20_779 * DAY;

    fn at(minutes: u64) -> Timestamp {
        Timestamp::from_millis(START + minutes * MINUTE)
    }

    fn promises() -> Promises {
        Promises::new(QuotaWindow::UTC, QuotaWindow::UTC.day_of(at(0)))
    }

    /// How many requests there would be, with lists, with one more today.
    fn requests_with(
        promises: &Promises,
        deadline: Timestamp,
        within: Duration,
        lists: bool,
    ) -> u32 {
        promises.requests(QuotaWindow::UTC.day_of(at(0)), lists)
            + promises.for_one_more(deadline, within, lists)
    }

    #[test]
    fn lists_share_what_is_due_together() {
        let mut promises = promises();
        let today = QuotaWindow::UTC.day_of(at(0));
        for _ in 0..50 {
            promises.add(at(5), TEN);
        }
        assert_eq!(
            (
                promises.requests(today, false),
                promises.requests(today, true)
            ),
            (50, 1)
        );
        assert_eq!(requests_with(&promises, at(5), TEN, true), 2);
        assert_eq!(requests_with(&promises, at(15), TEN, true), 2);
        promises.add(at(5), TEN);
        assert_eq!(requests_with(&promises, at(6), TEN, true), 2);
        promises.add(at(15), TEN);
        assert_eq!(
            (
                promises.requests(today, false),
                promises.requests(today, true)
            ),
            (52, 3)
        );
    }

    #[test]
    fn those_that_cannot_wait_as_long_share_nothing() {
        let mut promises = promises();
        let today = QuotaWindow::UTC.day_of(at(0));
        promises.add(at(5), TEN);
        promises.add(at(5), TEN / 2);
        promises.add(at(5), Duration::ZERO);
        assert_eq!(promises.requests(today, true), 3);
        assert_eq!(requests_with(&promises, at(5), Duration::ZERO, true), 3);
        assert_eq!(requests_with(&promises, at(6), Duration::ZERO, true), 4);
    }

    #[test]
    fn what_was_not_kept_yesterday_is_due_today() {
        let mut promises = promises();
        promises.add(at(5), TEN);
        let tomorrow = QuotaWindow::UTC.day_of(at(24 * 60));
        assert_eq!(promises.requests(tomorrow, false), 0);
        promises.turn(tomorrow);
        assert_eq!(promises.requests(tomorrow, false), 1);
        promises.remove(at(5), TEN);
        assert_eq!(promises.requests(tomorrow, false), 0);
    }

    proptest! {
        #[test]
        fn what_is_added_and_removed_leaves_nothing(
            minutes in prop::collection::vec(0u64..3 * 24 * 60, 0..300),
            turn in 0u64..4,
        ) {
            let mut promises = promises();
            minutes.iter().for_each(|minute| promises.add(at(*minute), TEN));
            let day = QuotaWindow::UTC.day_of(at(turn * 24 * 60));
            promises.turn(day);
            let all: u32 = (0..4).map(|d| promises.requests(QuotaWindow::UTC.day_of(at(d * 24 * 60)), false)).sum();
            prop_assert_eq!(all as usize, minutes.len());
            minutes.iter().for_each(|minute| promises.remove(at(*minute), TEN));
            for d in 0..4 {
                let day = QuotaWindow::UTC.day_of(at(d * 24 * 60));
                prop_assert_eq!((promises.requests(day, false), promises.requests(day, true)), (0, 0));
            }
        }
    }
}
