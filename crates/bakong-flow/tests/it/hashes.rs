//! A transaction's hashes: other ways to ask about a payment.

use bakong_flow::bakong_api::{CheckAnswer, ShortHash, TransactionHash};
use bakong_flow::{Change, Config, OpenError, Outcome, Question};

use crate::desk::{Desk, LIFE, MINUTE, NOON, UNTIL_DEADLINE, hash, khr, md5, order, paid, payment};

fn full() -> TransactionHash {
    TransactionHash::new(&hash(7)).unwrap()
}

fn short() -> ShortHash {
    full().short().unwrap()
}

/// The last check of a payment of which this is known, none of which finds anything.
fn last_checks(full: Option<TransactionHash>, short: Option<ShortHash>) -> Vec<Question> {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.tracker.learn(&md5(1), full, short, desk.now);
    desk.keep();
    // A restart forgets nothing.
    desk.restart(Config::DEFAULT);
    desk.later(UNTIL_DEADLINE);
    let mut questions = Vec::new();
    while desk.tracker.open_payments() > 0 {
        assert_eq!(desk.outcome(1), None);
        questions.push(desk.exchange(Ok(CheckAnswer::NotFound)));
    }
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
    assert_eq!(desk.now, NOON.saturating_add(UNTIL_DEADLINE), "at once");
    questions
}

#[test]
fn the_last_check_tries_all_that_is_known_in_order() {
    let by_md5 = Question::Md5(md5(1));
    let by_hash = Question::Hash(full());
    let by_short_hash = Question::ShortHash(short(), khr(10_000));
    assert_eq!(last_checks(None, None), std::slice::from_ref(&by_md5));
    assert_eq!(
        last_checks(Some(full()), None),
        [by_md5.clone(), by_hash.clone()]
    );
    assert_eq!(
        last_checks(None, Some(short())),
        [by_md5.clone(), by_short_hash.clone()]
    );
    assert_eq!(
        last_checks(Some(full()), Some(short())),
        [by_md5, by_hash, by_short_hash]
    );
}

#[test]
fn a_hash_that_was_just_learned_has_its_turn_after_the_md5() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.tracker
        .learn(&md5(1), Some(full()), Some(short()), desk.now);
    let by_md5 = Question::Md5(md5(1));
    let by_hash = Question::Hash(full());
    let by_short_hash = Question::ShortHash(short(), khr(10_000));
    for question in [by_md5.clone(), by_hash, by_short_hash] {
        assert_eq!(desk.ask_single(CheckAnswer::NotFound), Some(question));
    }
    // Each had one; the payment goes on by its MD5.
    assert_eq!(desk.poll(), None);
    assert_eq!(desk.exchange(Ok(CheckAnswer::NotFound)), by_md5);
    assert_eq!(desk.exchange(Ok(CheckAnswer::NotFound)), by_md5);
}

#[test]
fn a_hash_that_is_learned_while_a_check_is_out_has_its_turn_at_once() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let ask = desk.next();
    desk.tracker.learn(&md5(1), Some(full()), None, desk.now);
    desk.answer(&ask, crate::desk::single(CheckAnswer::NotFound));
    let question = desk.ask_single(CheckAnswer::NotFound);
    assert_eq!(question, Some(Question::Hash(full())));
}

#[test]
fn a_hash_that_is_known_beforehand_is_for_the_last_check() {
    let mut desk = Desk::of_singles();
    let mut known = payment(1, desk.now.saturating_add(LIFE));
    known.hash = Some(full());
    desk.try_open(known).unwrap();
    let mut questions = Vec::new();
    while desk.tracker.open_payments() > 0 {
        questions.push(desk.exchange(Ok(CheckAnswer::NotFound)));
    }
    let by_hash = questions
        .iter()
        .filter(|question| **question == Question::Hash(full()));
    assert_eq!(by_hash.count(), 1);
    assert_eq!(questions.last(), Some(&Question::Hash(full())));
}

#[test]
fn requests_are_set_aside_for_what_is_known_beforehand() {
    let mut desk = Desk::with_quota(4);
    let mut known = payment(1, desk.now.saturating_add(LIFE));
    (known.hash, known.short_hash) = (Some(full()), Some(short()));
    desk.try_open(known.clone()).unwrap();
    known.md5 = md5(2);
    known.order = order(2);
    let refused = desk.try_open(known);
    assert!(matches!(refused, Err(OpenError::NoQuota { .. })));
    desk.open([2]);
    let refused = desk.try_open(payment(3, desk.now.saturating_add(LIFE)));
    assert!(matches!(refused, Err(OpenError::NoQuota { .. })));
    let mut asked = 0;
    while desk.tracker.open_payments() > 0 {
        desk.exchange(Ok(CheckAnswer::NotFound));
        asked += 1;
    }
    assert_eq!(asked, 4);
    assert_eq!(desk.now, NOON.saturating_add(UNTIL_DEADLINE));
}

#[test]
fn a_hash_for_which_there_is_no_room_waits_for_the_next_day() {
    let mut desk = Desk::with_quota(3);
    desk.open([1, 2, 3]);
    desk.tracker.learn(&md5(1), Some(full()), None, desk.now);
    desk.later(UNTIL_DEADLINE);
    // Nobody else's last check is spent on it.
    for _ in 0..3 {
        let question = desk.ask_single(CheckAnswer::NotFound);
        assert!(matches!(question, Some(Question::Md5(_))), "{question:?}");
    }
    assert_eq!(desk.outcome(1), None);
    assert_eq!(desk.outcome(3), Some(Outcome::Expired));
    let question = desk.exchange(Ok(paid(7, NOON)));
    assert_eq!(question, Question::Hash(full()));
    assert_eq!(desk.now, NOON.saturating_add(12 * 60 * MINUTE));
    assert!(matches!(desk.outcome(1), Some(Outcome::Paid { .. })));
}

#[test]
fn a_hash_for_which_nothing_was_set_aside_takes_what_is_free() {
    let mut desk = Desk::with_quota(5);
    // Twenty minutes before the day turns, nobody else is likely to come.
    desk.now = NOON.saturating_add((12 * 60 - 20) * MINUTE);
    desk.open(1..=4);
    desk.tracker.cancel(&md5(1), desk.now);
    // One request is free, and two would be needed.
    desk.tracker
        .learn(&md5(1), Some(full()), Some(short()), desk.now);
    desk.later(UNTIL_DEADLINE);
    let asked = std::iter::from_fn(|| desk.ask_single(CheckAnswer::NotFound));
    let today: Vec<_> = asked.collect();
    assert_eq!(today.len(), 5, "{today:?}");
    assert!(today.contains(&Question::Hash(full())));
    let last = desk.exchange(Ok(CheckAnswer::NotFound));
    assert_eq!(last, Question::ShortHash(short(), khr(10_000)));
    assert_eq!(desk.now, NOON.saturating_add(12 * 60 * MINUTE));
    assert_eq!(desk.outcome(1), Some(Outcome::Cancelled));
}

#[test]
fn a_last_check_that_was_begun_is_ended_before_the_next() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2, 3]);
    desk.tracker.learn(&md5(2), Some(full()), None, desk.now);
    desk.later(UNTIL_DEADLINE);
    let asked = std::iter::from_fn(|| desk.ask_single(CheckAnswer::NotFound));
    let asked: Vec<_> = asked.collect();
    let by_md5 = asked
        .iter()
        .position(|asked| *asked == Question::Md5(md5(2)));
    let by_hash = asked
        .iter()
        .position(|asked| *asked == Question::Hash(full()));
    assert_eq!(by_hash, by_md5.map(|at| at + 1), "{asked:?}");
}

#[test]
fn what_is_set_aside_is_free_again_when_the_payment_is_final() {
    let mut desk = Desk::with_quota(5);
    let mut known = payment(1, desk.now.saturating_add(LIFE));
    (known.hash, known.short_hash) = (Some(full()), Some(short()));
    desk.try_open(known).unwrap();
    desk.open([2]);
    desk.later(MINUTE);
    // The fifth is free.
    desk.tracker.nudge(&md5(1), desk.now);
    assert_eq!(desk.exchange(Ok(paid(7, NOON))), Question::Md5(md5(1)));
    desk.open([3, 4, 5]);
    let refused = desk.try_open(payment(6, desk.now.saturating_add(LIFE)));
    assert!(matches!(refused, Err(OpenError::NoQuota { .. })));
}

#[test]
fn what_is_said_of_a_hash_is_not_said_of_the_code() {
    for answer in [CheckAnswer::Failed, CheckAnswer::StaticQr] {
        let mut desk = Desk::of_singles();
        desk.open([1]);
        desk.tracker.learn(&md5(1), Some(full()), None, desk.now);
        desk.exchange(Ok(CheckAnswer::NotFound));
        assert_eq!(desk.exchange(Ok(answer)), Question::Hash(full()));
        assert_eq!(desk.outcome(1), None);
    }
}

#[test]
fn a_second_transfer_is_reported() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.tracker.learn(&md5(1), Some(full()), None, desk.now);
    desk.exchange(Ok(paid(8, NOON)));
    assert!(matches!(desk.outcome(1), Some(Outcome::Paid { .. })));
    let again = desk.log.last();
    assert!(
        matches!(again, Some(Change::PaidAgain { hash: Some(hash), .. }) if *hash == full()),
        "{again:?}"
    );
}

#[test]
fn what_is_known_already_is_not_learned_again() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    for _ in 0..2 {
        desk.tracker.learn(&md5(1), Some(full()), None, desk.now);
        desk.tracker.learn(&md5(1), None, Some(short()), desk.now);
    }
    desk.keep();
    let learned = |change: &&Change| matches!(change, Change::Learned { .. });
    assert_eq!(desk.log.iter().filter(learned).count(), 2);
    let open = desk.store.snapshot().open.remove(0);
    assert_eq!(
        (open.payment.hash, open.payment.short_hash),
        (Some(full()), Some(short()))
    );
}

#[test]
fn a_hash_that_had_no_turn_does_not_take_that_of_the_md5() {
    // Nothing is free before the last check.
    let mut desk = Desk::with_quota(2);
    desk.open([1, 2]);
    desk.tracker.learn(&md5(1), Some(full()), None, desk.now);
    desk.tracker.cancel(&md5(2), desk.now);
    desk.keep();
    desk.later(UNTIL_DEADLINE);
    let mut of_the_first = Vec::new();
    while desk.tracker.open_payments() > 0 {
        let question = desk.exchange(Ok(CheckAnswer::NotFound));
        if question != Question::Md5(md5(2)) {
            of_the_first.push(question);
        }
    }
    assert_eq!(
        of_the_first,
        [Question::Md5(md5(1)), Question::Hash(full())]
    );
}

#[test]
fn a_hash_whose_turn_did_not_come_in_time_lets_the_md5_go_first() {
    let mut desk = Desk::with_quota(3);
    desk.now = NOON.saturating_add((12 * 60 - 20) * MINUTE);
    desk.open([1]);
    // Two are set aside for the last check, and the third asks by the MD5.
    desk.tracker.learn(&md5(1), Some(full()), None, desk.now);
    let by_md5 = Some(Question::Md5(md5(1)));
    assert_eq!(desk.ask_single(CheckAnswer::NotFound), by_md5);
    assert_eq!(desk.poll(), None);
    desk.later(UNTIL_DEADLINE);
    assert_eq!(desk.ask_single(CheckAnswer::NotFound), by_md5);
    let by_hash = Some(Question::Hash(full()));
    assert_eq!(desk.ask_single(CheckAnswer::NotFound), by_hash);
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
}

#[test]
fn what_was_asked_by_a_hash_is_said_of_it_however_late_the_answer_comes() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.tracker.learn(&md5(1), Some(full()), None, desk.now);
    desk.exchange(Ok(CheckAnswer::NotFound));
    let ask = desk.ask();
    assert_eq!(ask.question, Question::Hash(full()));
    desk.now = NOON.saturating_add(UNTIL_DEADLINE);
    assert_eq!(desk.poll(), None);
    desk.answer(&ask, crate::desk::single(CheckAnswer::Failed));
    assert_eq!(desk.outcome(1), None, "what failed is another code");
}

#[test]
fn a_hash_that_is_learned_during_the_last_check_has_its_turn() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.tracker.learn(&md5(1), None, Some(short()), desk.now);
    desk.later(UNTIL_DEADLINE);
    desk.exchange(Ok(CheckAnswer::NotFound));
    let ask = desk.ask();
    assert_eq!(ask.question, Question::ShortHash(short(), khr(10_000)));
    desk.tracker.learn(&md5(1), Some(full()), None, desk.now);
    desk.answer(&ask, crate::desk::single(CheckAnswer::NotFound));
    assert_eq!(
        desk.exchange(Ok(CheckAnswer::NotFound)),
        Question::Hash(full())
    );
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
}

#[test]
fn what_is_said_of_a_hash_is_not_said_of_the_next() {
    let other = || TransactionHash::new(&hash(8)).ok();
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.tracker.learn(&md5(1), Some(full()), None, desk.now);
    desk.later(UNTIL_DEADLINE);
    desk.exchange(Ok(CheckAnswer::NotFound));
    let ask = desk.ask();
    assert_eq!(ask.question, Question::Hash(full()));
    desk.tracker.learn(&md5(1), other(), None, desk.now);
    desk.answer(&ask, crate::desk::single(CheckAnswer::NotFound));
    assert_eq!(desk.outcome(1), None);
    let question = desk.exchange(Ok(CheckAnswer::NotFound));
    assert_eq!(Some(question), other().map(Question::Hash));
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
}
