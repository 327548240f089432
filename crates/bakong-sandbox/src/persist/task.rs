//! Loads the state file, and maintains it while the sandbox runs.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::file::{StateFile, shown};
use super::format;
use super::journal::Journal;
use super::shared::Shared;
use crate::state::State;

/// The state in a file.
pub(crate) struct Loaded {
    pub(crate) state: State,
    /// What was ignored while loading, if anything.
    pub(crate) warning: Option<String>,
}

/// Loads the state; `None` if the file is missing or empty.
///
/// # Errors
/// Fails if the file cannot be read or is not valid. The file is not changed.
pub(crate) fn load(file: &StateFile) -> io::Result<Option<Loaded>> {
    let Some(text) = file.read()? else {
        return Ok(None);
    };
    let content = format::read(&text);
    let content = content.map_err(|reason| file.unreadable(io::ErrorKind::InvalidData, &reason))?;
    let warning = content.truncated_line.map(|line| {
        format!(
            "the state file {} ends in the middle of line {line}, which is ignored: the sandbox was killed while \
             writing it, or could not write it; changes after the last complete line may be missing",
            shown(file.path())
        )
    });
    Ok(Some(Loaded {
        state: content.state,
        warning,
    }))
}

/// How often the task checks whether a sync or a snapshot is due.
const PERIOD: Duration = Duration::from_secs(1);

/// Syncs the state file to disk, and replaces it with a snapshot when it has grown.
pub(crate) struct PersistTask {
    pub(super) shared: Arc<Shared>,
}

impl PersistTask {
    /// Writes a first snapshot, and appends every later change.
    ///
    /// # Errors
    /// Fails if the file cannot be written.
    pub(crate) fn start(
        file: StateFile,
        shared: Arc<Shared>,
        load_warning: Option<String>,
    ) -> io::Result<Arc<Self>> {
        shared.with_journal(|backend, journal| {
            // The snapshot contains these changes.
            drop(backend.drain_changes());
            *journal = Some(Journal::start(file, backend.state(), load_warning)?);
            io::Result::Ok(())
        })?;
        Ok(Arc::new(Self { shared }))
    }

    /// Runs until the sandbox stops.
    pub(crate) fn run(self: &Arc<Self>, mut stopped: watch::Receiver<()>) -> JoinHandle<()> {
        let task = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let is_over = tokio::select! {
                    _ = stopped.changed() => true,
                    () = tokio::time::sleep(PERIOD) => false,
                };
                if is_over {
                    return;
                }
                let task = Arc::clone(&task);
                let _ = tokio::task::spawn_blocking(move || task.tick(Instant::now())).await;
            }
        })
    }

    /// Writes a snapshot if one is due, and syncs the file otherwise. An error is stored, and the work is
    /// retried.
    pub(super) fn tick(&self, now: Instant) {
        let unsynced = self.shared.with_journal(|backend, journal| {
            let journal = journal.as_mut()?;
            if journal.needs_snapshot(now) {
                journal.snapshot(backend.state(), now);
            }
            journal.take_unsynced()
        });
        // The sync runs without the lock, because a disk can be slow.
        if let Some(Err(error)) = unsynced.map(|file| file.sync_data()) {
            self.with(|journal| journal.fail(&error));
        }
    }

    /// Writes a last snapshot, and releases the file for another sandbox.
    ///
    /// # Errors
    /// Fails if a change is missing from the file.
    pub(crate) fn stop(&self) -> io::Result<()> {
        self.shared.with_journal(|backend, journal| {
            let Some(mut journal) = journal.take() else {
                return Ok(());
            };
            if journal.is_grown_or_broken() {
                journal.snapshot(backend.state(), Instant::now());
            }
            journal.close()
        })
    }

    /// Why the last attempt to write the file failed.
    pub(crate) fn error(&self) -> Option<String> {
        self.with(|journal| journal.error())?
    }

    pub(super) fn with<T>(&self, f: impl FnOnce(&mut Journal) -> T) -> Option<T> {
        self.shared
            .with_journal(|_, journal| journal.as_mut().map(f))
    }
}
