//! Reads small files. A pipe would block, a device may never end, and a huge file would exhaust the memory.

use std::fs::{self, File};
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// The maximum size of a file in bytes.
const MAX: u64 = 1 << 20;

/// Reads a regular file of at most one mebibyte.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        let reason = "it is not a regular file";
        return Err(Error::new(ErrorKind::InvalidInput, reason));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX) {
        return Ok(bytes);
    }
    let reason = format!("it is longer than {MAX} bytes");
    Err(Error::new(ErrorKind::InvalidData, reason))
}

/// Reads a regular file of at most one mebibyte of UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?)
        .map_err(|_| Error::new(ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_long_or_no_text_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let longest = usize::try_from(MAX).unwrap();
        fs::write(&path, "x".repeat(longest)).unwrap();
        assert_eq!(read_text(&path).unwrap().len(), longest);
        fs::write(&path, "x".repeat(longest + 1)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("longer than"));
        fs::write(&path, b"\xff").unwrap();
        let error = read_text(&path).unwrap_err();
        assert!(error.to_string().contains("not UTF-8"));
    }
}
