//! `bakong watch`: many payments at once, under one day's quota.

mod events;
mod input;

use bakong_flow::watcher::Progress;
use bakong_flow::{Config, MemoryStore, Outcome, Payment, Policy, WatchError, Watched, Watcher};
use khqr_core::Khqr;
use tokio::sync::broadcast;
use tokio::task::JoinSet;

use crate::arguments::WatchArguments;
use crate::common::advice::Asked;
use crate::common::exit::{Exit, Failure, told};
use crate::common::interrupt::Interrupts;
use crate::common::remote::{self, HttpWatcher, Remote};
use crate::common::runtime::block_on;

use self::events::Telling;
use self::input::{Line, Lines};

pub(crate) fn run(arguments: &WatchArguments) -> Result<Exit, Failure> {
    told(block_on(watch_all(arguments)), arguments.json)
}

async fn watch_all(arguments: &WatchArguments) -> Result<Exit, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let mut lines = Lines::open(&arguments.file)?;
    let Remote { session, asked } = remote::open_once(&arguments.target, &arguments.token)?;
    let mut config = Config::DEFAULT;
    config.quota.limit = arguments.quota;
    config.lists = !arguments.no_lists;
    let builder = Watcher::builder(session, MemoryStore::new()).config(config);
    let watcher = builder
        .start()
        .await
        .map_err(|error| Failure::new(Exit::CouldNotAsk, error.to_string()))?;
    let telling = Telling::new(arguments.json, asked);
    let mut changes = watcher.subscribe();
    let mut followers = JoinSet::new();
    let mut worst = Exit::Success;
    loop {
        tokio::select! {
            biased;
            () = interrupts.recv() => {
                let open = watcher.open_payments().await.unwrap_or_default();
                telling.stopped(&open);
                return Ok(Exit::Interrupted);
            }
            Some(ended) = followers.join_next() => {
                let exit = ended.unwrap_or(Exit::CouldNotAsk);
                worst = worse(worst, exit);
            }
            change = changes.recv() => match change {
                Ok(change) => worst = worse(worst, telling.change(&change)),
                // One of those that were missed may have been money.
                Err(broadcast::error::RecvError::Lagged(_)) => worst = worse(worst, Exit::NeedsAttention),
                Err(broadcast::error::RecvError::Closed) => return Ok(Exit::CouldNotAsk),
            },
            line = lines.next(), if !lines.has_ended() => {
                if let Some(line) = line? {
                    match begin(&watcher, &line, arguments.policy.into()).await {
                        Ok(watched) => {
                            telling.watching(&watched.progress());
                            followers.spawn(follow(watched, telling.clone()));
                        }
                        Err(refusal) => {
                            telling.refused(line.number, &refusal);
                            worst = worse(worst, refusal.exit());
                        }
                    }
                }
            }
        }
        if lines.has_ended() && followers.is_empty() {
            break;
        }
    }
    watcher.shutdown().await;
    while let Ok(change) = changes.try_recv() {
        worst = worse(worst, telling.change(&change));
    }
    Ok(worst)
}

/// Watches the payment of a line.
async fn begin(watcher: &HttpWatcher, line: &Line, policy: Policy) -> Result<Watched, Failure> {
    let unusable =
        |error: &dyn std::fmt::Display| Failure::new(Exit::CouldNotAsk, error.to_string());
    let code = line.code()?;
    let khqr = Khqr::parse(&code.qr).map_err(|error| unusable(&error))?;
    let order = code.order(&khqr)?;
    let payment = Payment::of_khqr(order, &khqr).map_err(|error| unusable(&error))?;
    let expires_at = payment.expires_at;
    let watching = watcher.watch(payment, policy).await;
    watching.map_err(|error: WatchError| match error.until() {
        Some(until) => events::no_quota(until, expires_at),
        None => unusable(&error),
    })
}

/// Tells of a payment until it is final.
async fn follow(mut watched: Watched, telling: Telling) -> Exit {
    let mut before: Option<Progress> = None;
    while let Some(progress) = watched.changed().await {
        telling.progress(&progress, before.as_ref());
        if let Some(outcome) = &progress.outcome {
            return match outcome {
                Outcome::Paid { .. } => Exit::Success,
                Outcome::Expired | Outcome::Cancelled => Exit::Expired,
                _ => Exit::NeedsAttention,
            };
        }
        before = Some(progress);
    }
    Exit::CouldNotAsk
}

/// Of two ends the one that a person should know of first.
const fn worse(one: Exit, other: Exit) -> Exit {
    const fn rank(exit: Exit) -> u8 {
        match exit {
            Exit::Success => 0,
            Exit::Expired => 1,
            Exit::CouldNotAsk | Exit::NotValid => 2,
            _ => 3,
        }
    }
    if rank(one) >= rank(other) { one } else { other }
}
