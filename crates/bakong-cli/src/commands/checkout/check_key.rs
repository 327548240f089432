//! The key Enter on a terminal: the person at the counter asks for a check now.

use std::future;
use std::io::{self, IsTerminal};
use std::thread;

use tokio::sync::mpsc;

/// The presses of Enter on standard input. The terminal stays in its line mode, so that the command has nothing to restore.
#[derive(Debug)]
pub(super) struct CheckKey(Option<mpsc::Receiver<()>>);

impl CheckKey {
    /// Starts to read standard input, if it is a terminal. Without `is_shown`, nothing tells the person about the key, so
    /// nothing is read.
    pub(super) fn listen(is_shown: bool) -> Self {
        if !is_shown || !io::stdin().is_terminal() {
            return Self(None);
        }
        // Presses during a check count as one.
        let (sender, receiver) = mpsc::channel(1);
        // A thread, because a read from a terminal cannot be cancelled. The thread ends with the process.
        let started = thread::Builder::new().spawn(move || while wait() && send(&sender) {});
        Self(started.is_ok().then_some(receiver))
    }

    /// Whether standard input is read.
    pub(super) const fn is_available(&self) -> bool {
        self.0.is_some()
    }

    /// Waits for the next press. Never returns if standard input is not read.
    pub(super) async fn pressed(&mut self) {
        if let Some(presses) = &mut self.0
            && presses.recv().await.is_some()
        {
            return;
        }
        // The terminal is closed.
        self.0 = None;
        future::pending::<()>().await;
    }
}

/// Returns whether something still receives the presses.
fn send(presses: &mpsc::Sender<()>) -> bool {
    !matches!(
        presses.try_send(()),
        Err(mpsc::error::TrySendError::Closed(()))
    )
}

/// Waits until the person enters a line. Returns `false` if the terminal is closed.
///
/// A process in the background that reads from its terminal is stopped by SIGTTIN (POSIX, section 11.1.4), and would then
/// check no payment. So the terminal is read only in the foreground.
#[cfg(unix)]
fn wait() -> bool {
    use std::time::Duration;

    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::{Errno, read};

    /// How often a process in the background looks whether it is in the foreground again, while a line waits.
    const BACKGROUND_PAUSE: Duration = Duration::from_secs(1);

    let input = io::stdin();
    loop {
        let mut polled = [PollFd::new(&input, PollFlags::IN)];
        match poll(&mut polled, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return false,
        }
        if is_in_background(&input) {
            thread::sleep(BACKGROUND_PAUSE);
            continue;
        }
        match read(&input, &mut [0; 256]) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            Ok(0) | Err(_) => return false,
            Ok(_) => return true,
        }
    }
}

/// Whether another process group is in the foreground of the terminal. A terminal that does not control this process
/// has no foreground for it.
#[cfg(unix)]
fn is_in_background(terminal: &io::Stdin) -> bool {
    let foreground = rustix::termios::tcgetpgrp(terminal);
    foreground.is_ok_and(|group| group != rustix::process::getpgrp())
}

#[cfg(not(unix))]
fn wait() -> bool {
    matches!(io::stdin().read_line(&mut String::new()), Ok(1..))
}
