//! Runs the async part of a command.

use crate::common::exit::{Exit, Failure};
use crate::common::interrupt::Interrupts;

/// Runs a future to its end on a single-threaded tokio runtime.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            let message = format!("cannot start the async runtime: {error}");
            Failure::new(Exit::CouldNotAsk, message)
        })?;
    let result = runtime.block_on(future);
    // Does not wait for a DNS lookup that hangs.
    runtime.shutdown_background();
    result
}

/// Like [`block_on`], but stops on Ctrl-C or another signal. `meaning` is the second part of the message: what the
/// user knows, or does not know, after the interruption.
///
/// If the result and a signal arrive together, the result wins, so that a received token is saved first.
pub(crate) fn block_on_unless_stopped<T>(
    meaning: &str,
    future: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    block_on(async {
        let mut interrupts = Interrupts::listen()?;
        tokio::select! {
            biased;
            result = future => result,
            () = interrupts.recv() => {
                Err(Failure::new(Exit::Interrupted, format!("stopped; {meaning}")))
            }
        }
    })
}
