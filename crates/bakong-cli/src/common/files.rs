//! Reads and writes files that the command line names.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use khqr_core::Printable;

use crate::common::exit::{Exit, Failure};

/// Opens a regular file of at most `limit` bytes. A FIFO could block forever, and a device may have no end.
pub(crate) fn open(path: &Path, limit: u64) -> Result<File, Failure> {
    let unusable = |reason: &dyn std::fmt::Display| {
        let path = path.to_string_lossy();
        Failure::usage(format!("{}: {reason}", Printable(&path)))
    };
    let checked = |file: fs::Metadata| {
        if !file.is_file() {
            return Err(unusable(&"not a regular file"));
        }
        if file.len() > limit {
            return Err(unusable(&format_args!("larger than {limit} bytes")));
        }
        Ok(())
    };
    // Opening a FIFO blocks, so the type is tested first. It is tested again, in case the path changed in between.
    checked(fs::metadata(path).map_err(|error| unusable(&error))?)?;
    let file = File::open(path).map_err(|error| unusable(&error))?;
    checked(file.metadata().map_err(|error| unusable(&error))?)?;
    Ok(file)
}

/// Reads a regular file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let mut file = open(path, limit)?.take(limit);
    let read: io::Result<_> = file.read_to_end(&mut bytes);
    read.map_err(|error| {
        let path = path.to_string_lossy();
        Failure::usage(format!("{}: {error}", Printable(&path)))
    })?;
    Ok(bytes)
}

/// Writes a file. If this fails, a file that existed keeps its content, and no other file remains.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    replace(path, content).map_err(|error| unwritable("cannot write", path, &error))
}

/// The failure of a file or folder that cannot be written. A wrong path is a usage error, and a full or read-only disk
/// is not.
pub(crate) fn unwritable(what: &str, path: &Path, error: &io::Error) -> Failure {
    let path = path.to_string_lossy();
    let message = format!("{what} {}: {error}", Printable(&path));
    match is_wrong_path(error) {
        true => Failure::usage(message),
        false => Failure::new(Exit::NoAnswer, message),
    }
}

/// Whether the error shows that another path was meant.
pub(crate) fn is_wrong_path(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::AlreadyExists
            | ErrorKind::InvalidFilename
            | ErrorKind::InvalidInput
    )
}

/// Writes a second file in the same folder, and renames it, because renaming works only within one file system.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    // A symbolic link stays, and its target is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let existing = fs::metadata(&path).ok();
    if existing.as_ref().is_some_and(|file| !file.is_file()) {
        // A device or a FIFO.
        return fs::write(&path, content);
    }
    if existing.is_some() {
        // A file that may not be written is not replaced either.
        OpenOptions::new().write(true).open(&path)?;
    }
    let random = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    let temporary = path.with_file_name(format!(".bakong-{random:016x}.new"));
    let written = File::create_new(&temporary).and_then(|mut file| {
        file.write_all(content)?;
        if let Some(existing) = existing {
            file.set_permissions(existing.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&temporary, &path)
    });
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Whether other users of this machine can read or write a file.
#[cfg(unix)]
pub(crate) fn is_exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
pub(crate) const fn is_exposed(_: &Path) -> bool {
    false
}
