//! The state in a file, so that a sandbox goes on where it was stopped.
//!
//! The file is replaced as a whole by one that is complete, so that whatever ends the process leaves one
//! or the other. A file that cannot be read is left as it is.

mod saved;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::saved::Saved;
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::state::{Shared, State};

/// How often it is looked whether there is something new to write.
const PERIOD: Duration = Duration::from_secs(1);

/// The state in `file`, or a new one if there is no such file.
pub(crate) fn load(
    file: &Path,
    new: impl FnOnce() -> io::Result<(Clock, Entropy)>,
) -> io::Result<State> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let (clock, entropy) = new()?;
            return Ok(State::new(clock, entropy));
        }
        Err(error) => return Err(of_file(file, error.kind(), &error.to_string())),
    };
    let state = serde_json::from_slice::<Saved>(&text)
        .map_err(|error| error.to_string())
        .and_then(Saved::state);
    state.map_err(|reason| of_file(file, io::ErrorKind::InvalidData, &reason))
}

fn of_file(file: &Path, kind: io::ErrorKind, reason: &str) -> io::Error {
    let file = file.display();
    io::Error::new(
        kind,
        format!(
            "the state file {file} cannot be read: {reason}; it is left as it is: mend it, move it away, or \
             name another"
        ),
    )
}

/// Writes the state whenever it has changed.
pub(crate) struct Keeper {
    file: PathBuf,
    shared: Arc<Shared>,
    /// Held while writing; the revision that the file has.
    written: Mutex<Option<u64>>,
    trouble: Mutex<Option<String>>,
}

impl Keeper {
    /// Writes the file for the first time, so that one that cannot be written is known at once.
    pub(crate) fn start(file: &Path, shared: Arc<Shared>) -> io::Result<Arc<Self>> {
        let keeper = Self {
            // Where a link leads is what is replaced, and not the link.
            file: fs::canonicalize(file).unwrap_or_else(|_| file.to_owned()),
            shared,
            written: Mutex::new(None),
            trouble: Mutex::new(None),
        };
        keeper.save()?;
        Ok(Arc::new(keeper))
    }

    /// Saves until the sandbox stops, and once more then.
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
                // An error is kept for whoever asks, and it is tried again.
                let _ = tokio::task::spawn_blocking(move || keeper.save()).await;
            }
        })
    }

    /// Writes the file, if it does not say all yet.
    pub(crate) fn save(&self) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let news = self.shared.with(|state| {
            let revision = state.revision();
            (*written != Some(revision)).then(|| (revision, Saved::of(state)))
        });
        let Some((revision, saved)) = news else {
            return Ok(());
        };
        let result = serde_json::to_vec(&saved)
            .map_err(io::Error::from)
            .and_then(|text| replace(&self.file, &text));
        let result = result.map_err(|error| {
            let file = self.file.display();
            let text = format!("the state file {file} cannot be written: {error}");
            io::Error::new(error.kind(), text)
        });
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) =
            result.as_ref().err().map(ToString::to_string);
        result?;
        *written = Some(revision);
        Ok(())
    }

    /// Why the file could not be written when that was tried last.
    pub(crate) fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Puts `text` in place of what `file` says, by a file of its own beside it.
fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let Some(name) = file.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    };
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}", std::process::id()));
    let beside = file.with_file_name(beside);
    let result = write(&beside, text).and_then(|()| fs::rename(&beside, file));
    if result.is_err() {
        let _ = fs::remove_file(&beside);
    }
    result
}

fn write(file: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // It has the key of the tokens in it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let open = || -> io::Result<File> {
        match options.open(file) {
            // Of a process that had this number and was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(file)?;
                options.open(file)
            }
            opened => opened,
        }
    };
    let mut opened = open()?;
    opened.write_all(text)?;
    opened.sync_all()
}
