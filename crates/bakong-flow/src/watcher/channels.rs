//! What the task of a watcher receives.

use bakong_api::khqr_core::Md5Handle;
use tokio::sync::{mpsc, watch};

use super::command::Command;
use super::remote::RemoteTasks;

/// How many commands can wait for the task, and how many it takes at once.
pub(super) const MAX_COMMANDS: usize = 256;

/// What the task receives.
pub(super) struct Channels {
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) withdrawals: mpsc::UnboundedReceiver<Md5Handle>,
    pub(super) stop: watch::Receiver<bool>,
    /// The commands on their way to the leader.
    pub(super) remote: RemoteTasks,
}

/// Waits until the watcher stops.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A watcher that was dropped has stopped.
    let _ = stop.wait_for(|stop| *stop).await;
}
