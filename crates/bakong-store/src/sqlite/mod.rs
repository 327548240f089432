//! A store in one SQLite file.
/// A database.
#[derive(Debug)]
pub struct SqliteDatabase;
/// A store.
#[derive(Debug)]
pub struct SqliteStore;
