//! The signals that ask the command to stop.

use std::future;
use std::io;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::common::exit::{Exit, Failure};

/// A signal this soon after the first one is a duplicate. Wrappers such as npm forward the Ctrl-C that the terminal
/// also sends to the command.
const DUPLICATES: Duration = Duration::from_millis(500);

/// Listens for Ctrl-C, SIGTERM and SIGHUP from its creation on. A signal that arrives between two calls of
/// [`Interrupts::recv`] is not lost.
///
/// The first signal asks the command to stop. A second one ends the process at once, even while the command waits for
/// a reader of its output.
#[derive(Debug)]
pub(crate) struct Interrupts(mpsc::Receiver<()>);

impl Interrupts {
    /// Starts to listen, on a thread of the runtime.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let mut signals = Signals::register().map_err(|error| {
            let message = format!("cannot listen for Ctrl-C: {error}");
            Failure::new(Exit::NoAnswer, message)
        })?;
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            signals.recv().await;
            // The receiver may have been dropped, because the command is already printing its result.
            let _ = sender.try_send(());
            let first = Instant::now();
            while first.elapsed() < DUPLICATES {
                signals.recv().await;
            }
            std::process::exit(Exit::Interrupted.code().into());
        });
        Ok(Self(receiver))
    }

    /// Waits for the first signal.
    pub(crate) async fn recv(&mut self) {
        if self.0.recv().await.is_none() {
            future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Signals {
    fn register() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    /// Waits for the next signal.
    async fn recv(&mut self) {
        let [interrupt, terminate, hang_up] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn register() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    /// Waits for the next signal.
    async fn recv(&mut self) {
        self.0.recv().await;
    }
}
