//! Random events of a tracker, and random answers of Bakong.

use std::time::Duration;

use bakong_flow::Config;
use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::bakong_api::transport::TransportErrorKind;
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass, RetryAfter};
use bakong_flow::quota::QuotaWindow;
use proptest::prelude::*;

use crate::desk::{HOUR, paid};

/// The number of payments.
pub(crate) const PAYMENTS: u32 = 6;

/// An event of a tracker.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Open {
        number: u32,
        order: u32,
        policy: usize,
        life: Duration,
    },
    Nudge(u32),
    Learn {
        number: u32,
        hash: Option<u32>,
        short: Option<u32>,
    },
    Cancel(u32),
    OtherWorkerFinishes {
        number: u32,
        transfer: Option<u32>,
    },
    Poll,
    Answer {
        which: usize,
        sent: u32,
        answers: Answers,
    },
    Abandon(usize),
    WrongAnswer(usize),
    Later(Duration),
    UntilWakeup,
    SetBack(Duration),
    Restart,
    NewToken(Option<Duration>),
    ExternalUsage(u32),
}

/// Bakong's answers for the payments of a request.
#[derive(Clone, Debug)]
pub(crate) enum Answers {
    All(Result<CheckAnswer, ErrorClass>),
    /// A list has its own answer for each payment, or leaves it out.
    Each(Vec<Option<Result<CheckAnswer, ErrorClass>>>),
}

fn answer() -> impl Strategy<Value = CheckAnswer> {
    prop_oneof![
        6 => Just(CheckAnswer::NotFound),
        2 => (0..PAYMENTS).prop_map(paid),
        1 => Just(CheckAnswer::Failed),
        1 => Just(CheckAnswer::StaticQr),
    ]
}

fn errors() -> impl Strategy<Value = ErrorClass> {
    let delay = (0u64..10_000).prop_map(|secs| RetryAfter::Delay(Duration::from_secs(secs)));
    let moment = any::<u64>().prop_map(|at| RetryAfter::At(Timestamp::from_millis(at)));
    let retry_after = prop_oneof![Just(None), delay.prop_map(Some), moment.prop_map(Some)];
    prop_oneof![
        Just(ErrorClass::Unauthorized),
        Just(ErrorClass::QuotaExhausted),
        Just(ErrorClass::Blocked),
        Just(ErrorClass::Refused),
        Just(ErrorClass::Malformed),
        Just(ErrorClass::Transport(TransportErrorKind::Connect)),
        Just(ErrorClass::Transport(TransportErrorKind::Timeout)),
        retry_after
            .clone()
            .prop_map(|retry_after| ErrorClass::RateLimited { retry_after }),
        retry_after.prop_map(|retry_after| ErrorClass::Unavailable { retry_after }),
    ]
}

fn results() -> impl Strategy<Value = Result<CheckAnswer, ErrorClass>> {
    prop_oneof![3 => answer().prop_map(Ok), 2 => errors().prop_map(Err)]
}

fn answers() -> impl Strategy<Value = Answers> {
    prop_oneof![
        results().prop_map(Answers::All),
        prop::collection::vec(prop::option::of(results()), 0..8).prop_map(Answers::Each),
    ]
}

pub(crate) fn events() -> impl Strategy<Value = Event> {
    let number = 0..PAYMENTS;
    let seconds = |range: std::ops::Range<u64>| range.prop_map(Duration::from_secs);
    let open = (
        number.clone(),
        number.clone(),
        0usize..3,
        seconds(0..200_000),
    )
        .prop_map(|(number, order, policy, life)| Event::Open {
            number,
            order,
            policy,
            life: if life.as_secs() % 4 == 0 {
                life
            } else {
                life / 200
            },
        });
    let learn = (
        number.clone(),
        prop::option::of(0u32..3),
        prop::option::of(0u32..3),
    )
        .prop_map(|(number, hash, short)| Event::Learn {
            number,
            hash,
            short,
        });
    let answer = (
        any::<usize>(),
        prop_oneof![8 => Just(1u32), 1 => Just(0), 1 => Just(3)],
        answers(),
    )
        .prop_map(|(which, sent, answers)| Event::Answer {
            which,
            sent,
            answers,
        });
    prop_oneof![
        8 => open,
        2 => number.clone().prop_map(Event::Nudge),
        2 => learn,
        1 => number.clone().prop_map(Event::Cancel),
        1 => (number, prop::option::of(0..PAYMENTS))
            .prop_map(|(number, transfer)| Event::OtherWorkerFinishes { number, transfer }),
        12 => Just(Event::Poll),
        10 => answer,
        1 => any::<usize>().prop_map(Event::Abandon),
        1 => any::<usize>().prop_map(Event::WrongAnswer),
        4 => seconds(0..120).prop_map(Event::Later),
        1 => seconds(0..200_000).prop_map(Event::Later),
        6 => Just(Event::UntilWakeup),
        1 => seconds(0..100_000).prop_map(|time| Event::SetBack(time / 10)),
        1 => Just(Event::Restart),
        1 => prop::option::of(seconds(0..600_000)).prop_map(Event::NewToken),
        1 => (0u32..4).prop_map(Event::ExternalUsage),
    ]
}

pub(crate) fn configs() -> impl Strategy<Value = Config> {
    let limits = (1u32..12, 0u32..3, 1u32..5);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (limits, flags).prop_map(
        |((limit, renewals, in_flight), (renewable, lists, hourly))| {
            let mut config = Config::DEFAULT;
            // Without a request for checks, no payment would become final.
            (config.quota.limit, config.quota.renewals) = (limit + renewals, renewals);
            (config.max_in_flight, config.renewable, config.lists) = (in_flight, renewable, lists);
            if hourly {
                config.quota.window = QuotaWindow::new(HOUR, HOUR / 4);
            }
            config
        },
    )
}
