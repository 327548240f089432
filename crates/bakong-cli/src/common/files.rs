//! Reads files that the command line names.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use khqr_core::Printable;

use crate::common::exit::Failure;

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
