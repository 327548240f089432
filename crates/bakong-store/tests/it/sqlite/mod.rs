//! The SQLite store.

mod contract;
mod errors;
mod kills;
mod properties;
mod sharing;
mod tools;

use std::path::PathBuf;

use bakong_store::{Registration, SqliteDatabase, SqliteOptions, SqliteStore};
use tempfile::TempDir;

/// A folder with the file of a store, deleted at the end.
#[derive(Debug)]
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Returns the path of the file, which need not exist.
    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("payments.db")
    }

    pub(crate) async fn open(&self, options: &SqliteOptions) -> SqliteStore {
        let database = options.open(self.file()).await.unwrap();
        store(&database).await
    }
}

pub(crate) fn registration() -> Registration {
    Registration::new("api.example", "shop").unwrap()
}

pub(crate) async fn store(database: &SqliteDatabase) -> SqliteStore {
    database.store(&registration()).await.unwrap()
}
