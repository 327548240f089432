//! Every arrow of the machine's diagram.

use std::time::Duration;

use bakong_api::khqr_core::{AccountId, Crc, Currency, Khqr, KhqrBuilder, Md5Handle, Timestamp};
use bakong_api::{CheckAnswer, ErrorClass, RetryAfter, TransportErrorKind};
use bakong_flow::{
    Event, Hopeless, Outcome, Payment, PaymentMachine, Policy, Step, Ticket, Untrackable,
};

use crate::{DEADLINE, EXPIRES, OPENED, machine, paid, paid_body, payment};

fn after(moment: Timestamp, seconds: u64) -> Timestamp {
    moment.saturating_add(Duration::from_secs(seconds))
}

/// The check that is due at `now`.
#[track_caller]
fn check(machine: &mut PaymentMachine, now: Timestamp) -> Ticket {
    match machine.poll(now) {
        Step::Check(ticket) => ticket,
        other => panic!("no check is due: {other:?}"),
    }
}

/// Asks at `now` and answers at once.
#[track_caller]
fn exchange(
    machine: &mut PaymentMachine,
    now: Timestamp,
    answer: Result<CheckAnswer, ErrorClass>,
) -> Event {
    let ticket = check(machine, now);
    machine.answer(ticket, answer, now)
}

#[test]
fn new_to_waiting_to_asking() {
    let mut machine = machine();
    let first = after(OPENED, 3);
    assert_eq!(machine.poll(OPENED), Step::Wait(first));
    assert_eq!(machine.next_check(), Some(first));
    check(&mut machine, first);
    // Nothing is asked twice at once.
    assert_eq!(machine.poll(first), Step::AwaitAnswer);
    assert_eq!((machine.checks(), machine.next_check()), (1, None));
}

#[test]
fn not_found_before_the_deadline_waits() {
    let mut machine = machine();
    let now = after(OPENED, 100);
    let event = exchange(&mut machine, now, Ok(CheckAnswer::NotFound));
    assert_eq!(event, Event::NotPaidYet);
    // A fifth of its age.
    assert_eq!(machine.poll(now), Step::Wait(after(now, 20)));
}

#[test]
fn a_check_that_would_fall_behind_the_expiry_is_the_last_one() {
    let mut machine = machine();
    let now = after(OPENED, 580);
    exchange(&mut machine, now, Ok(CheckAnswer::NotFound));
    assert_eq!(machine.poll(now), Step::Wait(DEADLINE));
    let event = exchange(&mut machine, DEADLINE, Ok(CheckAnswer::NotFound));
    assert_eq!(
        (event, machine.outcome()),
        (Event::Finished, Some(&Outcome::Expired))
    );
    assert_eq!(machine.poll(after(DEADLINE, 1)), Step::Done);
}

#[test]
fn not_found_expires_only_what_was_asked_for_after_the_deadline() {
    let mut machine = machine();
    // Asked before the expiry, answered long after it.
    let ticket = check(&mut machine, after(OPENED, 599));
    let event = machine.answer(ticket, Ok(CheckAnswer::NotFound), after(DEADLINE, 5));
    assert_eq!((event, machine.outcome()), (Event::NotPaidYet, None));
    let event = exchange(&mut machine, after(DEADLINE, 7), Ok(CheckAnswer::NotFound));
    assert_eq!(
        (event, machine.outcome()),
        (Event::Finished, Some(&Outcome::Expired))
    );
}

#[test]
fn final_answers_end_it_once() {
    for (answer, expected) in [
        (CheckAnswer::Failed, Outcome::Failed),
        (CheckAnswer::StaticQr, Outcome::StaticQr),
    ] {
        let mut machine = machine();
        let ticket = check(&mut machine, after(OPENED, 3));
        let now = after(OPENED, 4);
        assert_eq!(machine.answer(ticket, Ok(answer), now), Event::Finished);
        assert_eq!(machine.outcome(), Some(&expected));
        assert_eq!(machine.poll(now), Step::Done);
        assert_eq!(
            machine.answer(ticket, Ok(CheckAnswer::NotFound), now),
            Event::Ignored
        );
        // Money is told of even now, and changes nothing.
        let event = machine.answer(ticket, Ok(paid()), now);
        assert!(matches!(event, Event::PaidAfterFinal(_)), "{event:?}");
        assert_eq!(machine.outcome(), Some(&expected));
        machine.resume(now);
        assert_eq!(machine.outcome(), Some(&expected));
    }
}

#[test]
fn paid_and_matching_is_paid() {
    let mut machine = machine();
    assert_eq!(
        exchange(&mut machine, after(OPENED, 3), Ok(paid())),
        Event::Finished
    );
    assert!(matches!(
        machine.outcome(),
        Some(Outcome::Paid { late: false, .. })
    ));
}

#[test]
fn paid_after_the_deadline_is_paid_and_marked() {
    let mut machine = machine();
    let late = crate::answer(paid_body("10000", after(DEADLINE, 1)));
    exchange(&mut machine, after(DEADLINE, 2), Ok(late));
    assert!(matches!(
        machine.outcome(),
        Some(Outcome::Paid { late: true, .. })
    ));
}

#[test]
fn paid_and_differing_needs_review() {
    let mut machine = machine();
    let short = crate::answer(paid_body("9000", OPENED));
    exchange(&mut machine, after(OPENED, 3), Ok(short));
    assert!(matches!(
        machine.outcome(),
        Some(Outcome::NeedsReview { .. })
    ));
}

#[test]
fn failures_are_retried_and_the_last_check_is_not_missed() {
    let mut machine = machine();
    let class = ErrorClass::Unavailable { retry_after: None };
    let mut now = after(OPENED, 570);
    for delay in [1, 2, 4, 8, 15] {
        assert_eq!(
            exchange(&mut machine, now, Err(class)),
            Event::NoAnswer(class)
        );
        assert_eq!(machine.poll(now), Step::Wait(after(now, delay)));
        now = after(now, delay);
    }
    // 600 s: the next wait of 15 s is cut to the deadline.
    exchange(&mut machine, now, Err(class));
    assert_eq!(machine.poll(now), Step::Wait(DEADLINE));
    // One answer is enough.
    exchange(&mut machine, DEADLINE, Ok(CheckAnswer::NotFound));
    assert_eq!(machine.outcome(), Some(&Outcome::Expired));
}

#[test]
fn an_outage_past_the_patience_is_given_up_and_never_expired() {
    let mut machine = machine();
    let class = ErrorClass::Transport(TransportErrorKind::Connect);
    let mut now = OPENED;
    loop {
        match machine.poll(now) {
            Step::Check(ticket) => {
                machine.answer(ticket, Err(class), now);
            }
            Step::Wait(until) => now = until,
            Step::AwaitAnswer => panic!("each check is answered"),
            Step::Done => break,
        }
    }
    assert_eq!((machine.given_up(), machine.outcome()), (Some(class), None));
    assert!(now >= DEADLINE && now <= after(DEADLINE, 10), "{now}");
    // It can be taken up again.
    machine.resume(after(now, 3_600));
    exchange(&mut machine, after(now, 3_600), Ok(paid()));
    assert!(matches!(machine.outcome(), Some(Outcome::Paid { .. })));
}

#[test]
fn what_asking_again_does_not_mend_is_given_up_at_once() {
    for class in [
        ErrorClass::Unauthorized,
        ErrorClass::QuotaExhausted,
        ErrorClass::Blocked,
        ErrorClass::Refused,
        ErrorClass::Transport(TransportErrorKind::Tls),
    ] {
        let mut machine = machine();
        assert_eq!(
            exchange(&mut machine, after(OPENED, 3), Err(class)),
            Event::GaveUp(class)
        );
        assert_eq!((machine.given_up(), machine.outcome()), (Some(class), None));
        // Unless the policy is to wait for someone to mend it.
        let mut policy = Policy::COUNTER;
        policy.retry.hopeless = Hopeless::KeepTrying;
        let mut machine = PaymentMachine::new(payment(), policy, OPENED);
        let now = after(OPENED, 3);
        assert_eq!(
            exchange(&mut machine, now, Err(class)),
            Event::NoAnswer(class)
        );
        assert_eq!(machine.poll(now), Step::Wait(after(now, 15)));
    }
}

#[test]
fn the_server_s_retry_after_is_kept() {
    let limited = |retry_after| ErrorClass::RateLimited {
        retry_after: Some(retry_after),
    };
    for retry_after in [
        RetryAfter::Delay(Duration::from_secs(60)),
        RetryAfter::At(after(OPENED, 63)),
    ] {
        let mut machine = machine();
        exchange(&mut machine, after(OPENED, 3), Err(limited(retry_after)));
        assert_eq!(machine.next_check(), Some(after(OPENED, 63)));
        // Even past the deadline, as long as there is patience.
        let late = limited(RetryAfter::Delay(Duration::from_secs(8)));
        let now = after(OPENED, 599);
        assert_eq!(
            exchange(&mut machine, now, Err(late)),
            Event::NoAnswer(late)
        );
        assert_eq!(machine.next_check(), Some(after(now, 8)));
        let hour = limited(RetryAfter::Delay(Duration::from_secs(3_600)));
        assert_eq!(
            exchange(&mut machine, after(now, 8), Err(hour)),
            Event::GaveUp(hour)
        );
    }
}

#[test]
fn an_answer_that_was_lost_is_asked_for_again() {
    let mut machine = machine();
    let lost = check(&mut machine, after(OPENED, 3));
    let now = after(OPENED, 5);
    machine.resume(now);
    let ticket = check(&mut machine, now);
    // The lost one turns up after all, and says nothing that counts any more.
    assert_eq!(
        machine.answer(lost, Ok(CheckAnswer::NotFound), now),
        Event::Ignored
    );
    assert_eq!(
        machine.answer(
            lost,
            Err(ErrorClass::Unavailable { retry_after: None }),
            now
        ),
        Event::Ignored
    );
    assert_eq!(
        machine.answer(ticket, Ok(CheckAnswer::NotFound), now),
        Event::NotPaidYet
    );
    // Unless it says that the money came.
    assert_eq!(machine.answer(lost, Ok(paid()), now), Event::Finished);
}

#[test]
fn a_payment_is_made_of_a_dynamic_code_alone() {
    let builder = KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha");
    let dynamic = builder
        .dynamic_code(payment().expected.amount, OPENED, EXPIRES)
        .unwrap()
        .to_text();
    let khqr = Khqr::parse(&dynamic).unwrap();
    let made = Payment::of_khqr(&khqr).unwrap();
    assert_eq!(made.expected, payment().expected);
    assert_eq!((made.md5, made.expires_at), (khqr.md5(), EXPIRES));
    let fixed = builder.static_code(Currency::Khr).unwrap().to_text();
    let khqr = Khqr::parse(&fixed).unwrap();
    assert_eq!(Payment::of_khqr(&khqr), Err(Untrackable::NoAmount));
}

#[test]
fn the_grace_is_kept_to_the_millisecond() {
    let early = Timestamp::from_millis(DEADLINE.as_millis() - 1);
    for now in [EXPIRES, early] {
        let mut machine = machine();
        assert_eq!(
            exchange(&mut machine, now, Ok(CheckAnswer::NotFound)),
            Event::NotPaidYet
        );
        assert_eq!(machine.poll(now), Step::Wait(DEADLINE));
    }
    // Money that came within it is in time.
    let mut machine = machine();
    let within = crate::answer(paid_body("10000", after(EXPIRES, 1)));
    exchange(&mut machine, DEADLINE, Ok(within));
    assert!(matches!(
        machine.outcome(),
        Some(Outcome::Paid { late: false, .. })
    ));
}

#[test]
fn a_code_with_a_second_left_gets_its_last_check() {
    let opened = after(EXPIRES, 2);
    let mut machine = PaymentMachine::new(payment(), Policy::COUNTER, opened);
    // Not at the first check's age of three seconds: at the deadline.
    assert_eq!(machine.poll(opened), Step::Wait(DEADLINE));
    let mut machine = PaymentMachine::new(payment(), Policy::COUNTER, after(DEADLINE, 60));
    exchange(&mut machine, after(DEADLINE, 60), Ok(CheckAnswer::NotFound));
    assert_eq!(machine.outcome(), Some(&Outcome::Expired));
}

#[test]
fn an_answer_begins_the_row_of_failures_anew() {
    let class = ErrorClass::Malformed;
    let mut machine = machine();
    let mut now = after(OPENED, 3);
    for answer in [
        Err(class),
        Err(class),
        Ok(CheckAnswer::NotFound),
        Err(class),
    ] {
        exchange(&mut machine, now, answer);
        now = machine.next_check().unwrap();
    }
    let last = Timestamp::from_millis(now.as_millis() - 1_000);
    assert_eq!(machine.poll(last), Step::Wait(now));
    // And so does taking it up again.
    exchange(&mut machine, now, Err(class));
    let next = machine.next_check().unwrap();
    let ticket = check(&mut machine, next);
    machine.resume(after(now, 60));
    assert_eq!(
        machine.answer(ticket, Err(class), after(now, 60)),
        Event::Ignored
    );
    exchange(&mut machine, after(now, 60), Err(class));
    assert_eq!(machine.next_check(), Some(after(now, 61)));
}

#[test]
fn patience_ends_where_it_says() {
    let class = ErrorClass::Malformed;
    let wait = |seconds| ErrorClass::Unavailable {
        retry_after: Some(RetryAfter::Delay(Duration::from_secs(seconds))),
    };
    let mut machine = machine();
    exchange(&mut machine, DEADLINE, Err(class));
    // Ten seconds of patience: an eleventh is too much, the tenth is not.
    let now = after(DEADLINE, 1);
    assert_eq!(
        exchange(&mut machine, now, Err(wait(9))),
        Event::NoAnswer(wait(9))
    );
    let now = after(DEADLINE, 10);
    assert_eq!(
        exchange(&mut machine, now, Err(class)),
        Event::GaveUp(class)
    );
}

#[test]
fn resuming_what_waits_changes_nothing() {
    let mut machine = machine();
    let before = machine.clone();
    machine.resume(OPENED);
    assert_eq!(machine, before);
}

#[test]
fn a_clock_that_is_set_back_does_not_silence_the_shop() {
    let mut machine = machine();
    let now = after(OPENED, 100);
    exchange(&mut machine, now, Ok(CheckAnswer::NotFound));
    let hour_ago = Timestamp::from_millis(now.as_millis() - 3_600_000);
    let event = exchange(&mut machine, hour_ago, Ok(CheckAnswer::NotFound));
    assert_eq!(event, Event::NotPaidYet);
    assert_eq!(machine.next_check(), Some(after(hour_ago, 2)));
}

#[test]
fn another_payment_s_answer_is_none_of_ours() {
    let now = after(OPENED, 3);
    let mut ours = machine();
    let mut other = payment();
    other.md5 = Md5Handle::of("another code");
    let mut theirs = PaymentMachine::new(other, Policy::COUNTER, OPENED);
    let (ticket, foreign) = (check(&mut ours, now), check(&mut theirs, now));
    assert_ne!(ticket, foreign);
    assert_eq!(ours.answer(foreign, Ok(paid()), now), Event::Ignored);
    assert_eq!(ours.outcome(), None);
    assert_eq!(ours.answer(ticket, Ok(paid()), now), Event::Finished);
    // The same money once more is no news.
    assert_eq!(ours.answer(ticket, Ok(paid()), now), Event::Ignored);
}

#[test]
fn a_code_without_an_expiry_cannot_be_watched() {
    let body = "29140010sokha@devb53031165405100006304";
    let text = format!("{body}{}", Crc::of(body.as_bytes()));
    let khqr = Khqr::parse(&text).unwrap();
    assert_eq!(Payment::of_khqr(&khqr), Err(Untrackable::NoExpiry));
}
