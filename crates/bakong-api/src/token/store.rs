//! Where a token outlives the process.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::hash::BuildHasher;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::token::{AccessToken, InvalidToken};

/// Keeps a token. Several processes may share one: what one renewed, the others find here.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// The token that is kept, if there is one.
    ///
    /// # Errors
    /// [`TokenStoreError`] if that cannot be told, or what is kept is no token.
    async fn load(&self) -> Result<Option<AccessToken>, TokenStoreError>;

    /// Keeps this token in place of the last.
    ///
    /// # Errors
    /// [`TokenStoreError`] if it is not kept; the last one still is.
    async fn save(&self, token: &AccessToken) -> Result<(), TokenStoreError>;
}

#[async_trait]
impl<S: TokenStore + ?Sized> TokenStore for Arc<S> {
    async fn load(&self) -> Result<Option<AccessToken>, TokenStoreError> {
        (**self).load().await
    }

    async fn save(&self, token: &AccessToken) -> Result<(), TokenStoreError> {
        (**self).save(token).await
    }
}

/// Keeps a token in memory, for sessions of one process that share it.
#[derive(Default, Debug)]
pub struct MemoryTokenStore(Mutex<Option<AccessToken>>);

impl MemoryTokenStore {
    /// A store that holds nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl TokenStore for MemoryTokenStore {
    async fn load(&self) -> Result<Option<AccessToken>, TokenStoreError> {
        Ok(self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }

    async fn save(&self, token: &AccessToken) -> Result<(), TokenStoreError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(())
    }
}

/// Keeps a token in a file of one line, which only its owner may read (mode 0600).
///
/// A new token is written beside the file, to the disk, and then put in its place, so that a crash leaves
/// the old one or the new one and never half of either. Where a file cannot be replaced but written to (one
/// that a container was given, or in a folder of somebody else's), the new token is written over the old one.
/// Both take a few milliseconds of the calling thread.
///
/// Where the path is a link, the file that it leads to is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileTokenStore {
    path: PathBuf,
}

impl FileTokenStore {
    /// More than any token has, and little enough to read a wrong file without harm.
    const MAX_BYTES: u64 = 64 * 1024;

    /// A store in this file, which need not exist. Its folder must.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the token that is kept, as [`TokenStore::load`] does, without async.
    ///
    /// # Errors
    /// [`TokenStoreError`] if the file is there and cannot be read, is no regular one, or holds no token.
    pub fn read(&self) -> Result<Option<AccessToken>, TokenStoreError> {
        // A pipe would be waited for, and read empty.
        let opened = regular(&self.path).and_then(|exists| {
            let file = exists.then(|| File::open(&self.path));
            file.transpose()
        });
        let file = match opened {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(None),
            Err(error) => return Err(self.failed("read", Cause::Io(error))),
        };
        let mut text = Zeroizing::new(String::new());
        let length = file
            .take(Self::MAX_BYTES + 1)
            .read_to_string(&mut text)
            .map_err(|error| self.failed("read", Cause::Io(error)))?;
        // The beginning of something else might pass for a token.
        if u64::try_from(length).is_ok_and(|length| length > Self::MAX_BYTES) {
            let too_long = io::Error::new(io::ErrorKind::InvalidData, "is too long for a token");
            return Err(self.failed("used", Cause::Io(too_long)));
        }
        AccessToken::new(text.trim_start_matches('\u{feff}'))
            .map(Some)
            .map_err(|error| self.failed("used", Cause::NoToken(error)))
    }

    /// Keeps this token, as [`TokenStore::save`] does, without async.
    ///
    /// # Errors
    /// [`TokenStoreError`] if it cannot be written; what was kept before still is.
    pub fn write(&self, token: &AccessToken) -> Result<(), TokenStoreError> {
        let path = self.target();
        let text = line(token);
        let written = regular(&path).and_then(|exists| match replace(&path, text.as_bytes()) {
            // The first error says why, if this does not work either.
            Err(error) if exists => overwrite(&path, text.as_bytes()).map_err(|_| error),
            replaced => replaced,
        });
        written.map_err(|error| self.failed("written", Cause::Io(error)))
    }

    /// Tries whether a token could be kept, and leaves what is kept as it is: for whoever is about to ask for
    /// a token, which comes once.
    ///
    /// # Errors
    /// [`TokenStoreError`] if [`write`](Self::write) would fail.
    pub fn try_out(&self) -> Result<(), TokenStoreError> {
        let path = self.target();
        let tried = regular(&path).and_then(|exists| {
            if !exists {
                let (beside, _) = create_beside(&path)?;
                return fs::remove_file(beside);
            }
            // What can be written to need not be replaced.
            let Err(closed) = OpenOptions::new().write(true).open(&path) else {
                return Ok(());
            };
            let mut present = Zeroizing::new(Vec::new());
            let mut file = File::open(&path)?.take(Self::MAX_BYTES + 1);
            file.read_to_end(&mut present)?;
            if present.len() as u64 > Self::MAX_BYTES {
                return Err(closed);
            }
            replace(&path, &present)
        });
        tried.map_err(|error| self.failed("written", Cause::Io(error)))
    }

    /// Keeps a token that this file does not take in a new one (mode 0600) beside it, or else in the folder
    /// for temporary files, and gives its path: a token that was asked for once should not be lost.
    ///
    /// # Errors
    /// [`TokenStoreError`] if there is no place for it.
    pub fn write_aside(&self, token: &AccessToken) -> Result<PathBuf, TokenStoreError> {
        let path = self.target();
        let name = path.file_name().unwrap_or("bakong.token".as_ref());
        let temporary = std::env::temp_dir().join(name);
        let write = |path: &Path| {
            let (beside, file) = create_beside(path)?;
            let written = fill(file, line(token).as_bytes());
            if written.is_err() {
                let _ = fs::remove_file(&beside);
            }
            written.map(|()| beside)
        };
        write(&path)
            .or_else(|_| write(&temporary))
            .map_err(|error| self.failed("written", Cause::Io(error)))
    }

    /// The file itself, where the path is a link to it: a new one is to be put in its place, not in the
    /// link's.
    fn target(&self) -> Cow<'_, Path> {
        if let Ok(path) = fs::canonicalize(&self.path) {
            return Cow::Owned(path);
        }
        // The file of a link need not be there yet.
        match fs::read_link(&self.path) {
            Ok(link) => Cow::Owned(self.path.parent().unwrap_or(Path::new("")).join(link)),
            Err(_) => Cow::Borrowed(&self.path),
        }
    }

    fn failed(&self, verb: &'static str, cause: Cause) -> TokenStoreError {
        TokenStoreError {
            what: format!("the token file {} cannot be {verb}", self.path.display()).into(),
            cause: Arc::new(cause),
        }
    }
}

/// Whether there is a file, which has to be a regular one.
fn regular(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(file) if file.is_file() => Ok(true),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts a new file with this content in place of the one at `path`.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let (beside, file) = create_beside(path)?;
    if let Err(error) = fill(file, content).and_then(|()| fs::rename(&beside, path)) {
        // It holds a secret, and is of no use; if it cannot be removed either, the first error says why.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    // The file's place in its folder is safe on the disk as well, where the system lets a folder be opened
    // for it.
    let folder = path
        .parent()
        .map(|folder| match folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => folder,
        });
    if let Some(Ok(folder)) = folder.map(File::open) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Writes over the content of the file at `path`.
fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    // Somebody else's file stays as it is.
    #[cfg(unix)]
    let _ = file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    file.write_all(content)?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
}

/// A new file in the same folder as `path`, since a file can be put in another's place only there.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut tries = 0;
    loop {
        // In containers, processes that share a folder may have the same number, so what has this name may
        // be another's at work: it is left alone.
        let random = RandomState::new().hash_one(COUNT.fetch_add(1, Ordering::Relaxed));
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{random:016x}.new"));
        let beside = path.with_file_name(name);
        match options.open(&beside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < 10 => {
                tries += 1;
            }
            opened => return opened.map(|file| (beside, file)),
        }
    }
}

/// A file's content.
fn line(token: &AccessToken) -> Zeroizing<String> {
    Zeroizing::new(format!("{}\n", token.expose()))
}

fn fill(mut file: File, content: &[u8]) -> io::Result<()> {
    file.write_all(content)?;
    file.sync_all()
}

#[async_trait]
impl TokenStore for FileTokenStore {
    async fn load(&self) -> Result<Option<AccessToken>, TokenStoreError> {
        self.read()
    }

    async fn save(&self, token: &AccessToken) -> Result<(), TokenStoreError> {
        self.write(token)
    }
}

/// A token could not be read or kept. Holds nothing of the token.
#[derive(Clone, Debug)]
pub struct TokenStoreError {
    what: Box<str>,
    cause: Arc<Cause>,
}

#[derive(Debug)]
enum Cause {
    Io(io::Error),
    NoToken(InvalidToken),
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl TokenStoreError {
    /// An error of another store: `what` failed, because of `cause`.
    pub fn new(
        what: impl Into<Box<str>>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            what: what.into(),
            cause: Arc::new(Cause::Other(cause.into())),
        }
    }
}

impl fmt::Display for TokenStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.what)?;
        match &*self.cause {
            Cause::Io(error) => error.fmt(f),
            Cause::NoToken(error) => error.fmt(f),
            Cause::Other(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TokenStoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match &*self.cause {
            Cause::Io(error) => error,
            Cause::NoToken(error) => error,
            Cause::Other(error) => &**error,
        })
    }
}
