//! Turns the events of the store into changes of payments.
//!
//! The store adds an event in the commit of each outcome. This task applies it: one transaction stores the new state of the
//! payment and the event for the shop, keyed by the number of the store's event. Then it acknowledges the store's event.
//! If the process is killed in between, the event is applied again, which changes nothing. Every worker runs this task.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bakong_flow::watcher::Role;
use tokio::sync::watch;

use crate::db::Db;
use crate::feed::Feed;
use crate::service;
use crate::shop::{CONSUMER, Shop};

/// How long to wait before an event is read or applied again after an error.
const RETRY: Duration = Duration::from_secs(1);
/// How often interrupted creations and old answers are looked for.
const CLEANUP: Duration = Duration::from_secs(20);
/// How often to look for reasons for alerts. If there are none, the database is not read.
const HEALTH: Duration = Duration::from_secs(5);

/// Applies the events of a shop until the watcher ends.
pub(crate) async fn run(db: Db, shop: Arc<Shop>, feed: Feed) {
    let mut events = shop.watcher.events(CONSUMER);
    loop {
        let event = match events.next().await {
            Ok(Some(event)) => event,
            Ok(None) => return,
            Err(error) => {
                if let Role::Ended = shop.watcher.health().role {
                    return;
                }
                // A person can repair the store. `/readyz` reports it meanwhile.
                if !shop.has_stuck_events.swap(true, Ordering::SeqCst) {
                    tracing::error!(%error, "the events of the store cannot be read, so no payment changes; trying again");
                }
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        while let Err(problem) = service::apply_flow_event(&db, &shop, &event).await {
            // The later events wait for this one.
            shop.has_stuck_events.store(true, Ordering::SeqCst);
            tracing::error!(
                code = problem.code.name(),
                event = event.id.get(),
                "an event was not applied; trying again"
            );
            tokio::time::sleep(RETRY).await;
        }
        shop.has_stuck_events.store(false, Ordering::SeqCst);
        feed.wake();
        if let Err(error) = events.acknowledge(event.id).await {
            tracing::warn!(%error, "an event was not acknowledged; it is applied again after a restart");
        }
    }
}

/// Stores alerts, ends interrupted creations and deletes old answers, until `stop`.
pub(crate) async fn maintain(db: Db, shop: Arc<Shop>, mut stop: watch::Receiver<bool>) {
    let stopped = async {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    tokio::pin!(stopped);
    let mut cleanup = tokio::time::interval(CLEANUP);
    let mut health = tokio::time::interval(HEALTH);
    loop {
        tokio::select! {
            _ = cleanup.tick() => clean_up(&db, &shop).await,
            _ = health.tick() => {
                if let Err(problem) = service::watch_health(&db, &shop).await {
                    tracing::warn!(code = problem.code.name(), "an alert was not stored; trying again");
                }
            }
            () = &mut stopped => return,
        }
    }
}

/// Ends interrupted creations and deletes old answers.
async fn clean_up(db: &Db, shop: &Shop) {
    if let Err(problem) = service::recover_unopened(db, shop, shop.now()).await {
        tracing::warn!(
            code = problem.code.name(),
            "interrupted payments were not ended; trying again"
        );
    }
    if let Err(error) = db.prune_answers(khqr_core::Timestamp::now()).await {
        tracing::warn!(%error, "old answers were not deleted; trying again");
    }
}
