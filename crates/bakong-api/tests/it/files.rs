//! The file store: its file in every case, and its renewal mark.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use bakong_api::Remedy;
use bakong_api::token::{
    FileTokenStore, LeaseOutcome, LeaseRequest, RenewalFailure, RenewalLease, TokenStore,
};

use crate::fake::{DAY, Fake, RENEW, START, ask, fresh};
use crate::tasks::{Tasks, block_on};

/// A folder for one test, removed afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("bakong-api-stores-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("bakong.token")
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn stored(path: &Path) -> Option<String> {
    let token = FileTokenStore::new(path).read().unwrap();
    token.map(|token| token.expose().to_owned())
}

#[test]
fn a_written_token_is_read_again() {
    let folder = Folder::new();
    let store = FileTokenStore::new(folder.file());
    assert!(
        store.read().unwrap().is_none(),
        "a missing file contains no token"
    );
    for name in ["one", "two"] {
        store.write(&fresh(name)).unwrap();
        assert_eq!(
            stored(store.path()).as_deref(),
            Some(fresh(name).expose()),
            "{name}"
        );
        assert_eq!(
            folder.names(),
            ["bakong.token"],
            "no temporary file remains"
        );
    }
    assert!(block_on(store.load()).unwrap().is_some());
    let text = fs::read_to_string(folder.file()).unwrap();
    assert_eq!(text, format!("{}\n", fresh("two").expose()));
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    // A file that was readable by others gets mode 0600, too.
    fs::write(folder.file(), "").unwrap();
    fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o644)).unwrap();
    FileTokenStore::new(folder.file())
        .write(&fresh("a"))
        .unwrap();
    let mode = fs::metadata(folder.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_saved_by_an_editor_is_read() {
    let folder = Folder::new();
    let token = fresh("a");
    for text in [
        format!("{}\r\n", token.expose()),
        format!("\n \"{}\"\n\n", token.expose()),
        format!("Bearer {}", token.expose()),
        format!("\u{feff}{}\n", token.expose()),
    ] {
        fs::write(folder.file(), text).unwrap();
        assert_eq!(stored(&folder.file()).as_deref(), Some(token.expose()));
    }
}

#[test]
fn a_file_without_a_token_is_an_error_that_does_not_repeat_it() {
    let folder = Folder::new();
    let long = format!("{}{}", fresh("a").expose(), "secret".repeat(100_000));
    for bytes in [
        &b"two secrets"[..],
        b"secret\0",
        b"\xff\xfesecret",
        long.as_bytes(),
    ] {
        fs::write(folder.file(), bytes).unwrap();
        let error = FileTokenStore::new(folder.file()).read().unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("secret"), "{text}");
        assert!(error.to_string().contains("bakong.token"), "{error}");
    }
}

#[test]
fn an_empty_file_contains_no_token_and_is_renewed() {
    let folder = Folder::new();
    for empty in [&b""[..], b" \r\n", b"\xef\xbb\xbf\n", &[0; 4_096]] {
        fs::write(folder.file(), empty).unwrap();
        let store = FileTokenStore::new(folder.file());
        assert!(store.read().unwrap().is_none(), "{empty:?}");
        let fake = Fake::new();
        let session = fake.renewing_session().with_token_store(store.clone());
        block_on(ask(&session)).unwrap();
        assert!(stored(store.path()).is_some() && fake.count(RENEW) == 1);
    }
}

#[test]
fn a_token_in_place_of_the_path_is_not_repeated() {
    let token = fresh("a");
    let store = FileTokenStore::new(token.expose());
    let long = FileTokenStore::new("eyJ".repeat(200));
    let folder = FileTokenStore::new(format!("{}/none", token.expose()));
    for error in [
        folder.write(&token).unwrap_err(),
        long.read().map(|_| ()).unwrap_err(),
        long.write(&token).unwrap_err(),
    ] {
        assert!(!format!("{error} {error:?}").contains("eyJ"), "{error}");
    }
    assert!(store.read().unwrap().is_none());
}

#[cfg(unix)]
#[test]
fn pipes_devices_and_large_files_are_not_read_as_token_or_mark() {
    use std::process::Command;

    let folder = Folder::new();
    let mark = folder.0.join("bakong.token.renewal");
    let pipe = |path: &Path| {
        let made = Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
    };
    let device = |path: &Path| std::os::unix::fs::symlink("/dev/zero", path).unwrap();
    // A sparse file of 3 GiB, which takes no space on the disk.
    let large = |path: &Path| fs::File::create(path).unwrap().set_len(3 << 30).unwrap();
    let store = FileTokenStore::new(folder.file());
    for (make, reason) in [
        (&pipe as &dyn Fn(&Path), "not a regular file"),
        (&device, "not a regular file"),
        (&large, "longer than 65536 bytes"),
    ] {
        make(&folder.file());
        let error = store.read().unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        fs::remove_file(folder.file()).unwrap();

        make(&mark);
        let request = LeaseRequest::new(START);
        let error = block_on(store.acquire_renewal(request)).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        block_on(store.wait_for_renewal(START));
        fs::remove_file(&mark).unwrap();
    }
    // The mark is replaced by a pipe during the renewal.
    let lease = granted(acquire(&store, 0, false));
    fs::remove_file(&mark).unwrap();
    pipe(&mark);
    let failure = RenewalFailure::new(START, Remedy::AskAgain, String::new());
    block_on(lease.fail(&failure));
}

#[test]
fn a_failed_write_changes_nothing_and_leaves_no_temporary_file() {
    let folder = Folder::new();
    let missing = FileTokenStore::new(folder.0.join("no such folder").join("token"));
    assert!(missing.write(&fresh("a")).is_err());
    assert!(missing.read().unwrap().is_none());
    // The path is a folder.
    fs::create_dir(folder.file()).unwrap();
    fs::write(folder.file().join("inside"), "").unwrap();
    let store = FileTokenStore::new(folder.file());
    let error = store.write(&fresh("a")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("eyJ"));
    assert_eq!(folder.names(), ["bakong.token"]);
    assert!(store.read().is_err());
}

#[test]
fn try_out_changes_nothing() {
    let folder = Folder::new();
    let store = FileTokenStore::new(folder.file());
    store.try_out().unwrap();
    assert!(folder.names().is_empty());
    store.write(&fresh("a")).unwrap();
    store.try_out().unwrap();
    assert_eq!(folder.names(), ["bakong.token"]);
    assert_eq!(stored(store.path()).as_deref(), Some(fresh("a").expose()));
    let missing = FileTokenStore::new(folder.0.join("no such folder").join("token"));
    assert!(missing.try_out().is_err());
    assert!(FileTokenStore::new(&folder.0).try_out().is_err());
}

#[test]
fn a_token_that_cannot_be_stored_is_written_aside() {
    let folder = Folder::new();
    fs::create_dir(folder.file()).unwrap();
    let store = FileTokenStore::new(folder.file());
    assert!(store.write(&fresh("a")).is_err());
    let aside = store.write_aside(&fresh("a")).unwrap();
    assert_eq!(
        aside.parent(),
        folder.file().canonicalize().unwrap().parent()
    );
    assert_eq!(stored(&aside).as_deref(), Some(fresh("a").expose()));
    let missing = FileTokenStore::new(folder.0.join("no such folder").join("token"));
    let aside = missing.write_aside(&fresh("b")).unwrap();
    assert!(aside.starts_with(std::env::temp_dir()));
    assert_eq!(stored(&aside).as_deref(), Some(fresh("b").expose()));
    fs::remove_file(aside).unwrap();
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_preserved() {
    let folder = Folder::new();
    let link = folder.0.join("link");
    std::os::unix::fs::symlink("bakong.token", &link).unwrap();
    let store = FileTokenStore::new(&link);
    // In the first round, the target of the link does not exist yet.
    for name in ["a", "b"] {
        store.try_out().unwrap();
        store.write(&fresh(name)).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            stored(&folder.file()).as_deref(),
            Some(fresh(name).expose())
        );
        assert_eq!(folder.names(), ["bakong.token", "link"]);
    }
}

#[cfg(unix)]
#[test]
fn other_kinds_of_files_are_neither_read_nor_replaced() {
    let folder = Folder::new();
    // A socket, because the standard library cannot create a pipe in a folder.
    let _socket = std::os::unix::net::UnixListener::bind(folder.file()).unwrap();
    let store = FileTokenStore::new(folder.file());
    for error in [
        store.read().map(|_| ()).unwrap_err(),
        store.try_out().unwrap_err(),
        store.write(&fresh("a")).unwrap_err(),
    ] {
        assert!(error.to_string().contains("not a regular file"), "{error}");
    }
    assert_eq!(folder.names(), ["bakong.token"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_replaced_is_overwritten() {
    let folder = Folder::new();
    // The name of a temporary file in the folder would be too long.
    let file = folder.0.join("t".repeat(250));
    let store = FileTokenStore::new(&file);
    assert!(store.try_out().is_err());
    assert!(store.write(&fresh("new")).is_err());
    let old = crate::fake::token(&"long".repeat(100), START);
    fs::write(&file, old.expose()).unwrap();
    store.try_out().unwrap();
    store.write(&fresh("new")).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, format!("{}\n", fresh("new").expose()));
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(folder.names().len(), 1);
}

#[test]
fn temporary_files_of_other_processes_are_ignored() {
    let folder = Folder::new();
    let store = FileTokenStore::new(folder.file());
    // Processes in different containers may have the same id, so these files may be in use.
    let process = std::process::id();
    let foreign: Vec<_> = (0..1_000)
        .map(|count| format!("bakong.token.{process}.{count}.new"))
        .collect();
    for name in &foreign {
        fs::write(folder.0.join(name), "half").unwrap();
    }
    store.write(&fresh("a")).unwrap();
    assert_eq!(stored(store.path()).as_deref(), Some(fresh("a").expose()));
    assert_eq!(folder.names().len(), foreign.len() + 1);
}

#[test]
fn concurrent_writes_leave_one_complete_token() {
    let folder = Folder::new();
    let tokens: Vec<_> = (0..4).map(|number| fresh(&number.to_string())).collect();
    let (file, all) = (folder.file(), &tokens);
    std::thread::scope(|scope| {
        for token in all {
            let store = FileTokenStore::new(&file);
            scope.spawn(move || {
                for _ in 0..20 {
                    store.write(token).unwrap();
                    let found = store.read().unwrap().unwrap();
                    assert!(all.iter().any(|one| one.expose() == found.expose()));
                }
            });
        }
    });
    assert_eq!(folder.names(), ["bakong.token"]);
}

/// Requests the lease of this store, at `START` plus this many seconds.
fn acquire(store: &FileTokenStore, seconds: u64, usable: bool) -> LeaseOutcome {
    let now = START.saturating_add(Duration::from_secs(seconds));
    let mut request = LeaseRequest::new(now);
    request.usable_until = usable.then_some(now.saturating_add(2 * DAY));
    block_on(store.acquire_renewal(request)).unwrap()
}

fn granted(outcome: LeaseOutcome) -> Box<dyn RenewalLease> {
    match outcome {
        LeaseOutcome::Granted(lease) => lease,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_process_at_a_time_holds_the_lease() {
    let folder = Folder::new();
    let store = FileTokenStore::new(folder.file());
    let lease = granted(acquire(&store, 0, true));
    assert_eq!(folder.names(), ["bakong.token.renewal"]);
    assert!(matches!(acquire(&store, 59, true), LeaseOutcome::Held));
    drop(lease);
    assert!(folder.names().is_empty());
    // Saving a token removes the mark, and the mark of a killed process expires.
    std::mem::forget(granted(acquire(&store, 0, true)));
    drop(granted(acquire(&store, 60, true)));
    std::mem::forget(granted(acquire(&store, 0, true)));
    store.write(&fresh("new")).unwrap();
    assert_eq!(folder.names(), ["bakong.token"]);
    block_on(granted(acquire(&store, 0, true)).release());
    assert_eq!(folder.names(), ["bakong.token"]);
}

#[test]
fn without_a_usable_token_the_store_waits_for_the_lease() {
    let folder = Folder::new();
    let store = FileTokenStore::new(folder.file());
    let lease = granted(acquire(&store, 0, true));
    let mut tasks = Tasks::new();
    for _ in 0..2 {
        tasks.add(async { matches!(acquire_waiting(&store).await, LeaseOutcome::Granted(_)) });
    }
    tasks.run();
    assert_eq!(tasks.waiting(), 2);
    tasks.cancel(0);
    drop(lease);
    // The cancelled request may get the lease first, but then releases it.
    while tasks.waiting() > 0 {
        std::thread::yield_now();
        tasks.run();
    }
    assert_eq!(tasks.output(1), Some(&true));
}

#[test]
fn a_rejected_session_waits_until_the_mark_is_gone_and_reads_the_new_token() {
    let folder = Folder::new();
    let store = FileTokenStore::new(folder.file());
    let (fake, new) = (Fake::new(), fresh("new"));
    fake.accept(&new);
    let session = fake.session().with_token(fresh("old"));
    let session = session.with_token_store(store.clone());
    let lease = granted(acquire(&store, 0, true));
    let mut tasks = Tasks::new();
    tasks.add(async { ask(&session).await.is_ok() });
    tasks.run();
    assert_eq!((tasks.waiting(), fake.total()), (1, 1));
    store.write(&new).unwrap();
    drop(lease);
    while tasks.waiting() > 0 {
        std::thread::yield_now();
        tasks.run();
    }
    assert_eq!(tasks.output(0), Some(&true));
    assert_eq!(fake.total(), 2);
}

async fn acquire_waiting(store: &FileTokenStore) -> LeaseOutcome {
    let request = LeaseRequest::new(START);
    store.acquire_renewal(request).await.unwrap()
}

#[test]
fn after_a_failed_renewal_no_lease_is_granted_before_a_growing_pause() {
    let folder = Folder::new();
    let store = FileTokenStore::new(folder.file());
    let session = || {
        let fake = Fake::new();
        fake.answer_renewal(Ok((503, String::new())));
        fake
    };
    let mut seconds = 0;
    for pause in [60, 120, 240, 480, 960, 1_920, 3_600, 3_600] {
        let fake = session();
        fake.advance(Duration::from_secs(seconds));
        let session = fake.renewing_session().with_token_store(store.clone());
        assert!(block_on(ask(&session)).unwrap_err().is_of_renewal());
        assert_eq!(fake.count(RENEW), 1, "{pause}");
        match acquire(&store, seconds + pause - 1, false) {
            LeaseOutcome::Paused { until, reason } => {
                let end = START.saturating_add(Duration::from_secs(seconds + pause));
                assert_eq!(until, end);
                assert!(reason.contains("HTTP 503"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
        seconds += pause;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mark = folder.0.join("bakong.token.renewal");
        let mode = fs::metadata(mark).unwrap().permissions().mode();
        assert_eq!(
            mode & 0o777,
            0o600,
            "the reason may contain the e-mail address"
        );
    }
    // An explicit renewal ignores the pause, and a success ends it.
    let fake = Fake::new();
    let session = fake.renewing_session().with_token_store(store.clone());
    block_on(session.renew()).unwrap();
    assert_eq!(folder.names(), ["bakong.token"]);
}

#[test]
fn without_a_mark_a_token_is_renewed_only_on_its_last_day() {
    let folder = Folder::new();
    let store = FileTokenStore::new(folder.0.join("no such folder").join("token"));
    let mut request = LeaseRequest::new(START);
    request.usable_until = Some(START.saturating_add(DAY + Duration::from_secs(1)));
    let error = block_on(store.acquire_renewal(request)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the file that marks a renewal cannot be created"),
        "{error}"
    );
    request.usable_until = Some(START.saturating_add(DAY));
    drop(granted(block_on(store.acquire_renewal(request)).unwrap()));
}

#[test]
fn a_mark_that_was_not_written_completely_expires_by_its_age() {
    let folder = Folder::new();
    let store = FileTokenStore::new(folder.file());
    let mark = folder.0.join("bakong.token.renewal");
    fs::write(&mark, "{\"notBefore\":").unwrap();
    let written = UNIX_EPOCH + Duration::from_millis(START.as_millis());
    let file = fs::File::options().write(true).open(&mark).unwrap();
    file.set_modified(written).unwrap();
    for seconds in [0, 59] {
        let outcome = acquire(&store, seconds, true);
        assert!(matches!(outcome, LeaseOutcome::Held), "{outcome:?}");
    }
    drop(granted(acquire(&store, 60, true)));
    assert!(folder.names().is_empty());
}
