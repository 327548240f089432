//! Reads small files. Reading a pipe blocks, reading a device may never end, and reading a huge file exhausts the
//! memory. So only regular files within a limit are read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

/// Whether the file exists.
///
/// # Errors
/// An I/O error if the file exists and is not a regular file.
pub(super) fn exists(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(file) if file.is_file() => Ok(true),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a regular file",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads a file of at most `max` bytes; `None` if the file does not exist. The bytes are wiped when dropped.
///
/// # Errors
/// An I/O error if the file is not a regular file, is longer than `max`, or cannot be read.
pub(super) fn read(path: &Path, max: u64) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    if !exists(path)? {
        return Ok(None);
    }
    let file = match File::open(path) {
        Ok(file) => file,
        // Another process has removed the file.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= max) {
        return Ok(Some(bytes));
    }
    let reason = format!("it is longer than {max} bytes");
    Err(io::Error::new(io::ErrorKind::InvalidData, reason))
}

/// Whether an error means that a file is not a regular file, or is larger than the limit.
pub(super) fn is_wrong_kind(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
    ) && error.raw_os_error().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_kind_of_file_is_told_from_an_error_of_the_system() {
        let folder = tempfile::tempdir().unwrap();
        let is_wrong = |result: io::Result<_>| is_wrong_kind(&result.unwrap_err());
        assert!(is_wrong(read(folder.path(), 9)));
        let file = folder.path().join("token");
        fs::write(&file, "0123456789").unwrap();
        assert!(is_wrong(read(&file, 9)));
        assert_eq!(read(&file, 10).unwrap().unwrap().len(), 10);
        assert!(read(&folder.path().join("missing"), 9).unwrap().is_none());
        // The file is not a folder.
        assert!(!is_wrong(read(&file.join("token"), 9)));
        // An error of the system can have the same kind.
        assert!(!is_wrong_kind(&io::Error::from_raw_os_error(22)));
        assert!(!is_wrong_kind(&io::ErrorKind::PermissionDenied.into()));
    }
}
