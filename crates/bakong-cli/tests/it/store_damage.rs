//! Files that cannot be used: the command names the file, the reason and what to do, shows no code, and does no harm.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use rusqlite::Connection;
use serde_json::json;
use tokio::process::Command;

use crate::stored_shop::StoredShop;
use crate::support::{Finished, dara};

/// The commands, and whether each of them sends requests.
const COMMANDS: [(&str, bool); 4] = [
    ("checkout", true),
    ("watch --resume", true),
    ("payments list", false),
    ("store migrate", false),
];

/// A shop with a settled payment.
async fn shop() -> StoredShop {
    let shop = StoredShop::open().await;
    let code = shop.code("A-1");
    let _ = dara(&shop.sandbox).pay(&code).unwrap();
    shop.watch(&[&code]).await.exits(0);
    shop
}

/// Runs all commands. Each fails with these words, the name of the file and no code, and leaves the file as it is.
async fn refused(shop: &StoredShop, words: &[&str]) {
    let before = fs::read(&shop.store).unwrap();
    let requests = shop.sandbox.requests().len();
    for (line, sends) in COMMANDS {
        let finished = if sends {
            Finished::of(shop.command(line).output().await.unwrap())
        } else {
            shop.run(line).await
        };
        let finished = finished.exits(1);
        assert_eq!(finished.out, "", "{line}");
        assert_eq!(finished.err.lines().count(), 1, "{line}: {finished:?}");
        for word in words.iter().copied().chain([shop.store.as_str()]) {
            assert!(finished.err.contains(word), "{line}: {word}: {finished:?}");
        }
    }
    assert_eq!(shop.sandbox.requests().len(), requests);
    assert!(
        before == fs::read(&shop.store).unwrap(),
        "the file was changed"
    );
}

/// The payment is still in the store, and the store is sound.
async fn unharmed(shop: &StoredShop) {
    shop.run("payments show A-1").await.exits(0).shows("PAID");
    let report = shop.run("store check --json").await.exits(0).json();
    assert_eq!(report["problems"], json!([]));
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let shop = shop().await;
    let set = |version: u32| {
        let connection = Connection::open(&shop.store).unwrap();
        connection
            .pragma_update(None, "user_version", version)
            .unwrap();
        connection.close().unwrap();
    };
    let connection = Connection::open(&shop.store).unwrap();
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0));
    let version: u32 = version.unwrap();
    drop(connection);
    set(999);
    refused(&shop, &["version 999", "Install a newer version"]).await;
    set(version);
    unharmed(&shop).await;
}

#[tokio::test]
async fn a_locked_file_is_reported() {
    let shop = shop().await;
    // Another process that hangs in a transaction.
    let connection = Connection::open(&shop.store).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    for (line, sends) in COMMANDS {
        let mut command = if sends {
            shop.command(line)
        } else {
            shop.local_command(line)
        };
        let finished = Finished::of(command.output().await.unwrap());
        if line == "store migrate" {
            // Nothing has to be migrated.
            continue;
        }
        let finished = finished.exits(1);
        assert_eq!(finished.out, "");
        assert!(
            finished.err.contains("another process has locked the file"),
            "{finished:?}"
        );
        assert!(
            finished.err.contains("End the other process"),
            "{finished:?}"
        );
    }
    drop(connection);
    unharmed(&shop).await;
}

#[tokio::test]
async fn a_read_only_file_is_refused() {
    const NOBODY: u32 = 65_534;
    let shop = shop().await;
    // Root may write everything, so the command runs as another user. The folders above may be closed to that user.
    let folder = tempfile::tempdir().unwrap();
    let is_root = fs::metadata(folder.path()).unwrap().uid() == 0;
    let (program, file) = (
        folder.path().join("bakong"),
        folder.path().join("payments.db"),
    );
    fs::copy(env!("CARGO_BIN_EXE_bakong"), &program).unwrap();
    fs::copy(&shop.store, &file).unwrap();
    for (path, mode) in [(folder.path(), 0o755), (&program, 0o755), (&file, 0o444)] {
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        if is_root && path != program {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    for (line, _) in COMMANDS {
        let mut command = Command::new(&program);
        command.args(line.split(' ')).arg("--store").arg(&file);
        if line.starts_with(['c', 'w']) {
            command.args(["--base-url", &shop.sandbox.base_url()]);
        }
        command
            .env_clear()
            .env("BAKONG_TOKEN", &shop.token)
            .current_dir("/");
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let finished = Finished::of(command.output().await.unwrap()).exits(1);
        assert_eq!(finished.out, "", "{line}");
        finished.shows("the file is read-only");
        finished.shows("Allow this user to write");
    }
    let copied = fs::read(&file).unwrap();
    assert!(
        copied == fs::read(&shop.store).unwrap(),
        "the file was changed"
    );
}
