//! Many payments in one request, where Bakong allows it.

use std::time::Duration;

use bakong_flow::bakong_api::{CheckAnswer, ErrorClass};
use bakong_flow::tracker::ListStatus;
use bakong_flow::{Change, Config, Outcome, Question, Reply};

use crate::desk::{DOWN, Desk, MINUTE, NOON, UNTIL_DEADLINE, md5, paid};

const NOT_FOUND: Result<CheckAnswer, ErrorClass> = Ok(CheckAnswer::NotFound);
const GARBLED: Reply = Reply::List(Err(ErrorClass::Malformed));
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn desk() -> Desk {
    Desk::new(Config::DEFAULT)
}

fn length(question: &Question) -> usize {
    match question {
        Question::Md5List(md5s) => md5s.len(),
        Question::Md5(_) => 1,
        other => panic!("{other:?}"),
    }
}

/// Asks until nothing is open, and says how many each request asked about.
fn to_the_end(desk: &mut Desk) -> Vec<usize> {
    let mut lengths = Vec::new();
    while desk.tracker.open_payments() > 0 {
        lengths.push(length(&desk.exchange(NOT_FOUND)));
    }
    lengths
}

#[test]
fn last_checks_share_a_request() {
    let mut desk = desk();
    desk.open(0..90);
    desk.later(UNTIL_DEADLINE);
    let lengths = to_the_end(&mut desk);
    assert_eq!(lengths, [50, 40]);
    assert_eq!(desk.tracker.lists(), ListStatus::Work);
    assert_eq!(desk.tracker.usage().requests, 2);
    for number in 0..90 {
        assert_eq!(desk.outcome(number), Some(Outcome::Expired));
    }
}

#[test]
fn a_last_check_waits_for_others_as_long_as_it_may() {
    let mut config = Config::DEFAULT;
    // Nothing is free: the one request is promised to both.
    config.quota.limit = 1;
    config.quota.renewals = 0;
    let mut desk = Desk::new(config);
    desk.store.apply(&[Change::ListStatus(ListStatus::Work)]);
    desk.restart(config);
    desk.open([1]);
    desk.later(MINUTE);
    desk.open([2]);
    let ask = desk.next();
    assert_eq!(length(&ask.question), 2);
    let waited = desk.now.saturating_since(NOON);
    let grace = desk.policy.grace;
    assert!(waited >= UNTIL_DEADLINE + MINUTE, "{waited:?}");
    assert!(
        waited <= UNTIL_DEADLINE + grace.last_check_within,
        "{waited:?}"
    );
}

#[test]
fn a_refused_list_is_remembered_and_tried_again_rarely() {
    let mut desk = desk();
    desk.open([1, 2]);
    desk.later(UNTIL_DEADLINE);
    let list = desk.ask();
    assert_eq!(length(&list.question), 2);
    desk.answer(&list, Reply::List(Err(ErrorClass::Blocked)));
    let refused_at = desk.now;
    let until = refused_at.saturating_add(DAY);
    assert_eq!(desk.tracker.lists(), ListStatus::RefusedUntil(until));
    // The singles take over at once.
    assert_eq!(to_the_end(&mut desk), [1, 1]);
    assert_eq!(desk.now, refused_at);
    desk.restart(Config::DEFAULT);
    assert_eq!(desk.tracker.lists(), ListStatus::RefusedUntil(until));
    desk.now = until;
    desk.open([3, 4]);
    desk.later(UNTIL_DEADLINE);
    assert_eq!(to_the_end(&mut desk), [2]);
    assert_eq!(desk.tracker.lists(), ListStatus::Work);
}

/// Answers a list and then a single check with a 403.
fn block_all(desk: &mut Desk) {
    for reply in [
        Reply::List(Err(ErrorClass::Blocked)),
        Reply::Check(Err(ErrorClass::Blocked)),
    ] {
        let ask = desk.next();
        desk.answer(&ask, reply);
    }
}

#[test]
fn a_403_for_all_does_not_condemn_lists() {
    let mut desk = desk();
    desk.open([1, 2]);
    desk.later(UNTIL_DEADLINE);
    block_all(&mut desk);
    assert_eq!(desk.tracker.lists(), ListStatus::Untried);
    assert_eq!(desk.poll(), None);
    assert_eq!(to_the_end(&mut desk), [2]);
}

#[test]
fn an_outage_says_nothing_of_lists() {
    let mut desk = desk();
    desk.open([1, 2]);
    desk.later(UNTIL_DEADLINE);
    let list = desk.ask();
    desk.answer(&list, Reply::List(Err(DOWN)));
    assert_eq!(desk.tracker.lists(), ListStatus::Untried);
    assert_eq!(to_the_end(&mut desk), [2]);
}

#[test]
fn what_a_list_does_not_say_is_asked_alone() {
    let mut desk = desk();
    desk.open(1..=4);
    desk.later(UNTIL_DEADLINE);
    let list = desk.ask();
    assert_eq!(length(&list.question), 4);
    let items = vec![
        (md5(4), Err(ErrorClass::Malformed)),
        (md5(2), Ok(paid(7, NOON))),
        // Nobody asked about this one.
        (md5(9), Ok(CheckAnswer::Failed)),
        (md5(1), NOT_FOUND),
    ];
    desk.answer(&list, Reply::List(Ok(items)));
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
    assert!(matches!(desk.outcome(2), Some(Outcome::Paid { .. })));
    assert_eq!((desk.outcome(3), desk.outcome(4)), (None, None));
    assert_eq!(to_the_end(&mut desk), [1, 1]);
}

#[test]
fn a_list_that_says_little_is_asked_again_as_a_whole() {
    let mut desk = desk();
    desk.open(1..=5);
    desk.later(UNTIL_DEADLINE);
    let list = desk.ask();
    assert_eq!(length(&list.question), 5);
    // One of five is too little to ask about the others one by one.
    desk.answer(&list, Reply::List(Ok(vec![(md5(1), NOT_FOUND)])));
    let list = desk.next();
    assert_eq!(length(&list.question), 5);
    // Two of five are worth it.
    let items = vec![(md5(1), NOT_FOUND), (md5(2), NOT_FOUND)];
    desk.answer(&list, Reply::List(Ok(items)));
    assert_eq!(to_the_end(&mut desk), [1, 1, 1]);
}

#[test]
fn whoever_is_not_due_yet_comes_along() {
    let mut desk = desk();
    desk.open([1, 2, 3]);
    let first = desk.next();
    assert!(
        desk.now < NOON.saturating_add(MINUTE),
        "long before any deadline"
    );
    let Question::Md5List(mut md5s) = first.question else {
        panic!("{first:?}");
    };
    md5s.sort_unstable();
    let mut all = [1, 2, 3].map(md5);
    all.sort_unstable();
    assert_eq!(md5s, all);
}

#[test]
fn a_list_that_cannot_be_read_is_left_for_a_while() {
    let mut desk = desk();
    desk.open([1, 2]);
    desk.later(UNTIL_DEADLINE);
    let list = desk.ask();
    desk.answer(&list, GARBLED);
    assert_eq!(desk.tracker.lists(), ListStatus::Untried, "it may pass");
    let list = desk.next();
    desk.answer(&list, GARBLED);
    assert_eq!(
        desk.tracker.lists(),
        ListStatus::RefusedUntil(desk.now.saturating_add(5 * MINUTE))
    );
    // Those are due that had no time to wait: nobody knew whether lists work.
    assert_eq!(to_the_end(&mut desk), [1, 1]);
}

/// Asks with a list about all forty, and hands in what cannot be read.
fn garble(desk: &mut Desk) {
    let list = desk.next();
    assert_eq!(length(&list.question), 40);
    desk.answer(&list, GARBLED);
}

#[test]
fn last_checks_wait_for_lists_that_worked_and_cannot_be_read() {
    let mut desk = Desk::of_lists();
    desk.open(1..=40);
    let deadline = NOON.saturating_add(UNTIL_DEADLINE);
    desk.now = deadline;
    garble(&mut desk);
    garble(&mut desk);
    let until = desk.now.saturating_add(5 * MINUTE);
    assert_eq!(desk.tracker.lists(), ListStatus::RefusedUntil(until));
    assert_eq!(desk.poll(), None);
    desk.now = until;
    assert_eq!(to_the_end(&mut desk), [40], "none of them alone");
    assert!(desk.now <= deadline.saturating_add(14 * MINUTE));
    assert_eq!(desk.tracker.lists(), ListStatus::Work);
}

#[test]
fn lists_that_stay_unreadable_are_tried_ever_more_rarely() {
    let mut desk = Desk::of_lists();
    desk.open(1..=40);
    desk.now = NOON.saturating_add(UNTIL_DEADLINE);
    garble(&mut desk);
    garble(&mut desk);
    desk.later(5 * MINUTE);
    garble(&mut desk);
    let until = desk.now.saturating_add(10 * MINUTE);
    assert_eq!(desk.tracker.lists(), ListStatus::RefusedUntil(until));
    // That is too late for these.
    assert_eq!(to_the_end(&mut desk), [1; 40]);
    assert!(desk.now < until);
}

#[test]
fn whose_deadline_comes_during_the_pause_waits_too() {
    let mut desk = Desk::of_lists();
    desk.open(1..=10);
    desk.later(3 * MINUTE);
    desk.open(11..=20);
    desk.now = NOON.saturating_add(UNTIL_DEADLINE);
    for _ in 0..2 {
        let list = desk.next();
        desk.answer(&list, GARBLED);
    }
    assert_eq!(to_the_end(&mut desk), [20]);
}

#[test]
fn who_has_to_be_asked_alone_does_not_wait_for_others() {
    let mut config = Config::DEFAULT;
    (config.quota.limit, config.quota.renewals) = (2, 0);
    let mut desk = Desk::new(config);
    desk.store.apply(&[Change::ListStatus(ListStatus::Work)]);
    desk.restart(config);
    desk.open([1, 2]);
    desk.later(UNTIL_DEADLINE);
    let list = desk.next();
    assert_eq!(length(&list.question), 2);
    desk.answer(&list, Reply::List(Ok(vec![(md5(2), NOT_FOUND)])));
    let asked_at = desk.now;
    assert_eq!(desk.exchange(NOT_FOUND), Question::Md5(md5(1)));
    assert_eq!(desk.now, asked_at);
}

#[test]
fn a_list_is_tried_where_the_day_has_too_few_for_all() {
    let mut config = Config::DEFAULT;
    (config.quota.limit, config.quota.renewals) = (2, 0);
    let mut desk = Desk::new(config);
    desk.store.apply(&[Change::ListStatus(ListStatus::Work)]);
    desk.restart(config);
    desk.open(1..=5);
    // Nobody knows any more whether they work, and two requests are no last check for each of five.
    desk.store.apply(&[Change::ListStatus(ListStatus::Untried)]);
    desk.restart(config);
    desk.later(UNTIL_DEADLINE);
    assert_eq!(to_the_end(&mut desk), [5]);
}

#[test]
fn lists_that_are_off_stay_off() {
    let mut config = Config::DEFAULT;
    config.lists = false;
    let mut desk = Desk::new(config);
    desk.open([1, 2]);
    desk.store.apply(&[Change::ListStatus(ListStatus::Work)]);
    desk.restart(config);
    desk.later(UNTIL_DEADLINE);
    assert_eq!(to_the_end(&mut desk), [1, 1]);
    assert_eq!(desk.tracker.lists(), ListStatus::Off);
}

#[test]
fn a_list_asks_about_fifty_at_most() {
    let mut desk = Desk::of_lists();
    desk.open(1..=60);
    let list = desk.next();
    assert!(
        desk.now < NOON.saturating_add(UNTIL_DEADLINE),
        "an early one"
    );
    assert_eq!(length(&list.question), 50);
}

#[test]
fn who_comes_along_is_named_once() {
    let mut desk = desk();
    desk.policy.schedule.first = 5 * MINUTE;
    desk.open([1, 2]);
    // It is due again when it was due before.
    desk.tracker.nudge(&md5(2), desk.now);
    let alone = desk.ask();
    desk.answer(&alone, Reply::Check(NOT_FOUND));
    desk.later(5 * MINUTE);
    let list = desk.ask();
    assert_eq!(length(&list.question), 2, "{list:?}");
}

#[test]
fn a_list_names_nobody_twice() {
    let mut desk = desk();
    desk.policy.schedule.first = 5 * MINUTE;
    desk.open([1]);
    // It is due again when it was due before.
    desk.tracker.nudge(&md5(1), desk.now);
    assert_eq!(desk.exchange(NOT_FOUND), Question::Md5(md5(1)));
    desk.later(5 * MINUTE);
    assert_eq!(desk.ask().question, Question::Md5(md5(1)));
}

#[test]
fn money_in_a_list_that_says_little_is_known() {
    let mut desk = Desk::of_lists();
    desk.open(1..=5);
    desk.later(UNTIL_DEADLINE);
    let list = desk.next();
    desk.answer(&list, Reply::List(Ok(vec![(md5(3), Ok(paid(7, NOON)))])));
    assert!(matches!(desk.outcome(3), Some(Outcome::Paid { .. })));
    assert_eq!(desk.tracker.open_payments(), 4);
    assert_eq!(to_the_end(&mut desk), [4]);
}

#[test]
fn a_list_is_not_tried_with_what_is_promised_to_others() {
    let mut config = Config::DEFAULT;
    (config.quota.limit, config.quota.renewals) = (3, 0);
    let mut desk = Desk::new(config);
    desk.open(1..=3);
    desk.later(UNTIL_DEADLINE);
    let singles = [desk.ask(), desk.ask(), desk.ask()];
    assert!(singles.iter().all(|ask| length(&ask.question) == 1));
}

#[test]
fn a_restart_ends_the_pause_of_lists_that_worked() {
    let mut desk = Desk::of_lists();
    desk.open(1..=40);
    desk.now = NOON.saturating_add(UNTIL_DEADLINE);
    garble(&mut desk);
    garble(&mut desk);
    desk.restart(Config::DEFAULT);
    assert_eq!(desk.tracker.lists(), ListStatus::Work);
    assert_eq!(to_the_end(&mut desk), [40]);
}

#[test]
fn whoever_waits_for_a_list_in_vain_is_told() {
    for reply in [Reply::List(Err(ErrorClass::Blocked)), GARBLED] {
        let mut desk = Desk::of_lists();
        desk.open([1, 2]);
        desk.later(UNTIL_DEADLINE);
        for asked in 1..=2 {
            let list = desk.next();
            desk.answer(&list, reply.clone());
            let told = |change: &&Change| matches!(change, Change::NoAnswer { .. });
            assert_eq!(desk.log.iter().filter(told).count(), 2 * asked);
            if desk.tracker.lists() != ListStatus::Work {
                break;
            }
        }
    }
}

#[test]
fn a_403_for_all_does_not_condemn_lists_that_were_refused_once() {
    let mut desk = desk();
    desk.open([1, 2]);
    desk.later(UNTIL_DEADLINE);
    let list = desk.ask();
    desk.answer(&list, Reply::List(Err(ErrorClass::Blocked)));
    assert_eq!(to_the_end(&mut desk), [1, 1]);
    desk.later(DAY);
    desk.open([3, 4]);
    desk.later(UNTIL_DEADLINE);
    block_all(&mut desk);
    assert_eq!(desk.tracker.lists(), ListStatus::Untried);
}
