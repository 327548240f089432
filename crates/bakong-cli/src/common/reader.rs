//! The program that reads standard output.

use std::future;

use crate::common::output;

/// Waits until the reader of standard output closes it, as when `head` in `bakong watch | head -1` has ended. Never
/// returns for a file or a terminal.
///
/// A write would notice this too, but the next event may be minutes away, and each check until then costs a request.
pub(crate) async fn gone() {
    #[cfg(unix)]
    {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        // A thread, because epoll does not accept every kind of standard output. The thread ends with the process.
        std::thread::spawn(move || {
            if wait().is_ok() {
                output::set_lost();
                let _ = sender.send(());
            }
        });
        if receiver.await.is_ok() {
            return;
        }
    }
    future::pending::<()>().await;
}

/// Waits for an error condition of standard output. Fails if the system cannot tell.
#[cfg(unix)]
fn wait() -> rustix::io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;

    let output = std::io::stdout();
    loop {
        // No events are requested: errors are always reported.
        let mut polled = [PollFd::new(&output, PollFlags::empty())];
        match poll(&mut polled, None) {
            Err(Errno::INTR) => continue,
            result => result?,
        };
        let [polled] = polled;
        return if polled.revents().intersects(PollFlags::ERR | PollFlags::HUP) {
            Ok(())
        } else {
            Err(Errno::NOTSUP)
        };
    }
}
