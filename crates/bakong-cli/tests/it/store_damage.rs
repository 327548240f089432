//! Files that cannot be used: the command names the file, the reason and what to do, shows no code, and does no harm.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::{Output, Stdio};
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::stored_shop::StoredShop;
use crate::support::{Finished, dara, isolate, user_folders};

/// Longer than any command may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// Runs one of the commands. None may hang.
async fn run(shop: &StoredShop, line: &str, sends: bool) -> Finished {
    let mut command = if sends {
        shop.command(line)
    } else {
        shop.local_command(line)
    };
    end(command.output(), line).await
}

/// Waits for the end of a command, but not for ever.
async fn end(output: impl Future<Output = io::Result<Output>>, what: &str) -> Finished {
    let output = timeout(PATIENCE, output).await;
    Finished::of(output.unwrap_or_else(|_| panic!("{what} hangs")).unwrap())
}

/// Moves everything from the write-ahead log to the file. SQLite reads a page from the log if the log has it, so damage to the
/// file itself would not be seen.
fn checkpoint(shop: &StoredShop) {
    let connection = Connection::open(&shop.store).unwrap();
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let busy: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(busy, 0);
    connection.close().unwrap();
}

/// Runs all commands. Each fails with these words, the name of the file and no code, and leaves the file as it is.
async fn refused(shop: &StoredShop, words: &[&str]) {
    let before = fs::read(&shop.store).unwrap();
    let requests = shop.sandbox.requests().len();
    for (line, sends) in COMMANDS {
        let finished = run(shop, line, sends).await.exits(1);
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
        let finished = run(&shop, line, sends).await;
        if line == "store migrate" {
            // Nothing has to be migrated.
            continue;
        }
        let finished = finished.exits(1);
        assert_eq!(finished.out, "");
        finished.shows("another process has locked the file");
        finished.shows("End the other process");
    }
    drop(connection);
    unharmed(&shop).await;
}

#[tokio::test]
async fn a_corrupt_file_is_reported() {
    let shop = shop().await;
    checkpoint(&shop);
    let sound = fs::read(&shop.store).unwrap();
    // A header that SQLite cannot read.
    let mut corrupt = sound.clone();
    corrupt[..16].fill(b'x');
    fs::write(&shop.store, &corrupt).unwrap();
    refused(&shop, &["not an SQLite database"]).await;
    // Pages with other contents.
    let mut corrupt = sound.clone();
    corrupt[4_096..].fill(0xa5);
    fs::write(&shop.store, &corrupt).unwrap();
    for (line, sends) in COMMANDS {
        let finished = run(&shop, line, sends).await;
        if line == "store migrate" {
            // The version is in the first page.
            continue;
        }
        let finished = finished.exits(1);
        assert!(!finished.out.contains("00020101"), "no code is shown");
        finished.shows("corrupt");
        finished.shows("restore a backup");
    }
    let check = shop.run("store check").await;
    assert_ne!(check.exit, 0, "{check:?}");
    fs::write(&shop.store, &sound).unwrap();
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
            .envs(user_folders())
            .env("BAKONG_TOKEN", &shop.token)
            .current_dir("/");
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let finished = end(command.output(), line).await.exits(1);
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

/// A limit on the size of files has the same effect as a disk that takes no more data.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_takes_no_more_data_loses_no_code_that_was_shown() {
    let shop = shop().await;
    let limited = |line: &str, kibibytes: u64| {
        let command = shop.command(line);
        let arguments = command.as_std().get_args().map(|it| it.to_str().unwrap());
        let line: Vec<_> = arguments.collect();
        let mut limited = Command::new("/bin/bash");
        limited
            .args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\""])
            .arg(kibibytes.to_string())
            .arg(env!("CARGO_BIN_EXE_bakong"))
            .args(&line)
            .envs(
                command
                    .as_std()
                    .get_envs()
                    .filter_map(|(key, value)| Some((key, value?))),
            )
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        limited
    };
    // No space at all.
    let finished = end(limited("checkout", 40).output(), "checkout")
        .await
        .exits(1);
    assert!(!finished.out.contains("00020101"), "no code is shown");
    finished.shows("cannot use the file");
    finished.shows("the disk");
    // Space for a part of the payments. The write-ahead log, which grows first, is empty now.
    checkpoint(&shop);
    let size = fs::metadata(&shop.store).unwrap().len() / 1_024;
    let codes: Vec<_> = (0..60)
        .map(|number| shop.code(&format!("B-{number}")))
        .collect();
    let watch = limited("watch --json --no-lists --quota 1000", size + 150);
    let (watched, refused) = watch_until_refused(watch, &codes).await;
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(
        message.contains(&shop.store) && message.contains("the disk"),
        "{message}"
    );
    for order in watched {
        shop.run(&format!("payments show {order}")).await.exits(0);
    }
    unharmed(&shop).await;
}

/// Passes codes to `bakong watch` until it refuses one, and then kills it. Returns the orders that it watched and the event of
/// the refusal.
async fn watch_until_refused(mut command: Command, codes: &[String]) -> (Vec<String>, Value) {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut watched = Vec::new();
    for code in codes {
        stdin
            .write_all(format!("{code}\n").as_bytes())
            .await
            .unwrap();
        loop {
            let line = timeout(PATIENCE, lines.next_line())
                .await
                .expect("an event")
                .unwrap();
            let Some(line) = line else {
                panic!("{:?}", end(child.wait_with_output(), "watch").await);
            };
            let event: Value = serde_json::from_str(&line).unwrap();
            assert!(event["event"].is_string(), "{event}");
            match event["event"].as_str() {
                Some("watching") => {
                    watched.push(event["order"].as_str().unwrap().to_owned());
                    break;
                }
                Some("refused") => {
                    assert!(!watched.is_empty(), "{event}");
                    child.kill().await.unwrap();
                    return (watched, event);
                }
                _ => {}
            }
        }
    }
    panic!("all payments were stored");
}

/// Copies the store `$1` to a small file system of its own, fills it, and runs checkouts. Then frees the space, shows order
/// A-1 and checks the store.
#[cfg(target_os = "linux")]
const FULL: &str = r#"
mount -t tmpfs -o size=1M tmpfs "$2" || exit 77
cp "$1" "$2/payments.db"
export BAKONG_STORE="$2/payments.db"
for left in 0 16 32 36; do
    available=$(df --output=avail -k "$2" | tail -1)
    head -c "$(( (available - left) * 1024 ))" /dev/zero > "$2/rest"
    timeout 60 "$3" checkout --base-url "$4"
    echo "exit $?"
    rm "$2/rest"
done
"$3" payments show A-1
"$3" store check
"#;

/// The file system is a real one, in a mount namespace of the test. Where that is not allowed, the test reports that it did
/// not run.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_file_system_is_reported_and_loses_nothing() {
    let shop = shop().await;
    checkpoint(&shop);
    let mount = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    isolate(command.as_std_mut());
    command
        .args(["-Urm", "bash", "-c", FULL, "bash", &shop.store])
        .arg(mount.path())
        .args([env!("CARGO_BIN_EXE_bakong"), &shop.sandbox.base_url()])
        .env("BAKONG_TOKEN", &shop.token);
    let output = timeout(PATIENCE * 5, command.output()).await;
    let output = output.expect("a command hangs").unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    if error.contains("unshare failed") || error.contains("Operation not permitted") {
        eprintln!("NO MOUNT NAMESPACE: the test of a full file system did not run: {error}");
        return;
    }
    // The code of order A-1, and no other.
    assert_eq!(printed.matches("00020101").count(), 1, "{printed}");
    assert_eq!(printed.matches("exit 1\n").count(), 4, "{printed}{error}");
    assert_eq!(error.matches("the disk is full").count(), 4, "{error}");
    assert!(printed.contains("PAID"), "{printed}{error}");
    assert!(
        printed.contains("No problem was found."),
        "{printed}{error}"
    );
}
