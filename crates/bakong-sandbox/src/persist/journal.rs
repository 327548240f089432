//! Writing: what happens goes to the end of the file.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::figures::Figures;
use super::place::{Beside, Place, of_file, write_beside};
use super::text;
use crate::state::{News, State};

/// How much may be appended before the file is made anew, in bytes, where what there was is less. Where it is more,
/// it may double: so the work is a share of what is appended, however much there is.
const GROWTH: u64 = 4 * 1024 * 1024;

/// How long it is waited before a file that could not be made anew is tried again. It doubles: each attempt takes
/// space on a disk that may have none, and an old file that is good needs the rest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The file while it is written.
pub(crate) struct Journal {
    place: Place,
    file: File,
    told: Figures,
    /// How many bytes it had when it was made, and how many came after.
    whole: u64,
    appended: u64,
    /// What is appended while the file is made anew.
    meanwhile: Option<Vec<u8>>,
    /// Whether a line could not be written, so that nothing may come after it.
    is_broken: bool,
    trouble: Option<String>,
    /// Until when the file is not made anew, and how long that was.
    pause: Option<(Instant, Duration)>,
    is_synced: bool,
    /// What of the file had to be left out at the start.
    load_warning: Option<String>,
}

impl Journal {
    /// Puts a file with all of `state` in its place.
    pub(super) fn start(
        place: Place,
        state: &State,
        load_warning: Option<String>,
    ) -> io::Result<Self> {
        let path = place.path();
        let made = text::whole(state).and_then(|text| write_beside(path, &text));
        let put = made.and_then(|beside| Ok((beside.len(), beside.put(path)?)));
        let (whole, file) = put.map_err(|error| cannot_be_written(path, &error))?;
        Ok(Self {
            place,
            file,
            told: Figures::of(state),
            whole,
            appended: 0,
            meanwhile: None,
            is_broken: false,
            trouble: None,
            pause: None,
            is_synced: true,
            load_warning,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    /// Writes what has happened as a line of its own.
    ///
    /// The system has it then, which is quick: bringing it to the disk is not waited for.
    pub(crate) fn record(&mut self, state: &State, news: News) {
        let changes = self.told.catch_up(state, news);
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
        if let Some(meanwhile) = &mut self.meanwhile {
            meanwhile.extend_from_slice(line);
        }
        if !self.is_broken {
            self.file.write_all(line)?;
            let len = u64::try_from(line.len()).unwrap_or(u64::MAX);
            self.appended = self.appended.saturating_add(len);
            self.is_synced = false;
        }
        Ok(())
    }

    /// Says that something is not in the file. It has to be made anew then.
    pub(super) fn fail(&mut self, error: &io::Error) {
        self.is_broken = true;
        // One byte after the last whole line takes no space, and tells whoever reads the file after a kill that
        // there was more. Where it cannot be left, half a line may do the same.
        let good = self.whole.saturating_add(self.appended);
        let _ = self.file.set_len(good.saturating_add(1));
        self.trouble = Some(cannot_be_written(self.path(), error).to_string());
    }

    /// Whether it has grown too much, has gone, or could not be written.
    pub(super) fn needs_rewriting(&mut self, now: Instant) -> bool {
        self.miss();
        let is_due = self.pause.is_none_or(|(end, _)| end <= now);
        let is_grown = self.appended > self.whole.max(GROWTH);
        is_due && (self.is_broken || self.trouble.is_some() || is_grown)
    }

    /// Whether there is anything to gain by making it anew.
    pub(super) fn is_grown_or_broken(&mut self) -> bool {
        self.miss();
        self.is_broken || self.trouble.is_some() || self.appended > 0
    }

    /// Notices whether somebody has taken the file away: what is still written to it, nobody will read.
    fn miss(&mut self) {
        self.is_broken |= match fs::metadata(self.path()) {
            Ok(found) => !found.is_file(),
            Err(error) => matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ),
        };
    }

    /// The file, if the disk may not have all of it; which is then the caller's to see to.
    pub(super) fn unsynced(&mut self) -> Option<File> {
        if self.is_synced {
            return None;
        }
        self.is_synced = true;
        self.file.try_clone().ok()
    }

    /// What a new file has to say.
    pub(super) fn begin_rewriting(&mut self, state: &State) -> io::Result<Vec<u8>> {
        self.meanwhile = Some(Vec::new());
        text::whole(state)
    }

    /// Puts the new file in its place, with what has happened meanwhile.
    pub(super) fn finish_rewriting(&mut self, beside: io::Result<Beside>, now: Instant) {
        let meanwhile = self.meanwhile.take().unwrap_or_default();
        let put = beside.and_then(|mut beside| {
            let whole = beside.len();
            beside.append(&meanwhile)?;
            let len = beside.len();
            Ok((whole, len, beside.put(self.path())?))
        });
        match put {
            Ok((whole, len, file)) => {
                self.file = file;
                self.whole = whole;
                self.appended = len.saturating_sub(whole);
                self.is_broken = false;
                self.trouble = None;
                self.pause = None;
                self.is_synced = meanwhile.is_empty();
            }
            // Where the old file is good, it goes on being written.
            Err(error) => {
                self.trouble = Some(cannot_be_written(self.path(), &error).to_string());
                let pause = self.pause.map_or(FIRST_PAUSE, |(_, pause)| {
                    pause.saturating_mul(2).min(LONGEST_PAUSE)
                });
                self.pause = Some((now + pause, pause));
                self.miss();
            }
        }
    }

    pub(crate) fn load_warning(&self) -> Option<&str> {
        self.load_warning.as_deref()
    }

    /// Why the file could not be written when that was tried last.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }

    /// Ends it; the error, if something is not in the file.
    pub(super) fn stop(self) -> io::Result<()> {
        match self.trouble {
            Some(trouble) if self.is_broken => Err(io::Error::other(trouble)),
            _ => Ok(()),
        }
    }
}

fn cannot_be_written(path: &Path, error: &io::Error) -> io::Error {
    of_file(path, error.kind(), &format!("cannot be written: {error}"))
}
