//! Opens the file: creates it, recognises it, migrates its schema.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use bakong_flow::store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::failure::{Failure, Place};
use crate::migrations::{self, Migration};
use crate::report::Migrated;

/// Marks the file as a store (`PRAGMA application_id`): `bkst` in ASCII.
const APPLICATION_ID: i64 = 0x626b_7374;

/// How many statements stay prepared on a connection.
const CACHED_STATEMENTS: usize = 64;

/// The advice for a file of another program.
const FOREIGN: &str = "it is an SQLite database of another program. Choose another file";

/// What to do with a file that is missing or has an older schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Preparation {
    /// Create it, and migrate it.
    CreateOrMigrate,
    /// Fail.
    None,
}

/// Opens a connection for writing, after it has prepared the file.
pub(super) fn open(
    path: &Path,
    place: &Place,
    preparation: Preparation,
    migrations: &'static [Migration],
) -> Result<(Connection, Migrated), StoreError> {
    check_path(path, place, preparation)?;
    let migrated = || -> Result<_, Failure> {
        let connection = connect(path, place.busy_timeout)?;
        let current = version(&connection)?;
        let missing = migrations::missing(migrations, current)?;
        if preparation == Preparation::None && !missing.is_empty() {
            return Err(Failure::NotAStore(if current == 0 {
                "it is empty. Choose another file"
            } else {
                "its schema is old. Run `bakong store migrate`"
            }));
        }
        enable_wal(&connection, place.busy_timeout)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // On macOS, only these flush the cache of the disk. Other systems ignore them.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        // The pages that a savepoint may restore. They would be in a temporary file otherwise.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        let migrated = migrate(&connection, migrations)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok((connection, migrated))
    };
    migrated().map_err(|failure| opening(failure).store_error(place))
}

/// Explains "unable to open" of a file that exists.
fn opening(failure: Failure) -> Failure {
    if failure.is_cannot_open() {
        return Failure::NotAStore(
            "the file, or the log beside it, cannot be opened. Allow this user to write the file and its folder",
        );
    }
    failure
}

/// Opens a connection for reading a file that is prepared.
pub(super) fn open_reader(path: &Path, place: &Place) -> Result<Connection, StoreError> {
    let connection = || -> Result<_, Failure> {
        let connection = connect(path, place.busy_timeout)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    connection().map_err(|failure| opening(failure).store_error(place))
}

fn connect(path: &Path, busy_timeout: Duration) -> Result<Connection, Failure> {
    // The path is not a URI, and the file exists.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    if connection.is_readonly("main")? {
        // SQLite opens a file that cannot be written for reading.
        return Err(Failure::NotAStore(
            "the file is read-only. Allow this user to write the file and its folder, or choose another file",
        ));
    }
    connection.busy_timeout(busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // Without this guarantee, SQLite prepares a statement again when the parameter of its LIMIT changes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Checks what SQLite would report as "unable to open", and creates the file.
fn check_path(path: &Path, place: &Place, preparation: Preparation) -> Result<(), StoreError> {
    let error = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            return Err(place.fatal("it is a folder. Add the name of a file"));
        }
        Ok(metadata) if !metadata.is_file() => {
            return Err(place.fatal("it is not a regular file. Choose another file"));
        }
        Ok(_) => return Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => error,
        Err(_) if preparation == Preparation::None => {
            return Err(place.fatal("it does not exist. Check the path"));
        }
        Err(_) => match create(path) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        },
    };
    Err(cannot_create(&error, place))
}

fn cannot_create(error: &io::Error, place: &Place) -> StoreError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            place.fatal("its folder does not exist. Create the folder, or choose another file")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => place.fatal(
            "this user may not create files in its folder. Allow it, or choose another file",
        ),
        _ => place.fatal(format_args!("{error}. Choose another file")),
    }
}

/// Creates the empty file `path`, which must not exist.
pub(super) fn reserve(path: &Path, place: &Place) -> Result<(), StoreError> {
    create_new(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            place.fatal("it exists already, and is never overwritten. Choose another file")
        }
        _ => cannot_create(&error, place),
    })
}

fn create(path: &Path) -> io::Result<()> {
    match create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

/// Creates an empty file that only its owner can read, because a store has personal data.
fn create_new(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?;
    sync_folder(path);
    Ok(())
}

/// Makes the name of a new file survive a loss of power, where the system supports this.
pub(super) fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    // Windows cannot open a folder, and needs no flush.
    if let Ok(folder) = File::open(folder.unwrap_or_else(|| Path::new("."))) {
        let _ = folder.sync_all();
    }
}

/// Recognises an open file by its path.
///
/// SQLite continues to write a file that was deleted or replaced, and the data is lost at the end of the process. Only
/// Unix allows to delete an open file.
#[derive(Debug)]
pub(super) struct OpenFile {
    #[cfg(unix)]
    path: std::path::PathBuf,
    /// The device and the inode.
    #[cfg(unix)]
    id: Option<(u64, u64)>,
}

#[cfg(unix)]
impl OpenFile {
    pub(super) fn new(path: &Path) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let id = Self::id_of(&path);
        Self { path, id }
    }

    /// Fails if the path leads to another file now.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if Self::id_of(&self.path) == self.id {
            Ok(())
        } else {
            Err(Failure::NotAStore(
                "it was moved, deleted or replaced while it was in use. Restore it and start the program again",
            ))
        }
    }

    fn id_of(path: &Path) -> Option<(u64, u64)> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    }
}

#[cfg(not(unix))]
impl OpenFile {
    pub(super) const fn new(_: &Path) -> Self {
        Self {}
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as on Unix")]
    pub(super) const fn check(&self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Returns the version of the schema; 0 for an empty database.
pub(super) fn version(connection: &Connection) -> Result<u32, Failure> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    // Another process may create the tables and set the mark between these reads, in one transaction. The mark is read last, so
    // that its tables are not seen without it.
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application = pragma("application_id")?;
    if application == APPLICATION_ID {
        let version = pragma("user_version")?;
        return u32::try_from(version).map_err(|_| Failure::NotAStore(FOREIGN));
    }
    if application == 0 && tables == 0 {
        Ok(0)
    } else {
        Err(Failure::NotAStore(FOREIGN))
    }
}

/// Switches to a write-ahead log, unless the file has one.
fn enable_wal(connection: &Connection, busy_timeout: Duration) -> Result<(), Failure> {
    let started_at = Instant::now();
    loop {
        // SQLite does not wait for the lock that this needs.
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match mode.map_err(Failure::from) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => {
                return Err(Failure::NotAStore(
                    "its disk does not support a write-ahead log. Choose a file on a local disk",
                ));
            }
            Err(failure) if failure.is_busy() && started_at.elapsed() < busy_timeout => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Applies the missing migrations, in one transaction.
fn migrate(connection: &Connection, migrations: &'static [Migration]) -> Result<Migrated, Failure> {
    let current = version(connection)?;
    if migrations::missing(migrations, current)?.is_empty() {
        let to = current;
        return Ok(Migrated { from: current, to });
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let migrated = migrate_locked(connection, migrations);
    let end = if migrated.is_ok() {
        "COMMIT"
    } else {
        "ROLLBACK"
    };
    let ended = connection.execute_batch(end);
    let migrated = migrated?;
    ended?;
    Ok(migrated)
}

/// Applies the missing migrations. Another process may have applied them before this one got the lock.
fn migrate_locked(
    connection: &Connection,
    migrations: &'static [Migration],
) -> Result<Migrated, Failure> {
    let from = version(connection)?;
    for migration in migrations::missing(migrations, from)? {
        connection.execute_batch(migration.sql)?;
        connection.pragma_update(None, "user_version", migration.version)?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    let to = version(connection)?;
    Ok(Migrated { from, to })
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    const ONE: Migration = Migration {
        version: 1,
        sql: "CREATE TABLE one (x INTEGER); INSERT INTO one VALUES (7);",
    };
    const TWO: Migration = Migration {
        version: 2,
        sql: "ALTER TABLE one ADD COLUMN y INTEGER; UPDATE one SET y = x + 1;",
    };

    fn open_with(path: &Path, migrations: &'static [Migration]) -> Result<Migrated, StoreError> {
        let place = Place::new(path, Duration::from_secs(5));
        open(path, &place, Preparation::CreateOrMigrate, migrations).map(|(_, migrated)| migrated)
    }

    #[test]
    fn a_statement_with_another_limit_is_not_prepared_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("payments.db");
        open_with(&path, &[ONE]).unwrap();
        let reader = open_reader(&path, &Place::new(&path, Duration::ZERO)).unwrap();
        let mut statement = reader.prepare("SELECT x FROM one LIMIT ?1").unwrap();
        for limit in [1, 2, 3] {
            let row: i64 = statement.query_row([limit], |row| row.get(0)).unwrap();
            assert_eq!(row, 7);
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }

    #[test]
    fn an_older_schema_is_migrated_once_by_processes_that_start_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("payments.db");
        let created = open_with(&path, &[ONE]).unwrap();
        assert_eq!((created.from, created.to), (0, 1));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                std::thread::spawn(move || open_with(&path, &[ONE, TWO]).unwrap())
            })
            .collect();
        let migrated = threads.into_iter().map(|thread| thread.join().unwrap());
        let changed = migrated.filter(|migrated| migrated.from < migrated.to);
        assert_eq!(changed.count(), 1);
        let connection = Connection::open(&path).unwrap();
        let row = connection.query_row("SELECT x, y FROM one", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        });
        assert_eq!(row.unwrap(), (7, 8));
    }

    #[test]
    fn a_file_that_another_process_creates_at_once_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("payments.db");
        create(&path).unwrap();
        create(&path).unwrap();
        let missing = folder.path().join("missing").join("payments.db");
        create(&missing).unwrap_err();
    }

    #[test]
    fn a_migration_that_fails_changes_nothing() {
        const BROKEN: Migration = Migration {
            version: 3,
            sql: "CREATE TABLE three (x INTEGER); INSERT INTO missing VALUES (1);",
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("payments.db");
        open_with(&path, &[ONE]).unwrap();
        open_with(&path, &[ONE, TWO, BROKEN]).unwrap_err();
        let connection = Connection::open(&path).unwrap();
        assert_eq!(version(&connection).unwrap(), 1);
        let migrated = open_with(&path, &[ONE, TWO]).unwrap();
        assert_eq!((migrated.from, migrated.to), (1, 2));
    }

    #[test]
    fn an_old_schema_is_not_migrated_by_a_check() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("payments.db");
        open_with(&path, &[ONE]).unwrap();
        let place = Place::new(&path, Duration::ZERO);
        let error = open(&path, &place, Preparation::None, &[ONE, TWO]).unwrap_err();
        assert!(error.to_string().contains("migrate"), "{error}");
        let connection = Connection::open(&path).unwrap();
        assert_eq!(version(&connection).unwrap(), 1);
    }
}
