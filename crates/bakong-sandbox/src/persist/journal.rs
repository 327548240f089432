//! Appends changes to the state file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::file::{StateFile, file_error};
use super::format;
use crate::state::{Change, State};

/// The number of bytes that may be appended before a new snapshot is written. A file with a larger snapshot may
/// double in size, so the cost of snapshots stays proportional to the number of appended bytes.
const GROWTH: u64 = 4 * 1024 * 1024;

/// The pause before a failed snapshot is retried. It doubles each time, up to a minute, because every attempt uses
/// disk space that a valid old file may need.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The open state file.
pub(crate) struct Journal {
    place: StateFile,
    file: File,
    /// The number of bytes of the snapshot, and of the lines after it.
    snapshot: u64,
    appended: u64,
    /// Whether a line is missing from the file, so that nothing may be appended.
    is_broken: bool,
    error: Option<String>,
    /// The end and the length of the pause after a failed snapshot.
    pause: Option<(Instant, Duration)>,
    is_synced: bool,
    load_warning: Option<String>,
}

impl Journal {
    /// Replaces the file with a snapshot of `state`.
    pub(super) fn start(
        place: StateFile,
        state: &State,
        load_warning: Option<String>,
    ) -> io::Result<Self> {
        let (file, snapshot) = write_snapshot(&place, state)?;
        Ok(Self {
            place,
            file,
            snapshot,
            appended: 0,
            is_broken: false,
            error: None,
            pause: None,
            is_synced: true,
            load_warning,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    /// Appends changes as one line.
    ///
    /// The operating system has the line when this returns, so the line survives if the process is killed. It is
    /// synced to disk within about a second.
    pub(super) fn record(&mut self, mut changes: Vec<Change>) {
        changes.retain(Change::is_persistable);
        if changes.is_empty() {
            return;
        }
        let line = serde_json::to_vec(&changes).map_err(io::Error::from);
        let written = line.and_then(|mut line| {
            line.push(b'\n');
            self.append(&line)
        });
        if let Err(error) = written {
            self.fail(&error);
        }
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if !self.is_broken {
            self.file.write_all(line)?;
            let len = u64::try_from(line.len()).unwrap_or(u64::MAX);
            self.appended = self.appended.saturating_add(len);
            self.is_synced = false;
        }
        Ok(())
    }

    /// Records that a line is missing from the file, so that a new snapshot is necessary.
    pub(super) fn fail(&mut self, error: &io::Error) {
        self.is_broken = true;
        // One byte after the last complete line needs no disk space. It shows a later reader that a
        // change is missing. If the length cannot be set, a partial line has the same meaning.
        let valid = self.snapshot.saturating_add(self.appended);
        let _ = self.file.set_len(valid.saturating_add(1));
        self.error = Some(cannot_be_written(self.path(), error).to_string());
    }

    /// Whether a new snapshot is due at `now`: the file has grown, is missing, or could not be written.
    pub(super) fn needs_snapshot(&mut self, now: Instant) -> bool {
        self.detect_removal();
        let is_due = self.pause.is_none_or(|(end, _)| end <= now);
        let is_grown = self.appended > self.snapshot.max(GROWTH);
        is_due && (self.is_broken || self.error.is_some() || is_grown)
    }

    /// Whether a snapshot would change the file.
    pub(super) fn is_grown_or_broken(&mut self) -> bool {
        self.detect_removal();
        self.is_broken || self.error.is_some() || self.appended > 0
    }

    /// Detects that the file was removed: lines that are appended to the open file would be lost.
    fn detect_removal(&mut self) {
        self.is_broken |= match fs::metadata(self.path()) {
            Ok(found) => !found.is_file(),
            Err(error) => matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ),
        };
    }

    /// The file, if a part of it may not be on disk yet. The caller must sync it.
    pub(super) fn take_unsynced(&mut self) -> Option<File> {
        if self.is_synced {
            return None;
        }
        self.is_synced = true;
        self.file.try_clone().ok()
    }

    /// Replaces the file with a snapshot of `state`.
    pub(super) fn snapshot(&mut self, state: &State, now: Instant) {
        match write_snapshot(&self.place, state) {
            Ok((file, len)) => {
                self.file = file;
                self.snapshot = len;
                self.appended = 0;
                self.is_broken = false;
                self.error = None;
                self.pause = None;
                self.is_synced = true;
            }
            // If the old file is valid, changes are still appended to it.
            Err(error) => {
                self.error = Some(error.to_string());
                let pause = self.pause.map_or(FIRST_PAUSE, |(_, pause)| {
                    pause.saturating_mul(2).min(LONGEST_PAUSE)
                });
                self.pause = Some((now + pause, pause));
                self.detect_removal();
            }
        }
    }

    pub(crate) fn load_warning(&self) -> Option<&str> {
        self.load_warning.as_deref()
    }

    /// Why the last attempt to write the file failed.
    pub(crate) fn error(&self) -> Option<String> {
        self.error.clone()
    }

    /// Closes the file. Fails if a line is missing from it.
    pub(super) fn close(self) -> io::Result<()> {
        match self.error {
            Some(error) if self.is_broken => Err(io::Error::other(error)),
            _ => Ok(()),
        }
    }
}

/// Writes a snapshot. Returns the file and its length.
fn write_snapshot(place: &StateFile, state: &State) -> io::Result<(File, u64)> {
    let written = format::write(state).and_then(|text| {
        let len = u64::try_from(text.len()).unwrap_or(u64::MAX);
        Ok((place.replace(&text)?, len))
    });
    written.map_err(|error| cannot_be_written(place.path(), &error))
}

fn cannot_be_written(path: &Path, error: &io::Error) -> io::Error {
    file_error(path, error.kind(), &format!("cannot be written: {error}"))
}
