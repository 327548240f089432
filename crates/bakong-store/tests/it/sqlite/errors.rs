//! What goes wrong with files: a clear error, the right kind, and no harm.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::{Amount, Currency};
use bakong_flow::store::contract::sample::{after, finished, md5, needs_review, opened, paid};
use bakong_flow::store::{
    Acquired, Batch, Committed, Decision, Epoch, LeaderLease, PaymentKey, Resolution, StoreError,
    StoreErrorKind, WorkerId,
};
use bakong_flow::{Change, PaymentStore};
use bakong_store::tables::{Statement, Tables};
use bakong_store::{SqliteDatabase, SqliteOptions, SqliteStore};
use rusqlite::Connection;

use super::{Folder, store};
use crate::first_schema::{FIRST_ROWS, assert_first_rows};

async fn lead(store: &SqliteStore) -> Epoch {
    let worker = WorkerId::new("worker");
    match store.acquire(&worker, Duration::from_secs(60)).await {
        Ok(Acquired::Leader(epoch)) => epoch,
        other => panic!("{other:?}"),
    }
}

/// Opens and settles payment `sequence`.
async fn commit(store: &SqliteStore, epoch: Epoch, sequence: u32) -> Result<Committed, StoreError> {
    let changes = [
        opened(sequence, sequence),
        finished(sequence, sequence, paid(sequence)),
    ];
    let batch = Batch::new(epoch, sequence.into()).with_changes(&changes);
    store.commit(&batch).await
}

async fn has(store: &SqliteStore, number: u32) -> bool {
    let found = store.find(&PaymentKey::Md5(md5(number))).await;
    !found.unwrap().is_empty()
}

/// Asserts the kind, and that the message names the file and what to do.
fn assert_error(error: &StoreError, kind: StoreErrorKind, file: &Path, words: &[&str]) {
    let message = error.to_string();
    assert_eq!(error.kind(), kind, "{message}");
    let words = words.iter().copied();
    for part in words.chain([&*format!("{file:?}")]) {
        assert!(message.contains(part), "{part:?} is missing: {message}");
    }
}

async fn open_error(path: &Path) -> StoreError {
    let mut options = SqliteOptions::default();
    options.busy_timeout = Duration::from_millis(50);
    options
        .open(path)
        .await
        .expect_err("the file cannot be used")
}

const FATAL: StoreErrorKind = StoreErrorKind::Fatal;
const TRANSIENT: StoreErrorKind = StoreErrorKind::Transient;

#[tokio::test]
async fn a_folder_in_place_of_a_file_is_refused() {
    let folder = Folder::new();
    fs::create_dir(folder.file()).unwrap();
    let error = open_error(&folder.file()).await;
    assert_error(
        &error,
        FATAL,
        &folder.file(),
        &["is a folder", "Add the name"],
    );
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let folder = Folder::new();
    for path in ["missing/payments.db", "payments.db/payments.db"] {
        let path = folder.file().with_file_name("x").with_file_name(path);
        let error = open_error(&path).await;
        assert_error(&error, FATAL, &path, &["folder does not exist", "Create"]);
        fs::write(folder.file(), "").unwrap();
    }
}

#[tokio::test]
async fn a_check_names_the_missing_folder() {
    let folder = Folder::new();
    fs::write(folder.file(), "").unwrap();
    let path = folder.file().join("payments.db");
    let error = SqliteOptions::default().check(&path).await.unwrap_err();
    assert_error(&error, FATAL, &path, &["folder does not exist", "Create"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_device_is_refused() {
    let path = Path::new("/dev/null");
    let error = open_error(path).await;
    assert_error(&error, FATAL, path, &["not a regular file", "Choose"]);
}

#[tokio::test]
async fn a_file_that_is_no_database_stays_as_it_is() {
    let folder = Folder::new();
    let text = "order,amount\n".repeat(1_000);
    fs::write(folder.file(), &text).unwrap();
    let error = open_error(&folder.file()).await;
    assert_error(
        &error,
        FATAL,
        &folder.file(),
        &["not an SQLite database", "Choose"],
    );
    assert_eq!(fs::read_to_string(folder.file()).unwrap(), text);
}

#[tokio::test]
async fn a_database_of_another_program_stays_as_it_is() {
    let folder = Folder::new();
    let connection = Connection::open(folder.file()).unwrap();
    connection
        .execute_batch("CREATE TABLE songs (title TEXT)")
        .unwrap();
    drop(connection);
    let before = fs::read(folder.file()).unwrap();
    let error = open_error(&folder.file()).await;
    assert_error(
        &error,
        FATAL,
        &folder.file(),
        &["another program", "Choose"],
    );
    assert_eq!(fs::read(folder.file()).unwrap(), before);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_stays_as_it_is() {
    let folder = Folder::new();
    let store = folder.open(&SqliteOptions::default()).await;
    store.database().close().await;
    drop(store);
    let connection = Connection::open(folder.file()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = fs::read(folder.file()).unwrap();
    let error = open_error(&folder.file()).await;
    let words = ["version 99", "up to 2", "Install a newer version"];
    assert_error(&error, FATAL, &folder.file(), &words);
    let options = SqliteOptions::default();
    for error in [
        options.migrate(folder.file()).await.unwrap_err(),
        options.check(folder.file()).await.unwrap_err(),
    ] {
        assert_error(&error, FATAL, &folder.file(), &words);
    }
    assert_eq!(fs::read(folder.file()).unwrap(), before);
}

#[tokio::test]
async fn the_first_schema_is_migrated_with_its_payments() {
    let folder = Folder::new();
    let connection = Connection::open(folder.file()).unwrap();
    let schema = include_str!("../../../src/schema/sqlite/0001_payments.sql");
    connection.execute_batch(schema).unwrap();
    for row in FIRST_ROWS {
        let row = row.replace("{md5}", "x'000102030405060708090a0b0c0d0e0f'");
        connection.execute_batch(&row).unwrap();
    }
    // "bkst" in ASCII.
    let mark = 0x626b_7374;
    connection
        .pragma_update(None, "application_id", mark)
        .unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    let options = SqliteOptions::default();
    let migrated = options.migrate(folder.file()).await.unwrap();
    assert_eq!((migrated.from, migrated.to), (1, 2));
    assert_first_rows(&folder.open(&options).await).await;
    let report = options.check(folder.file()).await.unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
}

#[tokio::test]
async fn a_lock_of_another_process_is_waited_for_and_then_reported() {
    let folder = Folder::new();
    let mut options = SqliteOptions::default();
    options.busy_timeout = Duration::from_millis(50);
    let store = folder.open(&options).await;
    let epoch = lead(&store).await;
    let other = Connection::open(folder.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = commit(&store, epoch, 1).await.unwrap_err();
    let words = [
        "locked the file for longer than 50 ms",
        "End the other process",
    ];
    assert_error(&error, TRANSIENT, &folder.file(), &words);
    // Readers need no lock.
    assert!(!has(&store, 1).await);
    other.execute_batch("ROLLBACK").unwrap();
    commit(&store, epoch, 1).await.unwrap();
    assert!(has(&store, 1).await);
}

/// SQLite does not wait for the lock that a change of the journal mode needs.
#[tokio::test]
async fn a_locked_file_without_a_log_is_waited_for_and_then_reported() {
    let folder = Folder::new();
    let store = folder.open(&SqliteOptions::default()).await;
    store.database().close().await;
    drop(store);
    let other = Connection::open(folder.file()).unwrap();
    other.busy_timeout(Duration::from_secs(60)).unwrap();
    let mode: String = other
        .pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "delete");
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = open_error(&folder.file()).await;
    let words = ["locked the file for longer than 50 ms"];
    assert_error(&error, TRANSIENT, &folder.file(), &words);
    // The lock ends long before the limit.
    let mut options = SqliteOptions::default();
    options.busy_timeout = Duration::from_secs(60);
    let ended = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        other.execute_batch("ROLLBACK").unwrap();
    };
    let (opened, ()) = tokio::join!(options.open(folder.file()), ended);
    opened.unwrap();
}

/// Another program's trigger makes a statement fail.
#[tokio::test]
async fn a_failed_statement_is_an_error_and_no_conflict() {
    let folder = Folder::new();
    let store = folder.open(&SqliteOptions::default()).await;
    let epoch = lead(&store).await;
    let batch = |sequence, changes| Batch::new(epoch, sequence).with_changes(changes);
    let review = finished(2, 2, needs_review(2));
    let changes = [opened(1, 1), opened(2, 2), review];
    store.commit(&batch(1, &changes)).await.unwrap();
    store
        .database()
        .prepare(const { &["CREATE TABLE server_notes (id INTEGER)"] })
        .await
        .unwrap();
    let other = Connection::open(folder.file()).unwrap();
    let fail = "BEGIN SELECT RAISE(ABORT, 'the trigger failed'); END";
    other
        .execute_batch(&format!(
            "CREATE TRIGGER one BEFORE UPDATE ON payments {fail};
             CREATE TRIGGER two BEFORE INSERT ON server_notes {fail};"
        ))
        .unwrap();
    let words = ["the trigger failed", "Report this error"];
    let settle = [finished(1, 1, paid(1))];
    let error = store.commit(&batch(2, &settle)).await.unwrap_err();
    assert_error(&error, FATAL, &folder.file(), &words);
    let resolution = Resolution::new(Decision::Accept, "", "", after(1));
    let error = store.resolve(&md5(2), &resolution).await.unwrap_err();
    assert_error(&error, FATAL, &folder.file(), &words);
    let insert = Statement::new("INSERT INTO server_notes (id) VALUES ($1)").integer(1);
    let error = store.database().write(vec![insert]).await.unwrap_err();
    assert_error(&error, FATAL, &folder.file(), &words);
    other
        .execute_batch("DROP TRIGGER one; DROP TRIGGER two;")
        .unwrap();
    let committed = store.commit(&batch(2, &settle)).await.unwrap();
    assert_eq!(committed.rejected, []);
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_can_be_repaired() {
    let folder = Folder::new();
    let mut options = SqliteOptions::default();
    options.max_pages = Some(60);
    let store = folder.open(&options).await;
    let epoch = lead(&store).await;
    let mut stored = 0;
    let error = loop {
        match commit(&store, epoch, stored + 1).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 1_000, "the file may not grow this far");
    };
    let words = ["the disk is full", "Free some space"];
    assert_error(&error, TRANSIENT, &folder.file(), &words);
    for number in 1..=stored {
        assert!(has(&store, number).await, "{number}");
    }
    assert!(!has(&store, stored + 1).await);
    let error = commit(&store, epoch, stored + 1).await.unwrap_err();
    assert_eq!(error.kind(), TRANSIENT);
    // After the repair, the worker commits the same batch again.
    let store = folder.open(&SqliteOptions::default()).await;
    commit(&store, epoch, stored + 1).await.unwrap();
    assert!(has(&store, stored + 1).await);
    let report = SqliteOptions::default().check(folder.file()).await;
    assert_eq!(report.unwrap().problems, [""; 0]);
}

#[tokio::test]
async fn one_caller_of_a_group_fails_alone() {
    let folder = Folder::new();
    let options = SqliteOptions::default();
    let first = folder.open(&options).await;
    let epoch = lead(&first).await;
    // The lock makes the callers wait, so that they share a transaction.
    let other = Connection::open(folder.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let stale = Epoch::new(epoch.get() + 7);
    // Fails after the statements of its first change.
    let Change::Opened {
        mut payment,
        policy,
        at,
    } = opened(9, 9)
    else {
        panic!("a payment");
    };
    payment.expected.as_mut().unwrap().amount = Amount::from_minor_units(u64::MAX, Currency::Khr);
    let changes = [
        opened(8, 8),
        Change::Opened {
            payment,
            policy,
            at,
        },
    ];
    let batch = Batch::new(epoch, 2).with_changes(&changes);
    // The last future: all callers have handed over their work when it runs.
    let ended = async { other.execute_batch("ROLLBACK").unwrap() };
    let (one, fenced, failed, two, ()) = tokio::join!(
        commit(&first, epoch, 1),
        commit(&first, stale, 2),
        first.commit(&batch),
        commit(&first, epoch, 2),
        ended
    );
    one.unwrap();
    assert_eq!(fenced.unwrap_err().kind(), StoreErrorKind::Fenced);
    let words = ["payments.amount", "63 bits", "Correct the value"];
    assert_error(&failed.unwrap_err(), FATAL, &folder.file(), &words);
    two.unwrap();
    assert!(has(&first, 1).await && has(&first, 2).await);
    assert!(!has(&first, 8).await, "the failed batch is stored in part");
}

#[tokio::test]
async fn a_corrupt_file_is_reported_as_corrupt() {
    let folder = Folder::new();
    let store = folder.open(&SqliteOptions::default()).await;
    let epoch = lead(&store).await;
    for number in 1..=200 {
        commit(&store, epoch, number).await.unwrap();
    }
    store.database().close().await;
    drop(store);
    // Moves the log into the file.
    let connection = Connection::open(folder.file()).unwrap();
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    drop(connection);
    let mut content = fs::read(folder.file()).unwrap();
    // The first pages have the schema and the roots of the tables.
    for byte in content.iter_mut().skip(40 * 4096).step_by(7) {
        *byte = byte.wrapping_add(0x5b);
    }
    fs::write(folder.file(), &content).unwrap();
    let report = SqliteOptions::default().check(folder.file()).await.unwrap();
    assert!(!report.problems.is_empty());
    assert!(report.problems[0].contains("corrupt"), "{report:?}");
    let error = match SqliteDatabase::open(folder.file()).await {
        Ok(database) => {
            let name = super::registration();
            let found = match database.store(&name).await {
                Ok(store) => store.find(&PaymentKey::Md5(md5(100))).await.map(drop),
                Err(error) => Err(error),
            };
            found.expect_err("the pages are corrupt")
        }
        Err(error) => error,
    };
    assert_error(&error, FATAL, &folder.file(), &["corrupt", "backup"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_deleted_or_replaced_while_open_is_not_written() {
    let folder = Folder::new();
    let store = folder.open(&SqliteOptions::default()).await;
    let epoch = lead(&store).await;
    commit(&store, epoch, 1).await.unwrap();
    let moved = folder.file().with_extension("moved");
    fs::rename(folder.file(), &moved).unwrap();
    for _ in 0..2 {
        let error = commit(&store, epoch, 2).await.unwrap_err();
        let words = ["moved, deleted or replaced", "Restore it"];
        assert_error(&error, FATAL, &folder.file(), &words);
        fs::write(folder.file(), "another file").unwrap();
    }
    fs::rename(&moved, folder.file()).unwrap();
    commit(&store, epoch, 2).await.unwrap();
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let folder = Folder::new();
    let store = folder.open(&SqliteOptions::default()).await;
    let epoch = lead(&store).await;
    store.database().close().await;
    let error = commit(&store, epoch, 1).await.unwrap_err();
    assert_error(
        &error,
        FATAL,
        &folder.file(),
        &["was closed", "Open it again"],
    );
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_a_new_store() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let store = folder.open(&SqliteOptions::default()).await;
    let copy = folder.file().with_extension("copy");
    let options = SqliteOptions::default();
    options.backup(folder.file(), &copy).await.unwrap();
    for file in [folder.file(), folder.file().with_extension("db-wal"), copy] {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file:?}");
    }
    drop(store);
}

/// Starts this test program for one test, as a user without special rights: root may write everything.
#[cfg(unix)]
fn run_as_user(test: &str, file: &Path) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    let folder = file.parent().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    if fs::metadata(folder).unwrap().uid() == 0 {
        // The program itself may be in a folder that only root can read.
        let program = folder.join("program");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
        command = Command::new(&program);
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
        for path in [folder, file] {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let output = command
        .args(["--exact", test, "--nocapture"])
        .env(USER_FILE, file)
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Names the file for a test that runs as another user.
#[cfg(unix)]
const USER_FILE: &str = "BAKONG_STORE_USER_FILE";

#[cfg(unix)]
#[tokio::test]
async fn a_read_only_file_is_reported_as_read_only() {
    use std::os::unix::fs::PermissionsExt;
    if let Some(file) = std::env::var_os(USER_FILE) {
        let file = Path::new(&file);
        let folder = file.parent().unwrap();
        let words = ["the file is read-only", "Allow this user to write"];
        fs::set_permissions(file, PermissionsExt::from_mode(0o444)).unwrap();
        let error = open_error(file).await;
        assert_error(&error, FATAL, file, &words);
        // A folder without the right to create files.
        fs::set_permissions(file, PermissionsExt::from_mode(0o644)).unwrap();
        fs::set_permissions(folder, PermissionsExt::from_mode(0o555)).unwrap();
        let error = open_error(file).await;
        assert_eq!(error.kind(), FATAL, "{error}");
        assert!(error.to_string().contains("folder"), "{error}");
        let new = folder.join("new.db");
        let error = open_error(&new).await;
        assert_error(&error, FATAL, &new, &["may not create files"]);
        // A file without any rights.
        fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
        fs::set_permissions(file, PermissionsExt::from_mode(0o000)).unwrap();
        let error = open_error(file).await;
        assert_eq!(error.kind(), FATAL, "{error}");
        fs::set_permissions(file, PermissionsExt::from_mode(0o644)).unwrap();
        let database = SqliteDatabase::open(file).await.unwrap();
        assert!(has(&store(&database).await, 1).await, "nothing was lost");
        return;
    }
    let folder = Folder::new();
    let store = folder.open(&SqliteOptions::default()).await;
    let epoch = lead(&store).await;
    commit(&store, epoch, 1).await.unwrap();
    store.database().close().await;
    drop(store);
    // Waits until the readers have closed the file, and the log is gone.
    let connection = Connection::open(folder.file()).unwrap();
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    drop(connection);
    for suffix in ["db-wal", "db-shm"] {
        let _ = fs::remove_file(folder.file().with_extension(suffix));
    }
    let name = "sqlite::errors::a_read_only_file_is_reported_as_read_only";
    run_as_user(name, &folder.file());
}

/// A limit of the system on the size of files has the same effect as a disk that fails.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_write_that_fails_loses_nothing() {
    if let Some(file) = std::env::var_os(USER_FILE) {
        let database = SqliteDatabase::open(&file).await.unwrap();
        let store = store(&database).await;
        let epoch = lead(&store).await;
        let mut sequence = 0;
        let error = loop {
            match commit(&store, epoch, sequence + 1).await {
                Ok(_) => sequence += 1,
                Err(error) => break error,
            }
            assert!(sequence < 10_000, "the file may not grow this far");
        };
        let words = ["the disk", "tries again"];
        assert_error(&error, TRANSIENT, Path::new(&file), &words);
        println!("stored {sequence}.");
        return;
    }
    let folder = Folder::new();
    let output = Command::new("sh")
        .args(["-c", "ulimit -f 4000; trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "sqlite::errors::a_write_that_fails_loses_nothing",
            "--nocapture",
        ])
        .env(USER_FILE, folder.file())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}");
    let (_, stored) = stdout.split_once("stored ").unwrap();
    let stored: u32 = stored.split_once('.').unwrap().0.parse().unwrap();
    assert!(stored > 10);
    let store = folder.open(&SqliteOptions::default()).await;
    for number in 1..=stored {
        assert!(has(&store, number).await, "{number}");
    }
    let report = SqliteOptions::default().check(folder.file()).await;
    assert_eq!(report.unwrap().problems, [""; 0]);
}
