//! A token in a file.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use khqr_core::Timestamp;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::redact;
use crate::token::AccessToken;
use crate::token::regular_file;
use crate::token::renewal_mark::RenewalMark;
use crate::token::store::{LeaseOutcome, LeaseRequest, TokenStore, TokenStoreError};

/// Stores a token in a one-line file with mode 0600.
///
/// A new token is written to a second file in the same folder, flushed to the disk and renamed, so that a crash
/// leaves either the old or the new token. If the file cannot be replaced but is writable, the new token
/// overwrites the old one. This is the case for a single file mounted into a container. Both methods block the
/// calling thread for a few milliseconds.
///
/// If the path is a symbolic link, the store uses the file that the link points to.
///
/// # Renewal lease
/// The lease is a mark: a file named like the token file with `.renewal` appended. All processes that share
/// the token file must be able to write to its folder.
///
/// - The process that creates the mark renews. The mark is removed after the renewal, when its holder stops
///   waiting, and by every [`save`](TokenStore::save). The mark of a killed process expires after 60 seconds.
/// - A session without a usable token waits for another process's mark, at most 60 seconds, on a thread of its
///   own. A session with a usable token does not wait, unless Bakong rejects that token.
/// - After a failed renewal, the mark contains the number of failures, the reason, and the time of the next
///   attempt.
/// - If the mark cannot be created, the lease is granted anyway, unless the token is usable for more than a day. In
///   that case, the request for the lease fails.
/// - Two processes that find an expired mark at the same moment may both renew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileTokenStore {
    path: PathBuf,
}

impl FileTokenStore {
    /// More bytes than any token has, but few enough that reading a wrong file does no harm.
    const MAX_BYTES: u64 = 64 * 1024;

    /// Creates a store that uses this file. The file need not exist, but its folder must.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the stored token, like [`TokenStore::load`], without async. An empty file contains no token.
    ///
    /// # Errors
    /// [`TokenStoreError`] if the file exists and cannot be read, is not a regular file, or contains no token.
    pub fn read(&self) -> Result<Option<AccessToken>, TokenStoreError> {
        let bytes = regular_file::read(&self.path, Self::MAX_BYTES);
        let Some(bytes) = bytes.map_err(|error| self.error("read", error))? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| self.error("used", "it is not UTF-8 text"))?
            .trim_start_matches('\u{feff}');
        // After a crash, some file systems leave NUL bytes in place of the content.
        if text.chars().all(|c| c.is_whitespace() || c == '\0') {
            return Ok(None);
        }
        AccessToken::new(text)
            .map(Some)
            .map_err(|error| self.error("used", error))
    }

    /// Replaces the stored token, like [`TokenStore::save`], without async. Removes the renewal mark.
    ///
    /// # Errors
    /// [`TokenStoreError`] if the file cannot be written. The previous token is then still stored.
    pub fn write(&self, token: &AccessToken) -> Result<(), TokenStoreError> {
        let path = self.target();
        let text = line(token);
        let written =
            regular_file::exists(&path).and_then(|exists| match replace(&path, text.as_bytes()) {
                // If overwriting fails too, the first error is the more useful one.
                Err(error) if exists => overwrite(&path, text.as_bytes()).map_err(|_| error),
                replaced => replaced,
            });
        written.map_err(|error| self.error("written", error))?;
        RenewalMark::for_token_file(&path).remove();
        Ok(())
    }

    /// Checks whether [`write`](Self::write) would succeed, without changing the stored token. Call it before
    /// requesting a token that is issued only once.
    ///
    /// # Errors
    /// [`TokenStoreError`] if [`write`](Self::write) would fail.
    pub fn try_out(&self) -> Result<(), TokenStoreError> {
        let path = self.target();
        let tried = regular_file::exists(&path).and_then(|exists| {
            if !exists {
                return create_temporary(&path, b"")?.close();
            }
            // A file may be writable but not replaceable.
            let Err(not_writable) = OpenOptions::new().write(true).open(&path) else {
                return Ok(());
            };
            match regular_file::read(&path, Self::MAX_BYTES)? {
                Some(content) => replace(&path, &content),
                None => Err(not_writable),
            }
        });
        tried.map_err(|error| self.error("written", error))
    }

    /// After [`write`](Self::write) has failed, writes the token to a new file (mode 0600) and returns its path. The
    /// new file is in the same folder or, failing that, in the folder for temporary files.
    ///
    /// # Errors
    /// [`TokenStoreError`] if neither folder accepts the file.
    pub fn write_aside(&self, token: &AccessToken) -> Result<PathBuf, TokenStoreError> {
        let path = self.target();
        let name = path.file_name().unwrap_or("bakong.token".as_ref());
        let write = |path: &Path| {
            let (_, aside) = create_temporary(path, line(token).as_bytes())?.keep()?;
            io::Result::Ok(aside)
        };
        write(&path)
            .or_else(|_| write(&std::env::temp_dir().join(name)))
            .map_err(|error| self.error("written", error))
    }

    /// Resolves a symbolic link, so that a new file replaces the link's target and not the link.
    fn target(&self) -> Cow<'_, Path> {
        if let Ok(path) = fs::canonicalize(&self.path) {
            return Cow::Owned(path);
        }
        // The target of a link need not exist yet.
        match fs::read_link(&self.path) {
            Ok(link) => Cow::Owned(self.path.parent().unwrap_or(Path::new("")).join(link)),
            Err(_) => Cow::Borrowed(&self.path),
        }
    }

    /// Returns the path for messages. Users sometimes pass the token itself as the path, so tokens are removed.
    fn shown(&self) -> String {
        redact::without_tokens(self.path.to_string_lossy()).into_owned()
    }

    fn error(
        &self,
        verb: &str,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> TokenStoreError {
        let what = format!("the token file {} cannot be {verb}", self.shown());
        let cause = cause.into();
        // The message of an I/O error may contain the path, too.
        match redact::without_tokens(cause.to_string().into()) {
            shown if shown == cause.to_string() => TokenStoreError::new(what, cause),
            shown => TokenStoreError::new(what, shown.into_owned()),
        }
    }
}

#[async_trait]
impl TokenStore for FileTokenStore {
    async fn load(&self) -> Result<Option<AccessToken>, TokenStoreError> {
        self.read()
    }

    async fn save(&self, token: &AccessToken) -> Result<(), TokenStoreError> {
        self.write(token)
    }

    async fn acquire_renewal(
        &self,
        request: LeaseRequest,
    ) -> Result<LeaseOutcome, TokenStoreError> {
        let mark = RenewalMark::for_token_file(&self.target());
        mark.acquire(request).await.map_err(|error| {
            let what = format!(
                "the file that marks a renewal cannot be created for the token file {}",
                self.shown()
            );
            TokenStoreError::new(what, error)
        })
    }

    async fn wait_for_renewal(&self, now: Timestamp) {
        RenewalMark::for_token_file(&self.target())
            .wait_while_held(now)
            .await;
    }
}

/// Replaces the file at `path` with a new file that has this content.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    create_temporary(path, content)?.persist(path)?;
    // Flush the folder's entry as well, on systems that can open a folder.
    if let Ok(folder) = File::open(folder(path)) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Creates a file with this content and mode 0600 in the folder of `path`, because renaming works only within one
/// file system. The name is random, because processes in containers that share the folder may have equal ids.
fn create_temporary(path: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let mut prefix = path.file_name().unwrap_or_default().to_owned();
    prefix.push(".");
    let mut file = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".new")
        .tempfile_in(folder(path))?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Overwrites the content of the file at `path`. On a full disk, the old content remains.
fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    let old = regular_file::read(path, FileTokenStore::MAX_BYTES)?.unwrap_or_default();
    let mut file = OpenOptions::new().write(true).open(path)?;
    // The result is ignored: this fails if the file belongs to another user.
    #[cfg(unix)]
    let _ = file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    let written = reserve(&mut file, old.len(), content.len())
        .and_then(|()| write_at_start(&mut file, content));
    if written.is_err() {
        // The disk has room for the old content, because the file had it before.
        let _ = write_at_start(&mut file, &old);
    }
    written
}

/// Extends a file from `old` to `new` bytes with line breaks, which do not change the token that it contains.
fn reserve(file: &mut File, old: usize, new: usize) -> io::Result<()> {
    let missing = new.saturating_sub(old);
    file.seek(SeekFrom::End(0))?;
    file.write_all(&b"\n".repeat(missing))?;
    file.sync_all()
}

/// Overwrites a file from its start with this content, and truncates the rest.
fn write_at_start(file: &mut File, content: &[u8]) -> io::Result<()> {
    file.rewind()?;
    file.write_all(content)?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
}

/// Returns the content of a token file.
fn line(token: &AccessToken) -> Zeroizing<String> {
    Zeroizing::new(format!("{}\n", token.expose()))
}
