//! A token in a file: what the file looks like whatever happens, and what it is not put into.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use bakong_api::token::{FileTokenStore, TokenStore};

use crate::fake::fresh;
use crate::tasks::block_on;

/// A folder of its own for a test, and gone after it.
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

fn kept(path: &Path) -> Option<String> {
    let token = FileTokenStore::new(path).read().unwrap();
    token.map(|token| token.expose().to_owned())
}

#[test]
fn what_is_written_is_read_again() {
    let folder = Folder::new();
    let store = FileTokenStore::new(folder.file());
    assert!(store.read().unwrap().is_none(), "no file is no token");
    for name in ["one", "two"] {
        store.write(&fresh(name)).unwrap();
        assert_eq!(
            kept(store.path()).as_deref(),
            Some(fresh(name).expose()),
            "{name}"
        );
        assert_eq!(folder.names(), ["bakong.token"], "nothing lies beside it");
    }
    assert!(block_on(store.load()).unwrap().is_some());
    let text = fs::read_to_string(folder.file()).unwrap();
    assert_eq!(text, format!("{}\n", fresh("two").expose()));
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    // Also in place of one that all could read.
    fs::write(folder.file(), "").unwrap();
    fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o644)).unwrap();
    FileTokenStore::new(folder.file())
        .write(&fresh("a"))
        .unwrap();
    let mode = fs::metadata(folder.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_as_an_editor_leaves_it_is_read() {
    let folder = Folder::new();
    let token = fresh("a");
    for text in [
        format!("{}\r\n", token.expose()),
        format!("\n \"{}\"\n\n", token.expose()),
        format!("Bearer {}", token.expose()),
        format!("\u{feff}{}\n", token.expose()),
    ] {
        fs::write(folder.file(), text).unwrap();
        assert_eq!(kept(&folder.file()).as_deref(), Some(token.expose()));
    }
}

#[test]
fn a_file_that_holds_no_token_is_an_error_that_repeats_nothing_of_it() {
    let folder = Folder::new();
    let long = format!("{}{}", fresh("a").expose(), "secret".repeat(100_000));
    for bytes in [
        &b""[..],
        b"\n",
        b"secret",
        b"secret.secret.secret",
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
fn what_cannot_be_written_leaves_what_was_there_and_nothing_beside_it() {
    let folder = Folder::new();
    let missing = FileTokenStore::new(folder.0.join("no such folder").join("token"));
    assert!(missing.write(&fresh("a")).is_err());
    assert!(missing.read().unwrap().is_none());
    // A folder stands where the file should.
    fs::create_dir(folder.file()).unwrap();
    fs::write(folder.file().join("inside"), "").unwrap();
    let store = FileTokenStore::new(folder.file());
    let error = store.write(&fresh("a")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("eyJ"));
    assert_eq!(folder.names(), ["bakong.token"]);
    assert!(store.read().is_err());
}

#[test]
fn whether_a_token_could_be_kept_is_found_out_without_a_change() {
    let folder = Folder::new();
    let store = FileTokenStore::new(folder.file());
    store.try_out().unwrap();
    assert!(folder.names().is_empty());
    store.write(&fresh("a")).unwrap();
    store.try_out().unwrap();
    assert_eq!(folder.names(), ["bakong.token"]);
    assert_eq!(kept(store.path()).as_deref(), Some(fresh("a").expose()));
    let missing = FileTokenStore::new(folder.0.join("no such folder").join("token"));
    assert!(missing.try_out().is_err());
    assert!(FileTokenStore::new(&folder.0).try_out().is_err());
}

#[test]
fn a_token_that_its_file_does_not_take_is_kept_in_another() {
    let folder = Folder::new();
    fs::create_dir(folder.file()).unwrap();
    let store = FileTokenStore::new(folder.file());
    assert!(store.write(&fresh("a")).is_err());
    let aside = store.write_aside(&fresh("a")).unwrap();
    assert_eq!(
        aside.parent(),
        folder.file().canonicalize().unwrap().parent()
    );
    assert_eq!(kept(&aside).as_deref(), Some(fresh("a").expose()));
    let missing = FileTokenStore::new(folder.0.join("no such folder").join("token"));
    let aside = missing.write_aside(&fresh("b")).unwrap();
    assert!(aside.starts_with(std::env::temp_dir()));
    assert_eq!(kept(&aside).as_deref(), Some(fresh("b").expose()));
    fs::remove_file(aside).unwrap();
}

#[cfg(unix)]
#[test]
fn a_link_to_the_file_stays_one() {
    let folder = Folder::new();
    let link = folder.0.join("link");
    std::os::unix::fs::symlink("bakong.token", &link).unwrap();
    let store = FileTokenStore::new(&link);
    // Also where there is no file yet.
    for name in ["a", "b"] {
        store.try_out().unwrap();
        store.write(&fresh(name)).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(kept(&folder.file()).as_deref(), Some(fresh(name).expose()));
        assert_eq!(folder.names(), ["bakong.token", "link"]);
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_neither_waited_for_nor_replaced() {
    let folder = Folder::new();
    // A socket stands for a pipe here: it is as little a file, and needs no tool to make.
    let _socket = std::os::unix::net::UnixListener::bind(folder.file()).unwrap();
    let store = FileTokenStore::new(folder.file());
    for error in [
        store.read().map(|_| ()).unwrap_err(),
        store.try_out().unwrap_err(),
        store.write(&fresh("a")).unwrap_err(),
    ] {
        assert!(error.to_string().contains("no regular file"), "{error}");
    }
    assert_eq!(folder.names(), ["bakong.token"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_replaced_is_written_over() {
    let folder = Folder::new();
    // The name of a file beside it would be too long for a folder.
    let file = folder.0.join("t".repeat(250));
    let store = FileTokenStore::new(&file);
    assert!(store.try_out().is_err());
    assert!(store.write(&fresh("new")).is_err());
    let old = crate::fake::token(&"long".repeat(100), crate::fake::START);
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
fn what_a_crash_left_beside_the_file_is_in_nobody_s_way() {
    let folder = Folder::new();
    let store = FileTokenStore::new(folder.file());
    // In a container every process has the same number, so these may be of another one that is at work.
    let process = std::process::id();
    let foreign: Vec<_> = (0..1_000)
        .map(|count| format!("bakong.token.{process}.{count}.new"))
        .collect();
    for name in &foreign {
        fs::write(folder.0.join(name), "half").unwrap();
    }
    store.write(&fresh("a")).unwrap();
    assert_eq!(kept(store.path()).as_deref(), Some(fresh("a").expose()));
    assert_eq!(folder.names().len(), foreign.len() + 1);
}

#[test]
fn of_many_who_write_at_once_one_whole_token_stays() {
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
