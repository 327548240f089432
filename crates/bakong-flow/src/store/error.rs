//! The error of a store.

use std::error::Error;
use std::fmt;

/// The error of a store. The watcher logs the error, so it must contain no secrets.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

/// What the caller can do about a [`StoreError`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store may work again, for example after a lost connection or a full disk. Try again later.
    Transient,
    /// Trying again cannot help, for example after a corrupt file or with an unknown schema version.
    Fatal,
    /// Another worker has the lease. This worker must stop acting as the leader and drop its state.
    Fenced,
}

impl StoreError {
    /// Creates an error that may not occur again: [`StoreErrorKind::Transient`].
    pub fn transient(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StoreErrorKind::Transient, error)
    }

    /// Creates an error that will occur again: [`StoreErrorKind::Fatal`].
    pub fn fatal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StoreErrorKind::Fatal, error)
    }

    /// Creates the error of a worker that lost its lease: [`StoreErrorKind::Fenced`].
    #[must_use]
    pub fn fenced() -> Self {
        Self::new(
            StoreErrorKind::Fenced,
            "another worker has taken over the lease",
        )
    }

    fn new(kind: StoreErrorKind, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind,
            source: error.into(),
        }
    }

    /// Returns what the caller can do about the error.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the payment store failed: {}", self.source)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
