//! `bakong watch`: watches many payments under one daily quota.

mod events;
mod input;
mod resume;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;

use bakong_flow::store::Event;
use bakong_flow::watcher::{Events, Progress};
use bakong_flow::{Config, Payment, Policy, Watched, Watcher};
use khqr_core::{Md5Handle, Printable};
use tokio::task::{JoinSet, LocalSet};

use crate::arguments::WatchArguments;
use crate::common::exit::{Exit, Failure, print_json_error};
use crate::common::interrupt::Interrupts;
use crate::common::refusal::{self, Refusal};
use crate::common::remote::{self, HttpWatcher, Remote};
use crate::common::runtime::block_on;
use crate::common::shop_store::{self, KeptStore, LEASE_TERM, STORE_TIMEOUT};
use crate::common::{output, reader, transaction};

use self::events::EventPrinter;
use self::input::{Input, Line};

pub(crate) fn run(arguments: &WatchArguments) -> Result<Exit, Failure> {
    print_json_error(
        block_on(LocalSet::new().run_until(watch_all(arguments))),
        arguments.json,
    )
}

async fn watch_all(arguments: &WatchArguments) -> Result<Exit, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let mut input = match (&arguments.file, arguments.resume) {
        (Some(file), _) => Input::open(file)?,
        (None, false) => Input::open("-")?,
        (None, true) => Input::empty(),
    };
    let remote = remote::open_once(&arguments.target, &arguments.token)?;
    if arguments.resume && input.has_ended() && arguments.keep.is_missing()? {
        // Nothing can be open, so no store is created.
        resume::note_nothing_open(&arguments.keep)?;
        return Ok(Exit::Success);
    }
    let kept = arguments.keep.open(&remote).await?;
    let Remote { session, advisor } = remote;
    let mut config = Config::DEFAULT;
    config.quota.limit = arguments.quota;
    config.lists = !arguments.no_lists;
    let builder = Watcher::builder(session, Arc::clone(&kept.store)).config(config);
    let watcher = builder
        .lease_term(LEASE_TERM)
        .store_timeout(STORE_TIMEOUT)
        .start()
        .await
        .map_err(|error| shop_store::failure(&error))?;
    let resume_command = kept.resume_command(&advisor);
    let printer = EventPrinter::new(arguments.json, advisor, resume_command);
    let mut second_payments = watcher.events("paid_again");
    let mut followers = JoinSet::new();
    let mut expected = HashMap::new();
    let mut unread = pin!(reader::gone());
    let mut worst = Exit::Success;
    if arguments.resume {
        let missed = resume::print_missed(&kept, &printer).await?;
        worst = missed.unwrap_or(Exit::Success);
        for watched in resume::attach_all(&watcher, &kept, &printer, &mut expected).await? {
            printer.watching(&watched.progress());
            followers.spawn_local(follow(watched, printer.clone(), kept.clone()));
        }
        if missed.is_none() && followers.is_empty() && input.has_ended() {
            resume::note_nothing_open(&arguments.keep)?;
        }
    }
    while !(input.has_ended() && followers.is_empty()) {
        tokio::select! {
            biased;
            () = interrupts.recv() => {
                printer.stopped(&open_payments(&watcher, &expected).await);
                watcher.shutdown().await;
                end_all(&mut followers).await;
                return Ok(Exit::Interrupted);
            }
            () = &mut unread => {
                printer.unread(&open_payments(&watcher, &expected).await);
                watcher.shutdown().await;
                return Ok(Exit::NoAnswer);
            }
            Some(exit) = followers.join_next() => {
                worst = worse(worst, exit.unwrap_or(Exit::NoAnswer));
            }
            event = second_payments.next() => {
                let event = event.map_err(|error| shop_store::failure(&error))?;
                let Some(event) = event else {
                    let reason = watcher.closed().await.to_string();
                    return Err(Failure::new(Exit::NoAnswer, Printable(&reason).to_string()));
                };
                worst = worse(worst, print_second_payment(&event, &second_payments, &printer).await?);
            }
            line = input.next(), if !input.has_ended() => {
                let Some(line) = line? else { continue };
                match open(&watcher, &kept, &line, arguments.policy.into()).await {
                    Ok((watched, payment)) => {
                        printer.watching(&watched.progress());
                        expected.insert(payment.md5, payment);
                        followers.spawn_local(follow(watched, printer.clone(), kept.clone()));
                    }
                    Err(refusal) => {
                        printer.refused(line.number, &refusal);
                        worst = worse(worst, refusal.exit());
                    }
                }
            }
        }
    }
    watcher.shutdown().await;
    while let Ok(Some(event)) = second_payments.next().await {
        worst = worse(
            worst,
            print_second_payment(&event, &second_payments, &printer).await?,
        );
    }
    Ok(worst)
}

/// Waits until the followers of a watcher that has stopped have recorded the receipts that they printed. Otherwise
/// `--resume` would print them again.
async fn end_all(followers: &mut JoinSet<Exit>) {
    while followers.join_next().await.is_some() {}
}

/// Prints the event of a second payment, and records that it was printed.
async fn print_second_payment(
    event: &Event,
    events: &Events,
    printer: &EventPrinter,
) -> Result<Exit, Failure> {
    let exit = printer.event(event);
    if !output::is_output_lost() {
        let recorded = events.acknowledge(event.id).await;
        recorded.map_err(|error| shop_store::failure(&error))?;
    }
    Ok(exit)
}

/// Starts to watch the payment of a line.
async fn open(
    watcher: &HttpWatcher,
    kept: &KeptStore,
    line: &Line,
    policy: Policy,
) -> Result<(Watched, Payment), Failure> {
    let request = line.parse()?;
    let khqr = refusal::parse(&request.qr).map_err(|refusal| refusal.failure(Exit::NoAnswer))?;
    let order = request.order(&khqr)?;
    let payment = Payment::of_khqr(order, &khqr).map_err(|error| {
        Refusal::of_line("CannotBeWatched", error.to_string()).failure(Exit::NoAnswer)
    })?;
    let expires_at = payment.expires_at;
    match watcher.watch(payment.clone(), policy).await {
        Ok(watched) => Ok((watched, payment)),
        Err(error) => Err(match error.until() {
            Some(until) => events::quota_exhausted(until, expires_at),
            None => kept.failure(watcher, &error).await,
        }),
    }
}

/// The payments that are not final.
async fn open_payments<'a>(
    watcher: &HttpWatcher,
    watched: &'a HashMap<Md5Handle, Payment>,
) -> Vec<&'a Payment> {
    let open = watcher.open_payments().await.unwrap_or_default();
    open.iter().filter_map(|md5| watched.get(md5)).collect()
}

/// Prints the events of a payment until it is final.
async fn follow(mut watched: Watched, printer: EventPrinter, kept: KeptStore) -> Exit {
    let mut before: Option<Progress> = None;
    while let Some(progress) = watched.changed().await {
        printer.progress(&progress, before.as_ref());
        if let Some(outcome) = &progress.outcome {
            if !output::is_output_lost() {
                kept.receipt_printed(&progress.md5).await;
            }
            return transaction::exit(outcome);
        }
        before = Some(progress);
    }
    Exit::NoAnswer
}

/// The more serious of two exit codes.
const fn worse(one: Exit, other: Exit) -> Exit {
    const fn rank(exit: Exit) -> u8 {
        match exit {
            Exit::Success => 0,
            Exit::Expired => 1,
            Exit::NoAnswer | Exit::NotValid => 2,
            _ => 3,
        }
    }
    if rank(one) >= rank(other) { one } else { other }
}
