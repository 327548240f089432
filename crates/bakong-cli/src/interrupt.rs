//! Ctrl-C and its kin, for commands that ask one question.

use std::io;

use crate::exit::{Exit, Failure};

/// Listens for the signals by which the user or the system asks the command to stop, from when it is
/// made on: one that comes while nobody waits is not lost.
struct Interrupts {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
    #[cfg(windows)]
    ctrl_c: tokio::signal::windows::CtrlC,
}

impl Interrupts {
    #[cfg(unix)]
    fn listen() -> io::Result<Self> {
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
    async fn recv(&mut self) {
        let [interrupt, terminate, hang_up] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }

    #[cfg(windows)]
    fn listen() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(|ctrl_c| Self { ctrl_c })
    }

    /// Waits for one.
    #[cfg(windows)]
    async fn recv(&mut self) {
        self.ctrl_c.recv().await;
    }
}

/// What the future brings, or the failure of being stopped before. `meaning` says what it means for whatever
/// was asked.
///
/// From here on the signals end nothing by themselves, so that what an answer brought is kept first.
pub(crate) async fn unless_stopped<T>(
    meaning: &str,
    future: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut interrupts = Interrupts::listen().map_err(|error| {
        let reason = format!("cannot listen for Ctrl-C: {error}");
        Failure::new(Exit::CouldNotAsk, reason)
    })?;
    tokio::select! {
        biased;
        done = future => done,
        () = interrupts.recv() => {
            Err(Failure::new(Exit::Interrupted, format!("stopped; {meaning}")))
        }
    }
}
