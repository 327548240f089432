//! The backend, shared between the server, the handles and the state file.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::journal::Journal;
use crate::backend::Backend;

/// The backend, and the journal of the state file if there is one.
pub(crate) struct Shared(Mutex<(Backend, Option<Journal>)>);

impl Shared {
    pub(crate) const fn new(backend: Backend) -> Self {
        Self(Mutex::new((backend, None)))
    }

    /// Runs `f` with exclusive access. The changes that `f` makes are in the state file before this returns, and
    /// before any event is sent. The backend stays usable even if `f` panics, which is not known to happen.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut Backend) -> T) -> T {
        self.with_journal(|backend, _| f(backend))
    }

    /// Runs `f` with the backend and the journal, which contains all earlier changes.
    pub(crate) fn with_journal<T>(
        &self,
        f: impl FnOnce(&mut Backend, &mut Option<Journal>) -> T,
    ) -> T {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (backend, journal) = &mut *both;
        backend.follow_clock();
        let result = f(backend, journal);
        let changes = backend.drain_changes();
        if let Some(journal) = journal {
            journal.record(changes);
        }
        backend.events.flush();
        result
    }
}

impl fmt::Debug for Shared {
    /// Omits the backend, which contains keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
