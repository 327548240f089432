//! The state in a file, so that a sandbox goes on where it was stopped, or killed.
//!
//! The file is lines of JSON. The first says what it is; the others list [changes](Change), which make a new
//! sandbox into this one. What happens is a line at the end, and the system has it before anybody is told, so
//! whatever ends the process loses nothing that somebody knows of. A file that has grown is made anew: beside,
//! and renamed. A line that ends in its middle is left out: the process was killed there, before anybody was told,
//! or the file could not be written. In that case nothing follows until the file has been made anew, and the
//! sandbox goes on without it.

mod change;
mod figures;
mod journal;
mod payment;
mod place;
#[cfg(test)]
mod tests;
mod text;

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use self::change::Change;
pub(crate) use self::journal::Journal;
pub(crate) use self::payment::SavedStatus;
pub(crate) use self::place::Place;
use crate::state::{Shared, State};

/// A state, and what is to be told of its file.
pub(crate) struct Loaded {
    pub(crate) state: State,
    /// What of the file had to be left out.
    pub(crate) warning: Option<String>,
}

/// What the file says; `None` if there is none, or nothing in it.
pub(crate) fn load(place: &Place) -> io::Result<Option<Loaded>> {
    let Some(text) = place.text()? else {
        return Ok(None);
    };
    let read = text::read(&text);
    let read = read.map_err(|reason| place.unreadable(io::ErrorKind::InvalidData, &reason))?;
    let warning = read.torn.map(|line| {
        format!(
            "the state file {} ends in the middle of line {line}, which is left out: the sandbox was killed there, \
             or could not write the file; what came after the last whole line may be missing",
            place.path().display()
        )
    });
    Ok(Some(Loaded {
        state: read.state,
        warning,
    }))
}

/// How often it is looked whether the file has to be made anew, or brought to the disk.
const PERIOD: Duration = Duration::from_secs(1);

/// Looks after the file while the sandbox runs.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    /// Held while the file is made anew.
    busy: Mutex<()>,
}

/// What the file needs.
enum Need {
    Sync(File),
    Rewriting,
}

impl Keeper {
    /// Makes the file anew, so that one that cannot be written is known at once, and has everything that happens
    /// from now on written to it.
    pub(crate) fn start(
        place: Place,
        shared: Arc<Shared>,
        load_warning: Option<String>,
    ) -> io::Result<Arc<Self>> {
        shared.with_journal(|state, journal| {
            // The file is told all that there is, and so need not be told what led to it.
            drop(state.publish());
            *journal = Some(Journal::start(place, state, load_warning)?);
            io::Result::Ok(())
        })?;
        Ok(Arc::new(Self {
            shared,
            busy: Mutex::new(()),
        }))
    }

    /// Looks after it until the sandbox stops.
    pub(crate) fn run(self: &Arc<Self>, mut stopped: watch::Receiver<()>) -> JoinHandle<()> {
        let keeper = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let is_over = tokio::select! {
                    _ = stopped.changed() => true,
                    () = tokio::time::sleep(PERIOD) => false,
                };
                if is_over {
                    return;
                }
                let keeper = Arc::clone(&keeper);
                let _ = tokio::task::spawn_blocking(move || keeper.look(Instant::now())).await;
            }
        })
    }

    /// Does what the file needs. An error is kept for whoever asks, and it is tried again.
    fn look(&self, now: Instant) {
        let need = |journal: &mut Journal| {
            if journal.needs_rewriting(now) {
                return Some(Need::Rewriting);
            }
            journal.unsynced().map(Need::Sync)
        };
        match self.with(need).flatten() {
            None => {}
            Some(Need::Sync(file)) => {
                // Apart from the state, since a disk may take its time.
                if let Err(error) = file.sync_data() {
                    self.with(|journal| journal.fail(&error));
                }
            }
            Some(Need::Rewriting) => self.rewrite(now),
        }
    }

    /// Makes the file anew. Whatever happens meanwhile goes to the old file and then to the new one.
    fn rewrite(&self, now: Instant) {
        let _busy = self.busy();
        self.rewrite_alone(now);
    }

    fn busy(&self) -> MutexGuard<'_, ()> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rewrite_alone(&self, now: Instant) {
        let begun = self.shared.with_journal(|state, journal| {
            let journal = journal.as_mut()?;
            Some((journal.begin_rewriting(state), journal.path().to_owned()))
        });
        if let Some((text, path)) = begun {
            let beside = text.and_then(|text| place::write_beside(&path, &text));
            self.with(|journal| journal.finish_rewriting(beside, now));
        }
    }

    /// Ends the keeping: the file is as short as it can be, and free for another sandbox. The error, if
    /// something is not in it.
    pub(crate) fn stop(&self) -> io::Result<()> {
        // Another sandbox may have the file after this, so nobody here may be at one beside it.
        let _busy = self.busy();
        if self.with(Journal::is_grown_or_broken) == Some(true) {
            self.rewrite_alone(Instant::now());
        }
        let journal = self.shared.with_journal(|_, journal| journal.take());
        journal.map_or(Ok(()), Journal::stop)
    }

    /// Why the file could not be written when that was tried last.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.with(|journal| journal.trouble())?
    }

    fn with<T>(&self, f: impl FnOnce(&mut Journal) -> T) -> Option<T> {
        self.shared
            .with_journal(|_, journal| journal.as_mut().map(f))
    }
}
