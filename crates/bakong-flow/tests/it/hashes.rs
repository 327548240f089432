//! Lookups by the hash of a transaction.

use bakong_flow::bakong_api::{CheckAnswer, ErrorClass, ShortHash, TransactionHash};
use bakong_flow::{Change, Config, Mismatch, Outcome, Question, Tracker};

use crate::desk::{
    DEADLINE, DOWN, Desk, HOUR, LIFE, MINUTE, NOON, NOT_FOUND, UNTIL_DEADLINE, by_md5, hash, khr,
    md5, order, paid, single,
};

fn full() -> TransactionHash {
    hash(7)
}

fn short() -> ShortHash {
    crate::desk::short_hash(7)
}

fn by_hash() -> Question {
    Question::Hash(full())
}

fn by_short_hash() -> Question {
    Question::ShortHash(short(), khr(10_000))
}

/// Payment 1 is open, and its full hash was just learned.
fn learned() -> Desk {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.learn(1, Some(full()), None);
    desk
}

/// The first of two payments has both hashes when it is opened.
fn opened_with_hashes(limit: u32) -> Desk {
    let mut desk = Desk::with_quota(limit);
    let mut known = desk.payment(1);
    (known.hash, known.short_hash) = (Some(full()), Some(short()));
    desk.try_open(known.clone()).unwrap();
    (known.md5, known.order) = (md5(2), order(2));
    if limit < 6 {
        desk.assert_no_quota(known);
    }
    desk.open([2]);
    desk
}

/// Answers "not found" until no request is to be sent now, and returns the questions.
fn checked_now(desk: &mut Desk) -> Vec<Question> {
    std::iter::from_fn(|| desk.check_now(CheckAnswer::NotFound)).collect()
}

#[test]
fn the_final_check_tries_all_known_lookups_in_order() {
    for (full, short, hashes) in [
        (None, None, vec![]),
        (Some(full()), None, vec![by_hash()]),
        (None, Some(short()), vec![by_short_hash()]),
        (
            Some(full()),
            Some(short()),
            vec![by_hash(), by_short_hash()],
        ),
    ] {
        let mut desk = Desk::of_singles();
        desk.open([1]);
        desk.learn(1, full, short);
        // The hashes survive a restart.
        desk.restart(Config::DEFAULT);
        desk.later(UNTIL_DEADLINE);
        let questions = desk.finish_all();
        assert_eq!(questions[0], by_md5(1));
        assert_eq!(questions[1..], hashes);
        assert_eq!(desk.outcome(1), Some(Outcome::Expired));
        assert_eq!(desk.now, DEADLINE);
    }
}

#[test]
fn a_learned_hash_is_tried_once_after_the_md5() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.learn(1, Some(full()), Some(short()));
    assert_eq!(
        checked_now(&mut desk),
        [by_md5(1), by_hash(), by_short_hash()]
    );
    assert_eq!(desk.exchange(NOT_FOUND), by_md5(1));
    assert_eq!(desk.exchange(NOT_FOUND), by_md5(1));
}

#[test]
fn a_hash_learned_during_a_check_is_tried_next() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let ask = desk.next();
    desk.learn(1, Some(full()), None);
    desk.answer(&ask, single(CheckAnswer::NotFound));
    assert_eq!(desk.check_now(CheckAnswer::NotFound), Some(by_hash()));
}

#[test]
fn a_hash_that_is_known_from_the_start_is_tried_in_the_final_check_only() {
    let mut desk = Desk::of_singles();
    let mut known = desk.payment(1);
    known.hash = Some(full());
    desk.try_open(known).unwrap();
    let questions = desk.finish_all();
    let is_by_hash = |question: &&Question| **question == by_hash();
    assert_eq!(questions.iter().filter(is_by_hash).count(), 1);
    assert_eq!(questions.last(), Some(&by_hash()));
}

#[test]
fn requests_are_reserved_for_known_hashes() {
    let mut desk = opened_with_hashes(4);
    desk.assert_no_quota(desk.payment(3));
    assert_eq!(desk.finish_all().len(), 4);
    assert_eq!(desk.now, DEADLINE);
}

#[test]
fn a_final_payment_releases_its_reservations() {
    let mut desk = opened_with_hashes(5);
    desk.later(MINUTE);
    // The fifth request is spare.
    desk.nudge(1);
    assert_eq!(desk.exchange(Ok(paid(7))), by_md5(1));
    desk.open([3, 4, 5]);
    desk.assert_no_quota(desk.payment(6));
}

#[test]
fn a_lookup_by_hash_without_quota_waits_for_the_next_window() {
    let mut desk = Desk::with_quota(3);
    desk.open([1, 2, 3]);
    desk.learn(1, Some(full()), None);
    desk.later(UNTIL_DEADLINE);
    // The reserved requests of the other payments are not spent on the lookup by hash.
    let questions = checked_now(&mut desk);
    let is_by_md5 = |question: &Question| matches!(question, Question::Md5(_));
    assert!(questions.len() == 3 && questions.iter().all(is_by_md5));
    assert_eq!(desk.outcome(1), None);
    assert_eq!(desk.outcome(3), Some(Outcome::Expired));
    assert_eq!(desk.exchange(Ok(paid(7))), by_hash());
    assert_eq!(desk.now, NOON.saturating_add(12 * HOUR));
    assert_eq!(desk.mismatches(1), [Mismatch::OtherCode]);
}

#[test]
fn a_lookup_by_hash_without_reservation_takes_a_spare_request() {
    let mut desk = Desk::with_quota(5);
    // No more payments are expected 20 minutes before the window ends.
    desk.later(12 * HOUR - 20 * MINUTE);
    desk.open(1..=4);
    desk.cancel(1);
    // One request is spare, and the hashes need two.
    desk.learn(1, Some(full()), Some(short()));
    desk.later(UNTIL_DEADLINE);
    let questions = checked_now(&mut desk);
    assert_eq!(questions.len(), 5, "{questions:?}");
    assert!(questions.contains(&by_hash()));
    assert_eq!(desk.exchange(NOT_FOUND), by_short_hash());
    assert_eq!(desk.now, NOON.saturating_add(12 * HOUR));
    assert_eq!(desk.outcome(1), Some(Outcome::Cancelled));
}

#[test]
fn a_final_check_that_has_begun_is_completed_before_the_next() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2, 3]);
    desk.learn(2, Some(full()), None);
    desk.later(UNTIL_DEADLINE);
    let questions = checked_now(&mut desk);
    let pair = [by_md5(2), by_hash()];
    assert!(
        questions.windows(2).any(|next| next == pair),
        "{questions:?}"
    );
}

#[test]
fn the_state_of_another_code_is_ignored() {
    for answer in [CheckAnswer::Failed, CheckAnswer::StaticQr] {
        let mut desk = learned();
        desk.exchange(NOT_FOUND);
        assert_eq!(desk.exchange(Ok(answer)), by_hash());
        assert_eq!(desk.outcome(1), None);
    }
}

#[test]
fn a_second_transfer_is_reported() {
    let mut desk = learned();
    desk.exchange(Ok(paid(8)));
    assert!(desk.is_paid(1));
    let last = desk.log.last();
    assert!(matches!(last, Some(Change::PaidAgain { hash: Some(hash), .. }) if *hash == full()));
}

#[test]
fn a_known_hash_is_not_learned_again() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    for _ in 0..2 {
        desk.learn(1, Some(full()), None);
        desk.learn(1, None, Some(short()));
    }
    let is_learned = |change: &&Change| matches!(change, Change::Learned { .. });
    assert_eq!(desk.log.iter().filter(is_learned).count(), 2);
    let known = desk.store.snapshot().open.remove(0).payment;
    assert_eq!(
        (known.hash, known.short_hash),
        (Some(full()), Some(short()))
    );
}

#[test]
fn a_hash_that_was_not_tried_early_does_not_precede_the_md5() {
    // No request is spare before the final check.
    let mut desk = Desk::with_quota(2);
    desk.open([1, 2]);
    desk.learn(1, Some(full()), None);
    desk.cancel(2);
    desk.later(UNTIL_DEADLINE);
    let mut questions = desk.finish_all();
    questions.retain(|question| *question != by_md5(2));
    assert_eq!(questions, [by_md5(1), by_hash()]);
}

#[test]
fn the_md5_is_first_if_the_early_turn_of_the_hash_did_not_come_in_time() {
    let mut desk = Desk::with_quota(3);
    desk.later(12 * HOUR - 20 * MINUTE);
    desk.open([1]);
    // Two requests are reserved for the final check. The third one is spent on the MD5.
    desk.learn(1, Some(full()), None);
    assert_eq!(checked_now(&mut desk), [by_md5(1)]);
    desk.later(UNTIL_DEADLINE);
    assert_eq!(checked_now(&mut desk), [by_md5(1), by_hash()]);
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
}

#[test]
fn a_late_answer_belongs_to_the_lookup_that_was_sent() {
    let mut desk = learned();
    desk.exchange(NOT_FOUND);
    let ask = desk.ask();
    assert_eq!(ask.question, by_hash());
    desk.now = DEADLINE;
    assert_eq!(desk.poll(), None);
    desk.answer(&ask, single(CheckAnswer::Failed));
    assert_eq!(desk.outcome(1), None, "another code failed");
}

#[test]
fn a_hash_learned_during_the_final_check_is_tried() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    desk.learn(1, None, Some(short()));
    desk.later(UNTIL_DEADLINE);
    desk.exchange(NOT_FOUND);
    let ask = desk.ask();
    assert_eq!(ask.question, by_short_hash());
    desk.learn(1, Some(full()), None);
    desk.answer(&ask, single(CheckAnswer::NotFound));
    assert_eq!(desk.exchange(NOT_FOUND), by_hash());
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
}

#[test]
fn an_answer_for_a_replaced_hash_does_not_count_for_the_new_one() {
    let mut desk = learned();
    desk.later(UNTIL_DEADLINE);
    desk.exchange(NOT_FOUND);
    let ask = desk.ask();
    assert_eq!(ask.question, by_hash());
    desk.learn(1, Some(hash(8)), None);
    desk.answer(&ask, single(CheckAnswer::NotFound));
    assert_eq!(desk.outcome(1), None);
    assert_eq!(desk.exchange(NOT_FOUND), Question::Hash(hash(8)));
    assert_eq!(desk.outcome(1), Some(Outcome::Expired));
}

#[test]
fn a_transaction_that_the_md5_finds_too_settles_the_order() {
    let mut desk = learned();
    // The transfer was made between the first two checks.
    desk.exchange(NOT_FOUND);
    desk.exchange(Ok(paid(7)));
    assert_eq!(desk.outcome(1), None);
    assert_eq!(desk.exchange(Ok(paid(7))), by_md5(1));
    assert!(desk.is_paid(1));
}

#[test]
fn a_transaction_that_only_a_hash_finds_needs_a_review() {
    let mut desk = learned();
    desk.exchange(NOT_FOUND);
    desk.exchange(Ok(paid(7)));
    // A failure is not an answer.
    desk.exchange(Err(DOWN));
    assert_eq!(desk.outcome(1), None);
    assert_eq!(desk.exchange(NOT_FOUND), by_md5(1));
    assert_eq!(desk.mismatches(1), [Mismatch::OtherCode]);
}

#[test]
fn a_review_does_not_claim_the_transaction_of_another_payment() {
    let mut desk = Desk::of_singles();
    desk.open([1, 2]);
    desk.cancel(2);
    // The first customer shows the receipt of the second payment.
    desk.learn(1, Some(full()), None);
    desk.exchange(NOT_FOUND);
    desk.exchange(Ok(paid(7)));
    desk.exchange(NOT_FOUND);
    assert_eq!(desk.mismatches(1), [Mismatch::OtherCode]);
    desk.restart(Config::DEFAULT);
    desk.exchange(Ok(paid(7)));
    assert_eq!(desk.mismatches(2), [Mismatch::Cancelled]);
}

#[test]
fn the_final_check_by_md5_does_not_wait_for_the_window_of_the_hash() {
    let mut desk = Desk::with_quota(4);
    desk.later(12 * HOUR - 20 * MINUTE);
    desk.open(1..=3);
    let ask = desk.next();
    let Question::Md5(asked) = ask.question else {
        panic!("{ask:?}");
    };
    desk.tracker.learn(&asked, Some(full()), None, desk.now);
    desk.later(UNTIL_DEADLINE);
    desk.answer(&ask, single(CheckAnswer::NotFound));
    let questions = checked_now(&mut desk);
    assert_eq!(questions.len(), 3);
    assert!(questions.contains(&Question::Md5(asked)), "{questions:?}");
}

#[test]
fn a_reservation_is_not_spent_on_checks_in_flight() {
    let mut desk = Desk::with_quota(4);
    desk.open([1, 2]);
    let mut third = desk.payment(3);
    third.expires_at = NOON.saturating_add(3 * LIFE);
    desk.try_open(third).unwrap();
    desk.learn(1, Some(full()), None);
    desk.later(UNTIL_DEADLINE);
    for ask in [desk.ask(), desk.ask()] {
        desk.answer(&ask, single(CheckAnswer::NotFound));
    }
    assert_eq!(desk.check_now(CheckAnswer::NotFound), Some(by_hash()));
}

#[test]
fn an_unreadable_lookup_is_tried_again_after_the_others() {
    for unreadable in [ErrorClass::Malformed, ErrorClass::Refused] {
        let mut desk = Desk::of_singles();
        desk.open([1]);
        desk.learn(1, Some(full()), Some(short()));
        desk.now = DEADLINE;
        for (question, answer) in [
            (by_md5(1), NOT_FOUND),
            (by_hash(), Err(unreadable)),
            (by_short_hash(), NOT_FOUND),
            (by_hash(), Err(unreadable)),
            (by_hash(), Err(unreadable)),
        ] {
            assert_eq!(desk.exchange(answer), question);
        }
        assert_eq!(desk.outcome(1), None);
        desk.exchange(NOT_FOUND);
        assert_eq!(desk.outcome(1), Some(Outcome::Expired));
    }
}

#[test]
fn an_unreadable_md5_does_not_hide_a_transaction_that_a_hash_finds() {
    for is_late in [false, true] {
        let mut desk = learned();
        if is_late {
            desk.now = DEADLINE;
        }
        desk.exchange(Err(ErrorClass::Malformed));
        assert_eq!(desk.exchange(Ok(paid(7))), by_hash());
        // The MD5 still decides.
        assert_eq!(desk.exchange(Ok(paid(7))), by_md5(1));
        assert!(desk.is_paid(1));
    }
}

#[test]
fn the_store_merges_the_hashes_of_two_workers() {
    let mut desk = Desk::of_singles();
    desk.open([1]);
    let mut other = Tracker::restore(Config::DEFAULT, desk.store.snapshot(), desk.now);
    desk.learn(1, Some(full()), None);
    other.learn(&md5(1), None, Some(short()), desk.now);
    let changes: Vec<Change> = other.take_changes().collect();
    assert!(desk.store.apply(&changes).is_empty());
    let known = desk.store.snapshot().open.remove(0).payment;
    assert_eq!(
        (known.hash, known.short_hash),
        (Some(full()), Some(short()))
    );
}
