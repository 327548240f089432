//! The signals that ask the command to stop.

use std::io;

use crate::common::exit::{Exit, Failure};

/// Listens for Ctrl-C, SIGTERM and SIGHUP from its creation on. A signal that arrives between two calls of
/// [`Interrupts::recv`] is not lost.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
    #[cfg(windows)]
    ctrl_c: tokio::signal::windows::CtrlC,
}

impl Interrupts {
    /// Starts to listen.
    pub(crate) fn listen() -> Result<Self, Failure> {
        Self::register().map_err(|error| {
            let message = format!("cannot listen for Ctrl-C: {error}");
            Failure::new(Exit::CouldNotAsk, message)
        })
    }

    #[cfg(unix)]
    fn register() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            signals: [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            ],
        })
    }

    /// Waits for the next signal.
    #[cfg(unix)]
    pub(crate) async fn recv(&mut self) {
        let [interrupt, terminate, hang_up] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }

    #[cfg(windows)]
    fn register() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(|ctrl_c| Self { ctrl_c })
    }

    /// Waits for the next signal.
    #[cfg(windows)]
    pub(crate) async fn recv(&mut self) {
        self.ctrl_c.recv().await;
    }
}
