//! What may happen to a tracker, and what Bakong may say.

use std::time::Duration;

use bakong_flow::Config;
use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::bakong_api::transport::TransportErrorKind;
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass, RetryAfter, Transaction};
use proptest::prelude::*;

use crate::desk::{NOON, paid};

/// The payments that there may be.
pub(crate) const PAYMENTS: u32 = 6;

/// Something that happens to a tracker.
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
    FinishedElsewhere {
        number: u32,
        transfer: Option<u32>,
    },
    Poll,
    Answer {
        which: usize,
        sent: u32,
        says: Says,
    },
    Abandon(usize),
    WrongAnswer(usize),
    Later(Duration),
    UntilWakeup,
    SetBack(Duration),
    Restart,
    NewToken(Option<Duration>),
    SpentElsewhere(u32),
}

/// What Bakong says, of each payment that a request asks about.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    All(Result<Answer, ErrorClass>),
    /// A list may say something else of each, or nothing.
    Each(Vec<Option<Result<Answer, ErrorClass>>>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    NotFound,
    Paid(u32),
    Failed,
    Static,
}

pub(crate) fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => Just(Answer::NotFound),
        2 => (0..PAYMENTS).prop_map(Answer::Paid),
        1 => Just(Answer::Failed),
        1 => Just(Answer::Static),
    ]
}

pub(crate) fn errors() -> impl Strategy<Value = ErrorClass> {
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

pub(crate) fn results() -> impl Strategy<Value = Result<Answer, ErrorClass>> {
    prop_oneof![3 => answers().prop_map(Ok), 2 => errors().prop_map(Err)]
}

pub(crate) fn says() -> impl Strategy<Value = Says> {
    prop_oneof![
        results().prop_map(Says::All),
        prop::collection::vec(prop::option::of(results()), 0..8).prop_map(Says::Each),
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
        says(),
    )
        .prop_map(|(which, sent, says)| Event::Answer { which, sent, says });
    prop_oneof![
        8 => open,
        2 => number.clone().prop_map(Event::Nudge),
        2 => learn,
        1 => number.clone().prop_map(Event::Cancel),
        1 => (number, prop::option::of(0..PAYMENTS))
            .prop_map(|(number, transfer)| Event::FinishedElsewhere { number, transfer }),
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
        1 => (0u32..4).prop_map(Event::SpentElsewhere),
    ]
}

pub(crate) fn configs() -> impl Strategy<Value = Config> {
    (1u32..12, 0u32..3, 1u32..5, any::<bool>(), any::<bool>()).prop_map(
        |(limit, renewals, at_once, renewable, lists)| {
            let mut config = Config::DEFAULT;
            // A day that has no request for checks would never end.
            (config.quota.limit, config.quota.renewals) = (limit + renewals, renewals);
            (config.at_once, config.renewable, config.lists) = (at_once, renewable, lists);
            config
        },
    )
}

impl Answer {
    pub(crate) fn told(self) -> CheckAnswer {
        match self {
            Self::NotFound => CheckAnswer::NotFound,
            Self::Paid(transfer) => CheckAnswer::Paid(paid_by(transfer)),
            Self::Failed => CheckAnswer::Failed,
            Self::Static => CheckAnswer::StaticQr,
        }
    }
}

pub(crate) fn paid_by(transfer: u32) -> Box<Transaction> {
    match paid(transfer, NOON) {
        CheckAnswer::Paid(transaction) => transaction,
        other => panic!("{other:?}"),
    }
}
