//! Ctrl-C and its kin.

use std::io;

use crate::common::exit::{Exit, Failure};

/// Listens for the signals by which the user or the system asks the command to stop, from when it is
/// made on: one that comes while nobody waits is not lost.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
    #[cfg(windows)]
    ctrl_c: tokio::signal::windows::CtrlC,
}

impl Interrupts {
    /// From now on.
    pub(crate) fn listen() -> Result<Self, Failure> {
        Self::register().map_err(|error| {
            let reason = format!("cannot listen for Ctrl-C: {error}");
            Failure::new(Exit::CouldNotAsk, reason)
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

    /// Waits for one.
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

    /// Waits for one.
    #[cfg(windows)]
    pub(crate) async fn recv(&mut self) {
        self.ctrl_c.recv().await;
    }
}
