//! Whatever Bakong answers, and however late, a payment ends only by an answer that says so.

use std::time::Duration;

use bakong_api::khqr_core::Timestamp;
use bakong_api::{CheckAnswer, ErrorClass, RetryAfter, TransportErrorKind};
use bakong_flow::{Event, Hopeless, Outcome, PaymentMachine, Policy, Step};
use proptest::prelude::*;

use crate::{DEADLINE, OPENED, paid, payment};

/// What Bakong does with one check.
#[derive(Clone, Debug)]
enum Answer {
    NotFound,
    Paid,
    Failed,
    Error(ErrorClass),
    /// The future is dropped; the machine is resumed.
    Lost,
}

fn error() -> impl Strategy<Value = ErrorClass> {
    prop_oneof![
        Just(ErrorClass::Unavailable { retry_after: None }),
        Just(ErrorClass::Malformed),
        Just(ErrorClass::Unauthorized),
        Just(ErrorClass::QuotaExhausted),
        Just(ErrorClass::Transport(TransportErrorKind::Timeout)),
        (0u64..2_000).prop_map(|seconds| ErrorClass::RateLimited {
            retry_after: Some(RetryAfter::Delay(Duration::from_secs(seconds))),
        }),
    ]
}

fn answers() -> impl Strategy<Value = Vec<(Answer, u64, u64)>> {
    let answer = prop_oneof![
        20 => Just(Answer::NotFound),
        1 => Just(Answer::Paid),
        1 => Just(Answer::Failed),
        8 => error().prop_map(Answer::Error),
        2 => Just(Answer::Lost),
    ];
    // With how long the answer takes, and how late the caller wakes up.
    prop::collection::vec((answer, 0u64..20_000, 0u64..5_000), 1..200)
}

fn later(now: Timestamp, millis: u64) -> Timestamp {
    now.saturating_add(Duration::from_millis(millis))
}

proptest! {
    #[test]
    fn the_guarantees_hold(script in answers(), keep_trying: bool) {
        let mut policy = Policy::COUNTER;
        if keep_trying {
            policy.retry.hopeless = Hopeless::KeepTrying;
        }
        let mut machine = PaymentMachine::new(payment(), policy, OPENED);
        let mut now = OPENED;
        let mut script = script.into_iter();
        let mut ended_by = None;
        loop {
            match machine.poll(now) {
                Step::Wait(until) => {
                    prop_assert!(until > now, "a wait that is over");
                    now = until;
                }
                Step::Done => break,
                Step::AwaitAnswer => prop_assert!(false, "nothing is out"),
                Step::Check(ticket) => {
                    let asked_at = now;
                    let Some((answer, takes, oversleeps)) = script.next() else {
                        break;
                    };
                    prop_assert_eq!(machine.poll(now), Step::AwaitAnswer);
                    now = later(now, takes);
                    let result = match &answer {
                        Answer::NotFound => Ok(CheckAnswer::NotFound),
                        Answer::Paid => Ok(paid()),
                        Answer::Failed => Ok(CheckAnswer::Failed),
                        Answer::Error(class) => Err(*class),
                        Answer::Lost => {
                            machine.resume(now);
                            continue;
                        }
                    };
                    let event = machine.answer(ticket, result, now);
                    prop_assert!(event != Event::Ignored);
                    if event == Event::Finished {
                        ended_by = Some((answer, asked_at));
                    }
                    now = later(now, oversleeps);
                }
            }
        }
        // Final by an answer that says so, and by no other.
        match (machine.outcome(), ended_by) {
            (None, None) => {}
            (Some(Outcome::Paid { .. }), Some((Answer::Paid, _)))
            | (Some(Outcome::Failed), Some((Answer::Failed, _))) => {}
            (Some(Outcome::Expired), Some((Answer::NotFound, asked_at))) => {
                prop_assert!(asked_at >= DEADLINE);
            }
            other => prop_assert!(false, "{other:?}"),
        }
        // Given up is never final, and what is final stays so.
        prop_assert!(machine.given_up().is_none() || machine.outcome().is_none());
        let before = machine.clone();
        machine.resume(now);
        if before.outcome().is_some() {
            prop_assert_eq!(machine.poll(now), Step::Done);
            prop_assert_eq!(machine, before);
        }
    }
}
