//! A day's requests, counted.

use proptest::prelude::*;

use super::*;

/// 2026-11-21 16:59:59.999 UTC, a millisecond before midnight in Phnom Penh.
const BEFORE_MIDNIGHT: Timestamp = Timestamp::from_millis(1_795_280_399_999);

fn later(moment: Timestamp, millis: u64) -> Timestamp {
    moment.saturating_add(Duration::from_millis(millis))
}

#[test]
fn the_day_turns_at_midnight_in_phnom_penh() {
    let turn = QuotaWindow::PHNOM_PENH;
    let today = turn.day_of(BEFORE_MIDNIGHT);
    let midnight = later(BEFORE_MIDNIGHT, 1);
    assert_eq!(turn.end_of(today), midnight);
    assert_eq!(turn.day_of(midnight), Day(today.0 + 1));
    assert_eq!(
        QuotaWindow::UTC.day_of(BEFORE_MIDNIGHT),
        QuotaWindow::UTC.day_of(midnight)
    );
}

#[test]
fn a_turn_gives_a_new_day_and_a_clock_set_back_does_not() {
    let mut ledger = QuotaUsage::new(Quota::DEFAULT, BEFORE_MIDNIGHT);
    ledger.spend(1);
    ledger.close(BEFORE_MIDNIGHT);
    assert_eq!((ledger.left(), ledger.is_closed()), (99, true));
    assert!(ledger.turn(later(BEFORE_MIDNIGHT, 1)));
    assert_eq!((ledger.left(), ledger.is_closed()), (100, false));
    ledger.spend(1);
    assert!(!ledger.turn(BEFORE_MIDNIGHT));
    assert_eq!(ledger.left(), 99);
}

#[test]
fn a_closed_day_is_probed_sparingly() {
    let noon = Timestamp::from_millis(BEFORE_MIDNIGHT.as_millis() - DAY / 2);
    let mut ledger = QuotaUsage::new(Quota::DEFAULT, noon);
    assert_eq!(ledger.probe_at(), None);
    ledger.close(noon);
    assert_eq!(ledger.probe_at(), Some(later(noon, 2 * 3_600_000)));
    ledger.close(BEFORE_MIDNIGHT);
    assert_eq!(ledger.probe_at(), None, "the day is over before");
    // A probe at the very turn is none.
    ledger.close(Timestamp::from_millis(
        BEFORE_MIDNIGHT.as_millis() + 1 - 2 * 3_600_000,
    ));
    assert_eq!(ledger.probe_at(), None);
    ledger.close(noon);
    ledger.spend(100);
    assert_eq!(ledger.probe_at(), None, "there is nothing to probe with");
}

#[test]
fn a_turn_is_as_exact_as_it_was_said() {
    let turn = QuotaWindow::after_midnight_utc(Duration::from_millis(90_001_500));
    // A day is dropped.
    let today = turn.day_of(BEFORE_MIDNIGHT);
    assert_eq!(turn.end_of(today).as_millis() % DAY, 3_601_500);
}

#[test]
fn what_was_kept_gives_way_to_a_later_day_and_not_to_another_worker_s_yesterday() {
    let spent = |day, requests| WindowUsage {
        requests,
        ..WindowUsage::nothing(Day(day))
    };
    let today = spent(10, 5);
    for (later, kept) in [
        (spent(11, 1), spent(11, 1)),
        // Whose clock is behind, or who was slow.
        (spent(9, 70), today),
        // This one's clock was ahead by days.
        (spent(8, 1), spent(8, 1)),
        (spent(10, 4), today),
        (spent(10, 6), spent(10, 6)),
    ] {
        assert_eq!(today.then(later), kept, "{later:?}");
    }
}

#[test]
fn of_one_day_the_most_that_was_said_is_kept() {
    let moment = |millis| Some(Timestamp::from_millis(millis));
    let one = WindowUsage {
        requests: 5,
        renewals: 0,
        closed_at: moment(7),
        wanted: 9,
        first_wanted_at: moment(3),
        usual: 1,
        day: Day(10),
    };
    let other = WindowUsage {
        requests: 4,
        renewals: 2,
        closed_at: None,
        wanted: 8,
        first_wanted_at: moment(2),
        usual: 6,
        day: Day(10),
    };
    let both = WindowUsage {
        requests: 5,
        renewals: 2,
        closed_at: None,
        wanted: 9,
        first_wanted_at: moment(2),
        usual: 6,
        day: Day(10),
    };
    assert_eq!(one.then(other), both);
    // The last word on whether it is closed is the later one's.
    let closed = WindowUsage {
        closed_at: moment(7),
        ..both
    };
    assert_eq!(other.then(one), closed);
}

#[test]
fn a_request_that_never_left_is_not_spent() {
    let mut ledger = QuotaUsage::new(Quota::DEFAULT, BEFORE_MIDNIGHT);
    ledger.spend(3);
    ledger.take_back();
    assert_eq!(ledger.usage().requests, 2);
}

#[test]
fn what_is_kept_for_renewals_is_not_for_checks_until_it_is_used() {
    let mut ledger = QuotaUsage::new(Quota::DEFAULT, BEFORE_MIDNIGHT);
    assert_eq!((ledger.left(), ledger.left_for_checks()), (100, 98));
    ledger.spend_beside(1);
    assert_eq!((ledger.left(), ledger.left_for_checks()), (99, 98));
    ledger.spend_beside(2);
    assert_eq!((ledger.left(), ledger.left_for_checks()), (97, 97));
    ledger.spend(97);
    assert_eq!((ledger.left(), ledger.left_for_checks()), (0, 0));
}

#[test]
fn what_is_to_come_is_learned_from_the_days_before() {
    let midnight = later(BEFORE_MIDNIGHT, 1);
    let noon = later(midnight, DAY / 2);
    let mut ledger = QuotaUsage::new(Quota::DEFAULT, midnight);
    assert_eq!(ledger.to_come(midnight), 60, "nothing is known yet");
    (0..30).for_each(|_| ledger.wanted(midnight));
    assert_eq!(ledger.to_come(midnight), 360, "as if in two hours");
    assert_eq!(ledger.to_come(noon), 30, "as many again");
    (0..30).for_each(|_| ledger.wanted(noon));
    ledger.turn(later(midnight, DAY));
    assert_eq!(ledger.usage().usual, 60);
    assert_eq!(ledger.to_come(later(midnight, DAY)), 60);
    (0..20).for_each(|_| ledger.wanted(noon));
    assert_eq!(ledger.to_come(later(noon, DAY)), 40);
    assert_eq!(
        ledger.to_come(later(noon, DAY + DAY / 4)),
        30,
        "the day is nearly over"
    );
    ledger.turn(later(midnight, 2 * DAY));
    assert_eq!(ledger.usage().usual, 45);
    assert_eq!(
        ledger.to_come(later(midnight, 2 * DAY)),
        45,
        "a quieter day"
    );
}

proptest! {
    #[test]
    fn less_and_less_is_to_come(wanted in 0u32..200, usual in 0u32..200, hours in prop::collection::vec(0u64..24, 2)) {
        let mut ledger = QuotaUsage::new(Quota::DEFAULT, later(BEFORE_MIDNIGHT, 1));
        (ledger.spent.wanted, ledger.spent.usual) = (wanted, usual);
        ledger.spent.first_wanted_at = Some(BEFORE_MIDNIGHT);
        let [earlier, then] = [hours[0].min(hours[1]), hours[0].max(hours[1])];
        let at = |hours| ledger.to_come(later(BEFORE_MIDNIGHT, 1 + hours * 3_600_000));
        prop_assert!(at(then) <= at(earlier));
    }

    #[test]
    fn every_moment_is_before_the_end_of_its_day(millis in 0..u64::MAX / 4, turn in 0u64..86_400) {
        let turn = QuotaWindow::after_midnight_utc(Duration::from_secs(turn));
        let moment = Timestamp::from_millis(millis);
        let day = turn.day_of(moment);
        prop_assert!(moment < turn.end_of(day));
        prop_assert_eq!(turn.day_of(turn.end_of(day)), Day(day.0 + 1));
        prop_assert!(turn.end_of(day).saturating_since(moment) <= Duration::from_millis(DAY));
    }
}
