//! The threads that read. Each has a connection of its own, so that reads do not wait for the writer.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

use bakong_flow::store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::failure::{Failure, Place};
use super::fuse::Fuse;
use super::session::Session;

/// One caller's reads.
pub(super) type Read = Box<dyn FnOnce(&Connection, &Place) + Send>;

/// Returns the reads of `run`, in a transaction of their own, so that all of them see the same state.
pub(super) fn read<T: Send + 'static>(
    run: impl FnOnce(&Session<'_>) -> Result<T, Failure> + Send + 'static,
    reply: oneshot::Sender<Result<T, StoreError>>,
) -> Read {
    Box::new(move |connection, place| {
        let result = in_transaction(connection, run);
        let result = result.map_err(|failure| failure.store_error(place));
        // The caller may have gone away.
        let _ = reply.send(result);
    })
}

fn in_transaction<T>(
    connection: &Connection,
    run: impl FnOnce(&Session<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let fuse = Fuse::default();
    let session = Session::new(connection, &fuse);
    session.execute("BEGIN", [])?;
    let result = run(&session);
    // A transaction without changes ends in any case.
    let end = session.execute("ROLLBACK", []);
    let result = result?;
    end?;
    Ok(result)
}

/// Reads until the store is closed or dropped.
pub(super) fn run(connection: &Connection, place: &Place, queue: &Arc<Mutex<Receiver<Read>>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(read) = next else { return };
        read(connection, place);
    }
}
