//! Runs the async part of a command.

use crate::common::exit::{Exit, Failure};
use crate::common::interrupt::Interrupts;

/// Runs a future to its end on this thread. Tasks that it spawns run on other threads, so that requests and signals are
/// still handled while this thread waits for a reader of standard output or standard error that has stalled.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| {
            let message = format!("cannot start the async runtime: {error}");
            Failure::new(Exit::NoAnswer, message)
        })?;
    let result = runtime.block_on(future);
    // The runtime runs until the process ends. A second signal then also ends the command while it prints its result.
    // Nothing waits for a DNS lookup that hangs.
    std::mem::forget(runtime);
    result
}

/// Like [`block_on`], but stops on Ctrl-C or another signal. `meaning` is the second part of the message: whether
/// Bakong may have acted on the request before the interruption.
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
