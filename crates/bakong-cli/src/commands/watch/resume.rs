//! `bakong watch --resume`: continues with what earlier commands left in the store.

use std::collections::HashMap;

use bakong_flow::store::{EventKind, PaymentKey};
use bakong_flow::watcher::Attached;
use bakong_flow::{Payment, Watched};
use khqr_core::Md5Handle;

use super::events::EventPrinter;
use super::worse;
use crate::common::exit::{Exit, Failure};
use crate::common::remote::HttpWatcher;
use crate::common::shop_store::{self, KeepArguments, KeptStore};
use crate::common::{output, transaction};

/// The consumer that has printed, or seen as printed, all outcomes up to its position.
const CONSUMER: &str = "resume";

/// How many events are read at once.
const PAGE: usize = 100;

/// Says that there is nothing to resume.
pub(super) fn note_nothing_open(keep: &KeepArguments) -> Result<(), Failure> {
    let location = keep.location.location()?;
    output::note(format_args!("There are no open payments in {location}."));
    Ok(())
}

/// Prints the outcomes that no command has printed, for example because it was killed. Returns the most serious exit
/// code of them, or `None` if there are none.
pub(super) async fn print_missed(
    kept: &KeptStore,
    printer: &EventPrinter,
) -> Result<Option<Exit>, Failure> {
    let failure = |error| shop_store::failure(&error);
    let store = &kept.store;
    let mut worst = None;
    let mut position = store.acknowledged(CONSUMER).await.map_err(failure)?;
    loop {
        let events = store.events_after(position, PAGE).await.map_err(failure)?;
        let Some(last) = events.last().map(|event| event.id) else {
            return Ok(worst);
        };
        for event in events {
            let EventKind::Finished(outcome) = &event.kind else {
                continue;
            };
            if kept.is_receipt_printed(&event.md5).await.map_err(failure)? {
                continue;
            }
            printer.ended(event.md5, &event.order, outcome);
            if output::is_output_lost() {
                return Ok(Some(Exit::NoAnswer));
            }
            kept.receipt_printed(&event.md5).await;
            let exit = transaction::exit(outcome);
            worst = Some(worst.map_or(exit, |worst| worse(worst, exit)));
        }
        store.acknowledge(CONSUMER, last).await.map_err(failure)?;
        position = last;
    }
}

/// Returns a handle to each open payment of the store, and adds the payments to `expected`.
pub(super) async fn attach_all(
    watcher: &HttpWatcher,
    kept: &KeptStore,
    printer: &EventPrinter,
    expected: &mut HashMap<Md5Handle, Payment>,
) -> Result<Vec<Watched>, Failure> {
    let unavailable =
        |error: bakong_flow::watcher::CommandError| Failure::new(Exit::NoAnswer, error.to_string());
    let mut open = Vec::new();
    for md5 in watcher.open_payments().await.map_err(unavailable)? {
        match watcher.attach(md5).await.map_err(unavailable)? {
            Attached::Open(watched) => open.push(watched),
            // The payment became final in the meantime.
            Attached::Final(_) => {
                print_missed(kept, printer).await?;
            }
            _ => continue,
        }
        let found = watcher
            .find(&PaymentKey::Md5(md5))
            .await
            .map_err(unavailable)?;
        expected.extend(found.into_iter().map(|stored| (md5, stored.payment)));
    }
    Ok(open)
}
