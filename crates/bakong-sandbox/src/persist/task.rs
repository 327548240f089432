//! Loads the state file, and maintains it while the sandbox runs.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::file::StateFile;
use super::format;
use super::journal::Journal;
use super::shared::Shared;
use super::temp::TempFile;
use crate::state::State;

/// The state in a file.
pub(crate) struct Loaded {
    pub(crate) state: State,
    /// What was ignored.
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
            "the state file {} ends in the middle of line {line}, which is left out: the sandbox was killed while \
             writing it, or could not write it; changes after the last complete line may be missing",
            file.path().display()
        )
    });
    Ok(Some(Loaded {
        state: content.state,
        warning,
    }))
}

/// How often the file is checked for a sync or a snapshot.
const PERIOD: Duration = Duration::from_secs(1);

/// Syncs the file and replaces it by snapshots.
pub(crate) struct PersistTask {
    pub(super) shared: Arc<Shared>,
    /// Held while a snapshot is written.
    busy: Mutex<()>,
}

/// What the file needs.
enum Need {
    Sync(File),
    Snapshot,
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
            // The snapshot contains these.
            drop(backend.drain_changes());
            *journal = Some(Journal::start(file, backend.state(), load_warning)?);
            io::Result::Ok(())
        })?;
        Ok(Arc::new(Self {
            shared,
            busy: Mutex::new(()),
        }))
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

    /// Does what the file needs. An error is stored, and the work is retried.
    pub(super) fn tick(&self, now: Instant) {
        let need = |journal: &mut Journal| {
            if journal.needs_snapshot(now) {
                return Some(Need::Snapshot);
            }
            journal.take_unsynced().map(Need::Sync)
        };
        match self.with(need).flatten() {
            None => {}
            Some(Need::Sync(file)) => {
                // Without the lock, because a disk can be slow.
                if let Err(error) = file.sync_data() {
                    self.with(|journal| journal.fail(&error));
                }
            }
            Some(Need::Snapshot) => self.snapshot(now),
        }
    }

    /// Replaces the file by a snapshot. Lines in the meantime go to both files.
    pub(super) fn snapshot(&self, now: Instant) {
        let _busy = self.lock_busy();
        self.snapshot_locked(now);
    }

    fn lock_busy(&self) -> MutexGuard<'_, ()> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot_locked(&self, now: Instant) {
        let begun = self.shared.with_journal(|backend, journal| {
            let journal = journal.as_mut()?;
            let text = journal.begin_snapshot(backend.state());
            Some((text, journal.path().to_owned()))
        });
        if let Some((text, path)) = begun {
            let temp = text.and_then(|text| TempFile::create(&path, &text));
            self.with(|journal| journal.finish_snapshot(temp, now));
        }
    }

    /// Writes a last snapshot, and releases the file for another sandbox.
    ///
    /// # Errors
    /// Fails if a change is missing from the file.
    pub(crate) fn stop(&self) -> io::Result<()> {
        // Another sandbox may lock the file after this, so no snapshot may be in progress.
        let _busy = self.lock_busy();
        if self.with(Journal::is_grown_or_broken) == Some(true) {
            self.snapshot_locked(Instant::now());
        }
        let journal = self.shared.with_journal(|_, journal| journal.take());
        journal.map_or(Ok(()), Journal::close)
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
