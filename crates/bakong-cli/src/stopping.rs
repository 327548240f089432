//! Being stopped by a signal, for the commands that ask one question.

use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupts;

/// What the future brings, or the failure of being stopped before. `meaning` says what it means for whatever
/// was asked.
///
/// From here on the signals end nothing by themselves, so that what an answer brought is kept first.
pub(crate) async fn unless_stopped<T>(
    meaning: &str,
    future: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut interrupts = Interrupts::listen()?;
    tokio::select! {
        biased;
        done = future => done,
        () = interrupts.recv() => {
            Err(Failure::new(Exit::Interrupted, format!("stopped; {meaning}")))
        }
    }
}
