//! Counts the requests that a question causes besides its own, before they are sent: a renewal of the token, and the
//! repetition after a rejected token. So a process that is killed meanwhile has counted them.

use std::time::Duration;

use async_trait::async_trait;
use bakong_api::endpoint::EndpointInfo;
use bakong_api::observe::SessionObserver;
use bakong_api::transport::{TransportError, TransportErrorKind};
use tokio::sync::mpsc;

use super::command::{Command, Commands};
use super::error::CommandError;
use super::request::SendCount;

/// Asks the task to count a request, and waits until the count is persisted.
pub(super) struct QuotaGate {
    /// The task ends when the last other sender is dropped.
    commands: mpsc::WeakSender<Command>,
    timeout: Duration,
}

impl QuotaGate {
    pub(super) fn new(commands: &mpsc::Sender<Command>, timeout: Duration) -> Self {
        Self {
            commands: commands.downgrade(),
            timeout,
        }
    }

    async fn count(&self) -> Result<(), CommandError> {
        let sender = self.commands.upgrade().ok_or(CommandError::Stopped)?;
        let commands = Commands::new(sender, self.timeout);
        commands.count(false).await
    }
}

#[async_trait]
impl SessionObserver for QuotaGate {
    async fn before_sending(&self, _: EndpointInfo) -> Result<(), TransportError> {
        // The requests of other callers of the session are counted afterwards.
        let Some(sent) = SendCount::current() else {
            return Ok(());
        };
        if sent.is_next_counted() {
            return Ok(());
        }
        match self.count().await {
            Ok(()) => {
                sent.next_is_counted();
                Ok(())
            }
            Err(error) => {
                let reason = "the request was not sent, because it could not be counted";
                let error = TransportError::new(TransportErrorKind::Busy, reason)
                    .with_detail(error.to_string());
                Err(error)
            }
        }
    }
}
