//! What went wrong, where, and what to do about it.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use bakong_flow::store::{StoreError, StoreErrorKind};
use rusqlite::ErrorCode;

use crate::migrations::NewerSchema;
use crate::record::Corrupt;

/// `SQLITE_IOERR_SHMSIZE`
const LOG_INDEX_SIZE: i32 = 4_874;
const DISK_FULL: &str =
    "the disk is full. Free some space; nothing is lost, and the program tries again";

/// `SQLITE_READONLY_DBMOVED`: the file was moved or deleted while it was open.
const MOVED: i32 = 1032;
/// `SQLITE_CONSTRAINT_UNIQUE`.
const UNIQUE: i32 = 2067;
/// `SQLITE_CONSTRAINT_PRIMARYKEY`.
const PRIMARY_KEY: i32 = 1555;

/// Why a unit of work failed.
#[derive(Debug)]
pub(super) enum Failure {
    Sqlite(rusqlite::Error),
    Corrupt(Corrupt),
    NewerSchema(NewerSchema),
    /// The epoch of the batch is not current.
    Fenced,
    /// The caller made a mistake. The text tells which.
    Misuse(String),
    /// The file cannot be a store. The text has the reason and the advice.
    NotAStore(&'static str),
    /// The transaction of several callers failed because of another caller's work.
    Aborted,
    /// A test stopped the store.
    #[cfg(feature = "testing")]
    Stopped,
}

impl Failure {
    /// Whether a unique index rejected the statement.
    pub(super) fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Sqlite(rusqlite::Error::SqliteFailure(error, _))
            if [UNIQUE, PRIMARY_KEY].contains(&error.extended_code))
    }

    /// Whether another connection has the lock.
    pub(super) fn is_busy(&self) -> bool {
        matches!(
            self.code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        )
    }

    /// Whether the file, its log, or the index of its log cannot be opened.
    pub(super) fn is_cannot_open(&self) -> bool {
        self.code() == Some(ErrorCode::CannotOpen)
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }

    /// Returns the error for the caller of the store.
    pub(super) fn store_error(&self, place: &Place) -> StoreError {
        let (kind, advice) = match self {
            Self::Fenced => return StoreError::fenced(),
            Self::Sqlite(error) => place.explain(error),
            Self::Misuse(message) => return StoreError::fatal(message.clone()),
            Self::Corrupt(corrupt) => (StoreErrorKind::Fatal, corrupt.to_string()),
            Self::NewerSchema(newer) => (StoreErrorKind::Fatal, newer.to_string()),
            Self::NotAStore(reason) => (StoreErrorKind::Fatal, (*reason).to_owned()),
            Self::Aborted => (
                StoreErrorKind::Transient,
                "another change of the same transaction failed. Try again".to_owned(),
            ),
            #[cfg(feature = "testing")]
            Self::Stopped => (
                StoreErrorKind::Transient,
                "the test stopped the store".to_owned(),
            ),
        };
        let error = SqliteError {
            file: place.file().into(),
            advice: advice.into(),
        };
        if kind == StoreErrorKind::Transient {
            StoreError::transient(error)
        } else {
            StoreError::fatal(error)
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Corrupt> for Failure {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

impl From<NewerSchema> for Failure {
    fn from(newer: NewerSchema) -> Self {
        Self::NewerSchema(newer)
    }
}

/// The file of a store, and how long to wait for its lock: what an error message has to name.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The path with escaped control characters.
    file: Box<str>,
    pub(super) busy_timeout: Duration,
}

impl Place {
    pub(super) fn new(path: &Path, busy_timeout: Duration) -> Self {
        Self {
            file: format!("{path:?}").into(),
            busy_timeout,
        }
    }

    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// Returns an error with this text, which ends with an advice.
    pub(super) fn fatal(&self, advice: impl fmt::Display) -> StoreError {
        StoreError::fatal(SqliteError {
            file: self.file.clone(),
            advice: advice.to_string().into(),
        })
    }

    /// Returns what the caller can do about an error of SQLite, and the reason with an advice.
    fn explain(&self, error: &rusqlite::Error) -> (StoreErrorKind, String) {
        use StoreErrorKind::{Fatal, Transient};
        let Some(code) = error.sqlite_error() else {
            // The conversion of a column failed: the schema is not the one that this program knows.
            return (
                Fatal,
                format!(
                    "its rows cannot be read ({error}). Run `bakong store check`, or restore a backup"
                ),
            );
        };
        let extended = code.extended_code;
        match code.code {
            ErrorCode::DiskFull => (Transient, DISK_FULL.into()),
            ErrorCode::ReadOnly if extended == MOVED => (
                Fatal,
                "the file was moved or deleted while it was in use. Restore the file and start the program again"
                    .into(),
            ),
            ErrorCode::ReadOnly => (
                Fatal,
                "the file or its folder is read-only. Allow this user to write both, or choose another file"
                    .into(),
            ),
            ErrorCode::PermissionDenied => (
                Fatal,
                "access is denied. Run the program as the owner of the file, or choose another file".into(),
            ),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => (
                Transient,
                format!(
                    "another process has locked the file for longer than {} ms. End the other process if it hangs",
                    self.busy_timeout.as_millis()
                ),
            ),
            ErrorCode::DatabaseCorrupt => (
                Fatal,
                format!(
                    "the file is corrupt (SQLite error {extended}). Keep a copy of it and restore a backup"
                ),
            ),
            ErrorCode::NotADatabase => (
                Fatal,
                "the file is not an SQLite database. Choose another file".into(),
            ),
            ErrorCode::CannotOpen => (
                Transient,
                format!(
                    "the file cannot be opened (SQLite error {extended}). Check that the file and its folder exist, and that this user may write both"
                ),
            ),
            // SQLite does not report a full disk when it extends the index of the write-ahead log.
            ErrorCode::SystemIoFailure if extended == LOG_INDEX_SIZE => (Transient, DISK_FULL.into()),
            ErrorCode::SystemIoFailure => (
                Transient,
                format!(
                    "the disk failed (SQLite error {extended}). Check the disk; the program tries again"
                ),
            ),
            ErrorCode::OutOfMemory => (
                Transient,
                "there is not enough memory. The program tries again".into(),
            ),
            ErrorCode::FileLockingProtocolFailed => (
                Fatal,
                "the locks of the file do not work. Choose a file on a local disk instead of a network drive"
                    .into(),
            ),
            _ => (
                Fatal,
                format!("SQLite reports {error} (error {extended}). Report this error"),
            ),
        }
    }
}

/// The error of a store in an SQLite file.
#[derive(Debug)]
struct SqliteError {
    file: Box<str>,
    /// The reason, and what to do.
    advice: Box<str>,
}

impl fmt::Display for SqliteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, advice } = self;
        write!(f, "cannot use the file {file}: {advice}.")
    }
}

impl std::error::Error for SqliteError {}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    /// Only a real disk or network drive causes most of these errors.
    #[test]
    fn every_error_of_sqlite_has_its_kind_and_its_advice() {
        use StoreErrorKind::{Fatal, Transient};
        let place = Place::new(Path::new("payments.db"), Duration::from_millis(70));
        let cases = [
            (ffi::SQLITE_FULL, Transient, "the disk is full"),
            (MOVED, Fatal, "was moved or deleted"),
            (ffi::SQLITE_READONLY, Fatal, "is read-only"),
            (ffi::SQLITE_PERM, Fatal, "access is denied"),
            (ffi::SQLITE_BUSY, Transient, "for longer than 70 ms"),
            (ffi::SQLITE_LOCKED, Transient, "for longer than 70 ms"),
            (ffi::SQLITE_CORRUPT, Fatal, "the file is corrupt"),
            (ffi::SQLITE_NOTADB, Fatal, "not an SQLite database"),
            (ffi::SQLITE_CANTOPEN, Transient, "cannot be opened"),
            (LOG_INDEX_SIZE, Transient, "the disk is full"),
            (ffi::SQLITE_IOERR_WRITE, Transient, "the disk failed"),
            (ffi::SQLITE_NOMEM, Transient, "not enough memory"),
            (ffi::SQLITE_PROTOCOL, Fatal, "on a local disk"),
            (ffi::SQLITE_MISUSE, Fatal, "Report this error"),
        ];
        for (code, kind, words) in cases {
            let failure =
                Failure::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
            let error = failure.store_error(&place);
            assert_eq!(error.kind(), kind, "{code}: {error}");
            assert!(error.to_string().contains(words), "{code}: {error}");
            let is_busy = [ffi::SQLITE_BUSY, ffi::SQLITE_LOCKED].contains(&code);
            assert_eq!(failure.is_busy(), is_busy, "{code}");
        }
    }
}
