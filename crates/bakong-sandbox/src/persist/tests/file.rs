//! The file itself: its lock, snapshots, and failures.

use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::persist::Shared;
use crate::persist::{PersistTask, StateFile, load};

fn start(folder: &Folder) -> Arc<PersistTask> {
    let file = StateFile::lock(&folder.file()).unwrap();
    let shared = Arc::new(Shared::new(Backend::new(new_state())));
    PersistTask::start(file, shared, None).unwrap()
}

fn open_account(task: &PersistTask, name: &str) {
    let account = format!("{name}@devb").parse().unwrap();
    task.shared.with(|backend| backend.open_account(account));
}

fn snapshot(task: &PersistTask) {
    task.shared.with_journal(|backend, journal| {
        let journal = journal.as_mut().unwrap();
        journal.snapshot(backend.state(), Instant::now());
    });
}

fn has_account(folder: &Folder, name: &str) -> bool {
    let state = read(&fs::read(folder.file()).unwrap());
    state
        .ledger
        .has_account(AccountId::new(&format!("{name}@devb")).unwrap())
}

/// Puts a folder in the place of the file, so that no snapshot can replace it.
fn obstruct(folder: &Folder) {
    fs::remove_file(folder.file()).unwrap();
    fs::create_dir(folder.file()).unwrap();
}

#[test]
fn changes_are_appended() {
    let folder = Folder::new("appending");
    let task = start(&folder);
    let first = fs::read(folder.file()).unwrap();
    #[cfg(unix)]
    for name in folder.names() {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder.0.join(&name)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
    }
    // Without a change nothing is written.
    task.shared.with(|_| ());
    task.tick(Instant::now());
    assert_eq!(fs::read(folder.file()).unwrap(), first);
    open_account(&task, "new");
    let second = fs::read(folder.file()).unwrap();
    assert!(second.starts_with(&first));
    assert_eq!(&second[first.len()..], b"[{\"account\":\"new@devb\"}]\n");
    // Stopping writes a snapshot and leaves the lock file.
    task.stop().unwrap();
    assert!(
        fs::read(folder.file())
            .unwrap()
            .ends_with(b"[\"complete\"]\n")
    );
    assert!(has_account(&folder, "new"));
    assert_eq!(folder.names(), ["state.json", "state.json.lock"]);
    // Later changes are not written.
    open_account(&task, "late");
    assert!(!has_account(&folder, "late"));
}

#[test]
fn a_file_is_locked_for_one_sandbox() {
    let folder = Folder::new("lock");
    let first = start(&folder);
    let same = folder.0.join("..").join(folder.0.file_name().unwrap());
    for path in [folder.file(), same.join("state.json")] {
        let error = StateFile::lock(&path).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        let error = error.to_string();
        for part in [
            "state.json",
            "in use by another sandbox",
            "choose another file",
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
    // A snapshot does not release the lock.
    open_account(&first, "new");
    snapshot(&first);
    assert!(StateFile::lock(&folder.file()).is_err());
    first.stop().unwrap();
    assert!(StateFile::lock(&folder.file()).is_ok());
}

#[test]
#[cfg(unix)]
fn a_link_is_followed() {
    let folder = Folder::new("link");
    let link = folder.0.join("link.json");
    std::os::unix::fs::symlink("state.json", &link).unwrap();
    fs::write(folder.file(), "").unwrap();
    let place = StateFile::lock(&link).unwrap();
    assert!(StateFile::lock(&folder.file()).is_err());
    let shared = Arc::new(Shared::new(Backend::new(new_state())));
    PersistTask::start(place, shared, None).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::metadata(folder.file()).unwrap().len() > 0);
}

/// A link can exist before its target, such as a link into a folder that is mounted later.
#[test]
#[cfg(unix)]
fn a_link_to_a_missing_file_is_followed() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new("dangling");
    let other_folder = folder.0.join("other");
    fs::create_dir(&other_folder).unwrap();
    symlink("other/between.json", folder.file()).unwrap();
    symlink("real.json", other_folder.join("between.json")).unwrap();
    let task = start(&folder);
    assert!(StateFile::lock(&other_folder.join("real.json")).is_err());
    task.stop().unwrap();
    assert!(fs::symlink_metadata(folder.file()).unwrap().is_symlink());
    let real = fs::symlink_metadata(other_folder.join("real.json")).unwrap();
    assert!(real.is_file());

    let circle = folder.0.join("circle.json");
    symlink("circle.json", &circle).unwrap();
    let error = StateFile::lock(&circle).err().unwrap().to_string();
    for part in ["circle.json", "link to itself", "choose another file"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(fs::symlink_metadata(&circle).unwrap().is_symlink());
}

#[test]
#[cfg(unix)]
fn a_device_is_not_replaced() {
    let error = StateFile::lock(std::path::Path::new("/dev/null"))
        .err()
        .unwrap();
    assert!(error.to_string().contains("not a regular file"), "{error}");
}

#[test]
fn a_grown_file_is_replaced_by_a_snapshot() {
    let folder = Folder::new("grown");
    let task = start(&folder);
    let small = fs::metadata(folder.file()).unwrap().len();
    // Each step makes 1,000 requests, all counted for one registration ID.
    let mut is_smaller = false;
    for _ in 0..1_000 {
        for _ in 0..1_000 {
            task.shared.with(|backend| backend.count_request("0", NOW));
        }
        let before = fs::metadata(folder.file()).unwrap().len();
        task.tick(Instant::now());
        is_smaller = fs::metadata(folder.file()).unwrap().len() < before;
        if is_smaller {
            break;
        }
    }
    assert!(is_smaller);
    assert!(fs::metadata(folder.file()).unwrap().len() < small + 100);
}

#[test]
fn a_failed_write_is_reported_and_retried() {
    let folder = Folder::new("write_errors");
    let task = start(&folder);
    let now = Instant::now();
    // The file is removed.
    fs::remove_file(folder.file()).unwrap();
    task.tick(now);
    assert!(folder.file().exists());

    // The disk is full.
    let full = io::Error::new(io::ErrorKind::StorageFull, "no space");
    task.with(|journal| journal.fail(&full));
    let expected = "state.json cannot be written: no space";
    assert!(task.error().is_some_and(|it| it.contains(expected)));
    open_account(&task, "lost");
    assert!(
        !has_account(&folder, "lost"),
        "nothing is appended to a partial line"
    );
    task.tick(now);
    assert_eq!(task.error(), None);
    assert!(has_account(&folder, "lost"));

    // A folder blocks the file.
    obstruct(&folder);
    task.with(|journal| journal.fail(&full));
    task.tick(now);
    assert!(task.error().is_some());
    assert_eq!(folder.names(), ["state.json", "state.json.lock"]);
    fs::remove_dir(folder.file()).unwrap();
    task.tick(now + Duration::from_secs(1));
    assert_eq!(task.error(), None);
    task.with(|journal| journal.fail(&full));
    obstruct(&folder);
    let error = task.stop().unwrap_err();
    assert!(error.to_string().contains("cannot be written"), "{error}");
}

/// A partial file could fill the disk.
#[test]
fn a_temporary_file_is_renamed_or_removed() {
    let folder = Folder::new("partial");
    let file = StateFile::lock(&folder.file()).unwrap();
    fs::write(folder.0.join(".state.json.new"), b"of a killed process").unwrap();
    file.replace(b"all of it").unwrap();
    assert_eq!(fs::read(folder.file()).unwrap(), b"all of it");
    assert_eq!(folder.names(), ["state.json", "state.json.lock"]);
    obstruct(&folder);
    file.replace(b"all of it").unwrap_err();
    assert_eq!(folder.names(), ["state.json", "state.json.lock"]);
}

#[test]
fn a_failed_snapshot_is_retried_with_backoff() {
    let folder = Folder::new("pauses");
    let task = start(&folder);
    let start = Instant::now();
    obstruct(&folder);
    let tried: Vec<u64> = (0..300)
        .filter(|second| {
            let now = start + Duration::from_secs(*second);
            task.with(|journal| journal.needs_snapshot(now)) == Some(true) && {
                task.tick(now);
                true
            }
        })
        .collect();
    assert_eq!(tried, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    // After a success the backoff starts over.
    fs::remove_dir(folder.file()).unwrap();
    task.tick(start + Duration::from_secs(303));
    assert_eq!(task.error(), None);
    obstruct(&folder);
    task.tick(start + Duration::from_secs(304));
    assert!(task.error().is_some());
    fs::remove_dir(folder.file()).unwrap();
    task.tick(start + Duration::from_secs(305));
    assert_eq!(task.error(), None);
}

#[test]
fn a_missing_file_is_created_when_the_sandbox_stops() {
    let folder = Folder::new("gone");
    let first = start(&folder);
    fs::remove_file(folder.file()).unwrap();
    first.stop().unwrap();
    assert!(folder.file().exists());

    for happens in [false, true] {
        let task = start(&folder);
        fs::remove_dir_all(&folder.0).unwrap();
        if happens {
            open_account(&task, "lost");
        }
        let error = task.stop().unwrap_err();
        assert!(error.to_string().contains("cannot be written"), "{error}");
        fs::create_dir(&folder.0).unwrap();
    }

    // A folder takes the place of the file.
    let second = start(&folder);
    obstruct(&folder);
    second.stop().unwrap_err();
}

/// After a kill, the reader of the file learns that a line is missing, whether it was partly written or not.
#[test]
#[cfg(unix)]
fn a_failed_write_leaves_a_trace() {
    for part in ["", "[", "[{\"account\":\"lost@devb\"}"] {
        let folder = Folder::new("trace");
        let task = start(&folder);
        open_account(&task, "new");
        let good = fs::read(folder.file()).unwrap();
        let mut text = good.clone();
        text.extend_from_slice(part.as_bytes());
        fs::write(folder.file(), text).unwrap();
        let full = io::Error::new(io::ErrorKind::StorageFull, "no space");
        task.with(|journal| journal.fail(&full));
        let text = fs::read(folder.file()).unwrap();
        assert!(text.starts_with(&good) && text.len() == good.len() + 1);
        drop(task);
        let loaded = load(&StateFile::lock(&folder.file()).unwrap()).unwrap();
        let warning = loaded.and_then(|loaded| loaded.warning).unwrap();
        assert!(warning.contains("may be missing"), "{warning}");
        assert!(has_account(&folder, "new"));
    }
}

#[test]
fn a_fault_with_bytes_that_are_not_utf8_is_not_persisted() {
    let folder = Folder::new("no-rule");
    let task = start(&folder);
    let odd = Fault::html(http::StatusCode::OK, &b"\xff"[..]).times(2);
    task.shared.with(|backend| backend.add_fault(odd));
    task.shared.with(|backend| backend.match_fault(None));
    task.shared.with(|backend| backend.add_fault(Fault::hang()));
    let state = read(&fs::read(folder.file()).unwrap());
    let numbers: Vec<u64> = state.faults.iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, [2]);
    snapshot(&task);
    let state = read(&fs::read(folder.file()).unwrap());
    assert_eq!((state.faults.len(), state.faults.last_number()), (1, 2));
}

#[test]
fn a_path_in_an_error_is_safe_to_print() {
    let folder = Folder::new("path");
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJkYXRhIjp7fX0.c2VjcmV0";
    let file = folder.0.join(format!("a\u{1b}[2J\u{202e}{token}"));
    fs::write(&file, "{").unwrap();
    let place = StateFile::lock(&file).unwrap();
    let errors = [
        load(&place).err().unwrap(),
        StateFile::lock(&file).err().unwrap(),
        StateFile::lock(&file.join("x")).err().unwrap(),
    ];
    for error in errors {
        let error = error.to_string();
        assert!(error.contains("a\\u{1b}[2J\\u{202e}[redacted]"), "{error}");
        assert!(
            !error.contains('\u{1b}') && !error.contains("eyJ"),
            "{error}"
        );
    }
}

#[test]
fn a_huge_file_is_refused_unread() {
    let folder = Folder::new("huge");
    // The file is sparse, so it uses no disk space.
    let file = fs::File::create(folder.file()).unwrap();
    file.set_len(3 * 1024 * 1024 * 1024).unwrap();
    let place = StateFile::lock(&folder.file()).unwrap();
    let error = load(&place).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    assert!(
        error.to_string().contains("has more than 512 MiB"),
        "{error}"
    );
}

/// Opening a named pipe would wait forever.
#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_is_refused() {
    let pipe = |path: &std::path::Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    };
    let folder = Folder::new("pipe");
    for name in ["state.json", "other.json.lock"] {
        pipe(&folder.0.join(name));
    }
    std::os::unix::fs::symlink("/dev/zero", folder.0.join("zero")).unwrap();
    for name in ["state.json", "other.json", "zero"] {
        let error = StateFile::lock(&folder.0.join(name)).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        assert!(
            error.to_string().contains("is not a regular file"),
            "{error}"
        );
    }
    // The file becomes a pipe after it is locked.
    let file = folder.0.join("later");
    let place = StateFile::lock(&file).unwrap();
    pipe(&file);
    assert_eq!(
        load(&place).err().unwrap().kind(),
        io::ErrorKind::InvalidInput
    );
}

proptest! {
    #[test]
    fn an_invalid_file_is_not_changed(bytes in proptest::collection::vec(any::<u8>(), 1..200)) {
        let folder = Folder::new("broken");
        fs::write(folder.file(), &bytes).unwrap();
        let place = StateFile::lock(&folder.file()).unwrap();
        let error = load(&place).err().unwrap().to_string();
        prop_assert!(error.contains("cannot be read: line 1, column "), "{}", error);
        prop_assert!(error.contains("The file was not changed. Repair it, move it, or choose another file."), "{}", error);
        prop_assert_eq!(fs::read(folder.file()).unwrap(), bytes);
    }
}
