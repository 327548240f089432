//! A new version of the state file, before it replaces the current one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::file::{private, sibling};

/// A file beside the state file. It is removed on drop unless it was renamed.
pub(super) struct TempFile {
    /// Declared first, so that the file is closed before it is removed.
    file: File,
    guard: RemoveOnDrop,
    len: u64,
}

/// Removes a partial file, which could otherwise fill the disk that the current file needs.
struct RemoveOnDrop(PathBuf);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        // After a rename the path does not exist any more.
        let _ = fs::remove_file(&self.0);
    }
}

impl TempFile {
    /// Writes `text` to a new file beside `path`, and syncs it to the disk.
    pub(super) fn create(path: &Path, text: &[u8]) -> io::Result<Self> {
        let path = sibling(path, ".", ".new")?;
        // A killed process may have left one.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.append(true).create_new(true);
        private(&mut options);
        let mut temp = Self {
            file: options.open(&path)?,
            guard: RemoveOnDrop(path),
            len: 0,
        };
        temp.append(text)?;
        temp.file.sync_all()?;
        Ok(temp)
    }

    pub(super) fn append(&mut self, text: &[u8]) -> io::Result<()> {
        self.file.write_all(text)?;
        let len = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.len = self.len.saturating_add(len);
        Ok(())
    }

    /// The number of bytes that were written.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Renames the file to `path`, which replaces the file there.
    pub(super) fn replace(self, path: &Path) -> io::Result<File> {
        fs::rename(&self.guard.0, path)?;
        Ok(self.file)
    }
}
