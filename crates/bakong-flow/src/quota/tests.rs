//! The quota window and its usage.

use proptest::prelude::*;

use super::*;

/// 2026-11-21 16:59:59.999 UTC, a millisecond before midnight in Phnom Penh.
const BEFORE_MIDNIGHT: Timestamp = Timestamp::from_millis(1_795_280_399_999);
const HOUR: Duration = Duration::from_secs(60 * 60);
const MILLISECOND: Duration = Duration::from_millis(1);

fn md5(number: usize) -> Md5Handle {
    Md5Handle::of(&number.to_string())
}

#[test]
fn a_day_ends_at_midnight_in_phnom_penh() {
    let windows = QuotaWindow::PHNOM_PENH_DAY;
    let today = windows.index_of(BEFORE_MIDNIGHT);
    let midnight = BEFORE_MIDNIGHT.saturating_add(MILLISECOND);
    assert_eq!(windows.end_of(today), midnight);
    assert_eq!(windows.index_of(midnight), WindowIndex(today.0 + 1));
    let utc = QuotaWindow::UTC_DAY;
    assert_eq!(utc.index_of(BEFORE_MIDNIGHT), utc.index_of(midnight));
}

#[test]
fn an_offset_has_milliseconds_and_is_reduced_to_the_length() {
    let windows = QuotaWindow::new(DAY, Duration::from_millis(90_001_500));
    let today = windows.index_of(BEFORE_MIDNIGHT);
    assert_eq!(windows.end_of(today).as_millis() % millis(DAY), 3_601_500);
    assert_eq!(QuotaWindow::new(Duration::ZERO, HOUR).length(), MILLISECOND);
}

#[test]
fn an_hourly_quota_starts_again_every_hour() {
    let mut quota = Quota::DEFAULT;
    quota.window = QuotaWindow::new(HOUR, Duration::ZERO);
    let mut usage = QuotaUsage::new(quota, BEFORE_MIDNIGHT);
    assert_eq!(usage.ends_at(), BEFORE_MIDNIGHT.saturating_add(MILLISECOND));
    usage.spend(40);
    (0..8).for_each(|number| usage.record_demand(md5(number), BEFORE_MIDNIGHT));
    assert!(usage.advance(usage.ends_at()));
    assert_eq!((usage.left(), usage.usage().usual_demand), (100, 8));
    let half_past = BEFORE_MIDNIGHT.saturating_add(HOUR / 2);
    assert_eq!(usage.expected_demand(half_past), 8);
    assert_eq!(usage.expected_demand(half_past.saturating_add(HOUR / 4)), 4);
    usage.close(half_past);
    assert_eq!(usage.probe_at(), None, "the hour ends before a probe");
}

#[test]
fn a_clock_set_back_makes_no_new_window() {
    let mut usage = QuotaUsage::new(Quota::DEFAULT, BEFORE_MIDNIGHT);
    usage.spend(1);
    usage.close(BEFORE_MIDNIGHT);
    assert_eq!((usage.left(), usage.is_closed()), (99, true));
    assert!(usage.advance(BEFORE_MIDNIGHT.saturating_add(MILLISECOND)));
    assert_eq!((usage.left(), usage.is_closed()), (100, false));
    usage.spend(1);
    assert!(!usage.advance(BEFORE_MIDNIGHT));
    assert_eq!(usage.left(), 99);
}

#[test]
fn a_clock_that_is_days_behind_for_a_while_makes_no_new_window() {
    let mut usage = QuotaUsage::new(Quota::DEFAULT, BEFORE_MIDNIGHT);
    usage.spend(7);
    usage.close(BEFORE_MIDNIGHT);
    let two_days = millis(2 * DAY);
    let behind = Timestamp::from_millis(BEFORE_MIDNIGHT.as_millis() - two_days);
    assert!(usage.advance(behind));
    usage.spend(1);
    assert!(usage.advance(BEFORE_MIDNIGHT));
    assert_eq!((usage.left(), usage.is_closed()), (92, true));
    assert_eq!(usage.usage().closed_at, Some(BEFORE_MIDNIGHT));
    // The next window is new. So is the window of a clock that was ahead, when it comes.
    let mut ahead = usage.clone();
    assert!(usage.advance(BEFORE_MIDNIGHT.saturating_add(MILLISECOND)));
    assert_eq!((usage.left(), usage.is_closed()), (100, false));
    assert!(ahead.advance(behind));
    for (days, left) in [(1, 100), (2, 100)] {
        assert!(ahead.advance(behind.saturating_add(days * DAY)));
        assert_eq!((ahead.left(), ahead.is_closed()), (left, false));
    }
}

#[test]
fn restarts_with_a_clock_that_is_days_behind_make_no_new_window() {
    let mut usage = QuotaUsage::new(Quota::DEFAULT, BEFORE_MIDNIGHT);
    usage.spend(7);
    usage.close(BEFORE_MIDNIGHT);
    let behind = Timestamp::from_millis(BEFORE_MIDNIGHT.as_millis() - millis(2 * DAY));
    for _ in 0..3 {
        usage = QuotaUsage::restore(Quota::DEFAULT, usage.usage(), behind);
    }
    assert!(usage.advance(BEFORE_MIDNIGHT));
    assert_eq!((usage.left(), usage.is_closed()), (93, true));
}

#[test]
fn a_closed_window_is_probed_rarely() {
    let noon = Timestamp::from_millis(BEFORE_MIDNIGHT.as_millis() - millis(DAY) / 2);
    let mut usage = QuotaUsage::new(Quota::DEFAULT, noon);
    assert_eq!(usage.probe_at(), None);
    usage.close(noon);
    assert_eq!(usage.probe_at(), Some(noon.saturating_add(2 * HOUR)));
    usage.close(BEFORE_MIDNIGHT);
    assert_eq!(usage.probe_at(), None, "the window ends before");
    // A probe at the very end of the window would belong to the next one.
    let two_hours_before = BEFORE_MIDNIGHT.as_millis() + 1 - millis(2 * HOUR);
    usage.close(Timestamp::from_millis(two_hours_before));
    assert_eq!(usage.probe_at(), None);
    usage.close(noon);
    usage.spend(100);
    assert_eq!(usage.probe_at(), None, "no request is left");
}

#[test]
fn merging_keeps_the_later_window_unless_a_clock_was_ahead() {
    let usage = |window, requests| WindowUsage {
        requests,
        ..WindowUsage::unused(WindowIndex(window))
    };
    let stored = usage(10, 5);
    for (later, merged) in [
        (usage(11, 1), usage(11, 1)),
        // Another worker's clock is behind, or the worker is slow.
        (usage(9, 70), stored),
        // The clock was ahead by two windows.
        (usage(8, 1), usage(8, 1)),
        (usage(10, 4), stored),
        (usage(10, 6), usage(10, 6)),
    ] {
        assert_eq!(stored.merge(later), merged, "{later:?}");
    }
}

#[test]
fn merging_one_window_keeps_the_maximum_of_each_count() {
    let moment = |millis| Some(Timestamp::from_millis(millis));
    let one = WindowUsage {
        requests: 5,
        closed_at: moment(7),
        demand: 9,
        first_demand_at: moment(3),
        usual_demand: 1,
        ..WindowUsage::unused(WindowIndex(10))
    };
    let other = WindowUsage {
        requests: 4,
        renewals: 2,
        demand: 8,
        first_demand_at: moment(2),
        usual_demand: 6,
        ..WindowUsage::unused(WindowIndex(10))
    };
    let both = WindowUsage {
        requests: 5,
        renewals: 2,
        demand: 9,
        first_demand_at: moment(2),
        usual_demand: 6,
        ..WindowUsage::unused(WindowIndex(10))
    };
    assert_eq!(one.merge(other), both);
    // The later usage decides whether the window is closed.
    let closed = WindowUsage {
        closed_at: moment(7),
        ..both
    };
    assert_eq!(other.merge(one), closed);
}

#[test]
fn a_refunded_request_is_not_spent() {
    let mut usage = QuotaUsage::new(Quota::DEFAULT, BEFORE_MIDNIGHT);
    usage.spend(3);
    usage.refund();
    assert_eq!(usage.usage().requests, 2);
}

#[test]
fn requests_for_renewals_are_not_left_for_checks() {
    let mut usage = QuotaUsage::new(Quota::DEFAULT, BEFORE_MIDNIGHT);
    assert_eq!((usage.left(), usage.left_for_checks()), (100, 98));
    usage.spend_renewals(1);
    assert_eq!((usage.left(), usage.left_for_checks()), (99, 98));
    usage.spend_renewals(2);
    assert_eq!((usage.left(), usage.left_for_checks()), (97, 97));
    usage.spend(97);
    assert_eq!((usage.left(), usage.left_for_checks()), (0, 0));
}

#[test]
fn the_expected_demand_follows_the_previous_windows() {
    let midnight = BEFORE_MIDNIGHT.saturating_add(MILLISECOND);
    let at = |hours: u32| midnight.saturating_add(HOUR * hours);
    let demand = |usage: &mut QuotaUsage, count, at| {
        (0..count).for_each(|number| usage.record_demand(md5(number), at));
    };
    let mut usage = QuotaUsage::new(Quota::DEFAULT, midnight);
    assert_eq!(usage.expected_demand(midnight), 60, "nothing is known yet");
    demand(&mut usage, 30, midnight);
    assert_eq!(usage.expected_demand(midnight), 360, "30 in two hours");
    assert_eq!(usage.expected_demand(at(12)), 30, "30 in half a day");
    demand(&mut usage, 30, at(12));
    usage.advance(at(24));
    assert_eq!(usage.usage().usual_demand, 60);
    assert_eq!(usage.expected_demand(at(24)), 60);
    demand(&mut usage, 20, at(12));
    assert_eq!(usage.expected_demand(at(36)), 40);
    assert_eq!(usage.expected_demand(at(42)), 30, "a quarter is left");
    usage.advance(at(48));
    assert_eq!(usage.usage().usual_demand, 45);
    assert_eq!(usage.expected_demand(at(48)), 45, "a quieter day");
}

proptest! {
    #[test]
    fn the_expected_demand_never_grows(
        demand in 0u32..200,
        usual in 0u32..200,
        hours in prop::collection::vec(0u32..24, 2),
    ) {
        let midnight = BEFORE_MIDNIGHT.saturating_add(MILLISECOND);
        let mut usage = QuotaUsage::new(Quota::DEFAULT, midnight);
        (usage.usage.demand, usage.usage.usual_demand) = (demand, usual);
        usage.usage.first_demand_at = Some(BEFORE_MIDNIGHT);
        let at = |hours| usage.expected_demand(midnight.saturating_add(HOUR * hours));
        prop_assert!(at(hours[0].max(hours[1])) <= at(hours[0].min(hours[1])));
    }

    #[test]
    fn every_moment_is_before_the_end_of_its_window(
        moment in 0..u64::MAX / 4,
        length in 1u64..200_000_000,
        offset in 0u64..86_400_000,
    ) {
        let windows = QuotaWindow::new(Duration::from_millis(length), Duration::from_millis(offset));
        let moment = Timestamp::from_millis(moment);
        let window = windows.index_of(moment);
        prop_assert!(moment < windows.end_of(window));
        prop_assert_eq!(windows.index_of(windows.end_of(window)), WindowIndex(window.0 + 1));
        prop_assert!(windows.end_of(window).saturating_since(moment) <= windows.length());
    }
}
