//! The location of the state file, and the lock that reserves it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use fs4::TryLockError;
use khqr_core::Printable;

use crate::backend::redacted;

/// The maximum number of bytes of a state file, enough for about a million payments. A larger file is not
/// read into memory.
const MAX_LEN: u64 = 512 * 1024 * 1024;

/// A state file that is locked for this process.
pub(crate) struct StateFile {
    path: PathBuf,
    /// Holds the lock while it is open. The lock is a separate file, because a snapshot replaces the state
    /// file. The lock file is never removed: otherwise two processes could lock two files.
    _lock: File,
}

impl StateFile {
    /// Locks `file`. The operating system releases the lock when the process ends.
    ///
    /// # Errors
    /// Fails if another sandbox has the lock, or if the lock file cannot be written.
    pub(crate) fn lock(file: &Path) -> io::Result<Self> {
        let path = real_path(file)?;
        let lock = sibling(&path, "", ".lock")?;
        for file in [&path, &lock] {
            check_kind(file)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        private(&mut options);
        let locked = options.open(&lock).map_err(TryLockError::Error);
        let locked = locked.and_then(|file| fs4::FileExt::try_lock(&file).map(|()| file));
        match locked {
            Ok(file) => Ok(Self { path, _lock: file }),
            Err(TryLockError::WouldBlock) => {
                let what =
                    "is in use by another sandbox; stop that sandbox, or choose another file";
                Err(file_error(&path, io::ErrorKind::ResourceBusy, what))
            }
            Err(TryLockError::Error(error)) => {
                let lock = shown(&lock);
                let what = format!("cannot be written: {lock} cannot be locked: {error}");
                Err(file_error(&path, error.kind(), &what))
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The content of the file; `None` if the file is missing or empty.
    pub(super) fn read(&self) -> io::Result<Option<Vec<u8>>> {
        check_kind(&self.path)?;
        let mut text = Vec::new();
        let read = File::open(&self.path).and_then(|file| {
            // The check of the length avoids reading 512 MiB of a file that is refused anyway.
            if file.metadata()?.len() <= MAX_LEN {
                file.take(MAX_LEN + 1).read_to_end(&mut text)?;
                if text.len() as u64 <= MAX_LEN {
                    return Ok(());
                }
            }
            let what = format!("the file has more than {} MiB", MAX_LEN / 1024 / 1024);
            Err(io::Error::new(io::ErrorKind::FileTooLarge, what))
        });
        match read {
            Ok(()) => Ok(Some(text).filter(|text| !text.is_empty())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unreadable(error.kind(), &error.to_string())),
        }
    }

    /// Replaces the content, and returns the file for appending. The new content is synced to disk before it
    /// replaces the old content.
    ///
    /// # Errors
    /// Fails if the file cannot be written. The old content is kept.
    pub(super) fn replace(&self, text: &[u8]) -> io::Result<File> {
        let temp = sibling(&self.path, ".", ".new")?;
        let replaced = write_new(&temp, text).and_then(|file| {
            fs::rename(&temp, &self.path)?;
            Ok(file)
        });
        if replaced.is_err() {
            // A partial file could take up disk space that the current file needs.
            let _ = fs::remove_file(&temp);
        }
        replaced
    }

    pub(super) fn unreadable(&self, kind: io::ErrorKind, reason: &str) -> io::Error {
        let reason = redacted(&Printable(reason).to_string());
        let what = format!(
            "cannot be read: {reason}. The file was not changed. Repair it, move it, or choose another file."
        );
        file_error(&self.path, kind, &what)
    }
}

/// The maximum number of symbolic links to follow, as on Linux.
const MAX_LINKS: usize = 40;

/// Follows symbolic links, even if the target does not exist yet.
fn real_path(file: &Path) -> io::Result<PathBuf> {
    if let Ok(real) = fs::canonicalize(file) {
        return Ok(real);
    }
    let mut path = file.to_owned();
    for _ in 0..=MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            return Ok(in_real_folder(&path).unwrap_or(path));
        };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    let what = "is a link to itself, or a chain of too many links; choose another file";
    Err(file_error(file, io::ErrorKind::InvalidInput, what))
}

fn in_real_folder(file: &Path) -> Option<PathBuf> {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
    Some(folder.join(file.file_name()?))
}

/// Refuses a file that is not a regular one. Opening a named pipe waits for another process, a device can be
/// endless, and neither can be replaced by a snapshot.
fn check_kind(path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        let what = "is not a regular file; choose another file";
        return Err(file_error(path, io::ErrorKind::InvalidInput, what));
    }
    Ok(())
}

/// An error about the state file.
pub(super) fn file_error(path: &Path, kind: io::ErrorKind, what: &str) -> io::Error {
    io::Error::new(kind, format!("the state file {} {what}", shown(path)))
}

/// A path that is safe to print, without tokens.
pub(super) fn shown(path: &Path) -> String {
    redacted(&Printable(&path.display().to_string()).to_string())
}

/// A path in the same folder, with a prefix and a suffix around the name of the file.
fn sibling(path: &Path, prefix: &str, suffix: &str) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else {
        let what = "has no file name; choose another file";
        return Err(file_error(path, io::ErrorKind::InvalidInput, what));
    };
    let mut sibling = OsString::from(prefix);
    sibling.push(name);
    sibling.push(suffix);
    Ok(path.with_file_name(sibling))
}

/// Lets only the owner read the file, because it contains the key of the tokens.
fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    #[cfg(not(unix))]
    let _ = options;
}

/// Writes a new file, and syncs it to the disk.
fn write_new(path: &Path, text: &[u8]) -> io::Result<File> {
    // A killed process may have left a temporary file.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.append(true).create_new(true);
    private(&mut options);
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()?;
    Ok(file)
}
