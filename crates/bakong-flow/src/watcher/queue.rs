//! Polls the commands of followers.

use std::sync::Arc;
use std::time::Duration;

use super::channels::MAX_COMMANDS;
use super::shared::Shared;
use crate::store::{Command, CommandId};

/// How often the commands are polled, in case a notification is lost.
const POLL: Duration = Duration::from_millis(500);

/// Returns the pending commands now.
pub(super) async fn first(shared: Arc<Shared>) -> Vec<(CommandId, Command)> {
    let pending = shared.call(shared.store.pending(MAX_COMMANDS)).await;
    pending.unwrap_or_default()
}

/// Waits until there may be new commands, and returns the pending ones.
pub(super) async fn next(shared: Arc<Shared>) -> Vec<(CommandId, Command)> {
    tokio::select! {
        () = shared.store.notified() => {}
        () = tokio::time::sleep(POLL) => {}
    }
    first(shared).await
}
