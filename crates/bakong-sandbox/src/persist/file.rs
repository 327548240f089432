//! Where the file is, that nobody else writes it, and how it is made anew.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs4::TryLockError;

/// A file that is this sandbox's alone.
pub(crate) struct Place {
    path: PathBuf,
    /// Locked as long as it is open. It stands beside the file, which is replaced from time to time, and it stays
    /// there: if it were removed, two could each lock their own.
    _lock: File,
}

impl Place {
    /// Takes `file` for this sandbox. The system gives it back when the process ends, whatever ends it.
    pub(crate) fn take(file: &Path) -> io::Result<Self> {
        let path = real_path(file)?;
        // A device or a folder is nothing to put another file in place of.
        if fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
            let told = "is no regular file; name another";
            return Err(of_file(&path, io::ErrorKind::InvalidInput, told));
        }
        let lock = beside(&path, "", ".lock")?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        private(&mut options);
        let locked = options.open(&lock).map_err(TryLockError::Error);
        let locked = locked.and_then(|file| fs4::FileExt::try_lock(&file).map(|()| file));
        match locked {
            Ok(file) => Ok(Self { path, _lock: file }),
            Err(TryLockError::WouldBlock) => {
                let told = "is in use by another sandbox; stop that one, or name another file";
                Err(of_file(&path, io::ErrorKind::ResourceBusy, told))
            }
            Err(TryLockError::Error(error)) => {
                let lock = lock.display();
                let told = format!(
                    "cannot be written: {lock}, which keeps others from it, cannot be locked: {error}"
                );
                Err(of_file(&path, error.kind(), &told))
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the file says; `None` if there is none, or nothing in it.
    pub(super) fn text(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(&self.path) {
            Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unreadable(error.kind(), &error.to_string())),
        }
    }

    pub(super) fn unreadable(&self, kind: io::ErrorKind, reason: &str) -> io::Error {
        let told = format!(
            "cannot be read: {reason}; it is left as it is: mend it, move it away, or name another"
        );
        of_file(&self.path, kind, &told)
    }
}

/// How many links may lead to one another, as on Linux.
const MOST_LINKS: usize = 40;

/// Where a link leads is what is meant, and not the link, even if nothing is there yet.
fn real_path(file: &Path) -> io::Result<PathBuf> {
    if let Ok(real) = fs::canonicalize(file) {
        return Ok(real);
    }
    let mut path = file.to_owned();
    for _ in 0..=MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            return Ok(in_real_folder(&path).unwrap_or(path));
        };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    let told = "is a link that leads to itself, or by too many others; name another";
    Err(of_file(file, io::ErrorKind::InvalidInput, told))
}

fn in_real_folder(file: &Path) -> Option<PathBuf> {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
    Some(folder.join(file.file_name()?))
}

pub(super) fn of_file(path: &Path, kind: io::ErrorKind, told: &str) -> io::Error {
    io::Error::new(kind, format!("the state file {} {told}", path.display()))
}

/// The same path with more around the file's name.
fn beside(path: &Path, before: &str, after: &str) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else {
        let told = "has no name; name another";
        return Err(of_file(path, io::ErrorKind::InvalidInput, told));
    };
    let mut beside = OsString::from(before);
    beside.push(name);
    beside.push(after);
    Ok(path.with_file_name(beside))
}

/// Only the owner may read it: the key of the tokens is in it.
fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// A new file, of which the disk has what was written, and which is not in its place yet.
pub(super) struct Beside {
    /// Stands before the next, so that it is closed before it is removed.
    file: File,
    unplaced: Unplaced,
    len: u64,
}

/// Where the new file is. If it is not renamed, it goes: it would fill the disk of a file that can still be written.
struct Unplaced(PathBuf);

impl Drop for Unplaced {
    fn drop(&mut self) {
        // Renamed, it is not there any more.
        let _ = fs::remove_file(&self.0);
    }
}

/// Writes `text` to a new file beside `path`.
pub(super) fn write_beside(path: &Path, text: &[u8]) -> io::Result<Beside> {
    let path = beside(path, ".", ".new")?;
    // Of a process that was killed.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.append(true).create_new(true);
    private(&mut options);
    let mut beside = Beside {
        file: options.open(&path)?,
        unplaced: Unplaced(path),
        len: 0,
    };
    beside.append(text)?;
    beside.file.sync_all()?;
    Ok(beside)
}

impl Beside {
    pub(super) fn append(&mut self, text: &[u8]) -> io::Result<()> {
        self.file.write_all(text)?;
        let len = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.len = self.len.saturating_add(len);
        Ok(())
    }

    /// How many bytes it has.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Puts it in place of `path`.
    pub(super) fn put(self, path: &Path) -> io::Result<File> {
        fs::rename(&self.unplaced.0, path)?;
        Ok(self.file)
    }
}
