//! The file itself: whose it is, how it is made anew, and what becomes of trouble with it.

use std::time::Instant;

use proptest::prelude::*;

use super::*;

fn keeper(folder: &Folder, state: State) -> Arc<Keeper> {
    let place = Place::take(&folder.file()).unwrap();
    Keeper::start(place, Arc::new(Shared::new(state)), None).unwrap()
}

fn open_account(keeper: &Keeper, name: &str) {
    let account = format!("{name}@devb").parse().unwrap();
    keeper.shared.with(|state| state.open_account(account));
}

fn has_account(folder: &Folder, name: &str) -> bool {
    let state = read(&fs::read(folder.file()).unwrap());
    let mut accounts = state.ledger.accounts();
    accounts.any(|account| account.as_str() == format!("{name}@devb"))
}

#[test]
fn a_file_has_an_end_for_what_comes() {
    let folder = Folder::new("appending");
    let keeper = keeper(&folder, eventful());
    let first = fs::read(folder.file()).unwrap();
    #[cfg(unix)]
    for name in folder.names() {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(folder.0.join(&name)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
    }
    // Nothing happened, so nothing is written.
    keeper.shared.with(|_| ());
    keeper.look(Instant::now());
    assert_eq!(fs::read(folder.file()).unwrap(), first);
    open_account(&keeper, "new");
    let second = fs::read(folder.file()).unwrap();
    assert!(second.starts_with(&first));
    assert_eq!(&second[first.len()..], b"[{\"account\":\"new@devb\"}]\n");
    // At the end it is made anew, and nothing but the lock is left beside it.
    keeper.stop().unwrap();
    assert!(fs::read(folder.file()).unwrap().ends_with(b"[\"whole\"]\n"));
    assert!(has_account(&folder, "new"));
    assert_eq!(folder.names(), ["state.json", "state.json.lock"]);
    // It is another's from now on.
    open_account(&keeper, "late");
    assert!(!has_account(&folder, "late"));
}

#[test]
fn a_file_is_one_sandbox_s() {
    let folder = Folder::new("lock");
    let first = keeper(&folder, new_state());
    let same = folder.0.join("..").join(folder.0.file_name().unwrap());
    for path in [folder.file(), same.join("state.json")] {
        let error = Place::take(&path).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        let error = error.to_string();
        for part in ["state.json", "in use by another sandbox", "name another"] {
            assert!(error.contains(part), "{error}");
        }
    }
    // Making the file anew does not let go of it.
    open_account(&first, "new");
    first.rewrite(Instant::now());
    assert!(Place::take(&folder.file()).is_err());
    first.stop().unwrap();
    assert!(Place::take(&folder.file()).is_ok());
}

#[test]
#[cfg(unix)]
fn a_link_leads_to_the_file() {
    let folder = Folder::new("link");
    let link = folder.0.join("link.json");
    std::os::unix::fs::symlink("state.json", &link).unwrap();
    fs::write(folder.file(), "").unwrap();
    let place = Place::take(&link).unwrap();
    assert!(Place::take(&folder.file()).is_err());
    Keeper::start(place, Arc::new(Shared::new(new_state())), None).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::metadata(folder.file()).unwrap().len() > 0);
}

/// A link may be made before there is a file: to a folder that is mounted, say.
#[test]
#[cfg(unix)]
fn a_link_to_what_is_not_there_yet_is_followed() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new("dangling");
    let elsewhere = folder.0.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink("elsewhere/between.json", folder.file()).unwrap();
    symlink("real.json", elsewhere.join("between.json")).unwrap();
    let keeper = keeper(&folder, new_state());
    assert!(Place::take(&elsewhere.join("real.json")).is_err());
    keeper.stop().unwrap();
    assert!(fs::symlink_metadata(folder.file()).unwrap().is_symlink());
    let real = fs::symlink_metadata(elsewhere.join("real.json")).unwrap();
    assert!(real.is_file());

    let circle = folder.0.join("circle.json");
    symlink("circle.json", &circle).unwrap();
    let error = Place::take(&circle).err().unwrap().to_string();
    for part in ["circle.json", "leads to itself", "name another"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(fs::symlink_metadata(&circle).unwrap().is_symlink());
}

#[test]
#[cfg(unix)]
fn what_is_no_file_is_not_replaced() {
    let error = Place::take(std::path::Path::new("/dev/null"))
        .err()
        .unwrap();
    assert!(error.to_string().contains("no regular file"), "{error}");
}

#[test]
fn what_happens_while_a_file_is_made_anew_is_in_it() {
    let folder = Folder::new("meanwhile");
    let keeper = keeper(&folder, new_state());
    let text = keeper.shared.with_journal(|state, journal| {
        let journal = journal.as_mut().unwrap();
        journal.begin_rewriting(state).unwrap()
    });
    open_account(&keeper, "meanwhile");
    assert!(has_account(&folder, "meanwhile"));
    let beside = place::write_beside(&folder.0.canonicalize().unwrap().join("state.json"), &text);
    keeper.with(|journal| journal.finish_rewriting(beside, Instant::now()));
    assert!(has_account(&folder, "meanwhile"));
    open_account(&keeper, "later");
    assert!(has_account(&folder, "later"));
}

#[test]
fn a_file_that_has_grown_is_made_anew() {
    let folder = Folder::new("grown");
    let keeper = keeper(&folder, new_state());
    let small = fs::metadata(folder.file()).unwrap().len();
    // 1,000 requests a step, all on one quota.
    let mut is_grown = false;
    for _ in 0..1_000 {
        for _ in 0..1_000 {
            keeper.shared.with(|state| state.quota.draw("0", NOW));
        }
        let before = fs::metadata(folder.file()).unwrap().len();
        keeper.look(Instant::now());
        is_grown = fs::metadata(folder.file()).unwrap().len() < before;
        if is_grown {
            break;
        }
    }
    assert!(is_grown);
    assert!(fs::metadata(folder.file()).unwrap().len() < small + 100);
}

#[test]
fn what_cannot_be_written_is_told_and_written_later() {
    let folder = Folder::new("trouble");
    let keeper = keeper(&folder, new_state());
    let now = Instant::now();
    // Somebody removes it.
    fs::remove_file(folder.file()).unwrap();
    keeper.look(now);
    assert!(folder.file().exists());

    // As a full disk does.
    let full = io::Error::new(io::ErrorKind::StorageFull, "no space");
    keeper.with(|journal| journal.fail(&full));
    let told = "state.json cannot be written: no space";
    assert!(keeper.trouble().is_some_and(|it| it.contains(told)));
    open_account(&keeper, "lost");
    assert!(!has_account(&folder, "lost"), "nothing follows half a line");
    keeper.look(now);
    assert_eq!(keeper.trouble(), None);
    assert!(has_account(&folder, "lost"));

    // A folder in the way of the file: nothing is lost that can be kept.
    fs::remove_file(folder.file()).unwrap();
    fs::create_dir(folder.file()).unwrap();
    keeper.with(|journal| journal.fail(&full));
    keeper.look(now);
    assert!(keeper.trouble().is_some());
    assert_eq!(folder.names(), ["state.json", "state.json.lock"]);
    fs::remove_dir(folder.file()).unwrap();
    keeper.look(now + Duration::from_secs(1));
    assert_eq!(keeper.trouble(), None);
    keeper.with(|journal| journal.fail(&full));
    fs::remove_file(folder.file()).unwrap();
    fs::create_dir(folder.file()).unwrap();
    let error = keeper.stop().unwrap_err();
    assert!(error.to_string().contains("cannot be written"), "{error}");
}

/// What is beside the file may be what fills the disk.
#[test]
fn what_is_not_put_in_its_place_goes() {
    let folder = Folder::new("partial");
    let beside = place::write_beside(&folder.file(), b"half of it").unwrap();
    assert_eq!(folder.names(), [".state.json.new"]);
    drop(beside);
    assert_eq!(folder.names(), [""; 0]);
    let beside = place::write_beside(&folder.file(), b"all of it").unwrap();
    beside.put(&folder.file()).unwrap();
    assert_eq!(folder.names(), ["state.json"]);
    fs::remove_file(folder.file()).unwrap();
    fs::create_dir(folder.file()).unwrap();
    let beside = place::write_beside(&folder.file(), b"all of it").unwrap();
    beside.put(&folder.file()).unwrap_err();
    assert_eq!(folder.names(), ["state.json"]);
}

#[test]
fn what_fails_is_tried_ever_less_often() {
    let folder = Folder::new("pauses");
    let keeper = keeper(&folder, new_state());
    let start = Instant::now();
    fs::remove_file(folder.file()).unwrap();
    fs::create_dir(folder.file()).unwrap();
    let tried: Vec<u64> = (0..300)
        .filter(|second| {
            let now = start + Duration::from_secs(*second);
            keeper.with(|journal| journal.needs_rewriting(now)) == Some(true) && {
                keeper.look(now);
                true
            }
        })
        .collect();
    assert_eq!(tried, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    // Once it worked, it begins anew.
    fs::remove_dir(folder.file()).unwrap();
    keeper.look(start + Duration::from_secs(303));
    assert_eq!(keeper.trouble(), None);
    fs::remove_file(folder.file()).unwrap();
    fs::create_dir(folder.file()).unwrap();
    keeper.look(start + Duration::from_secs(304));
    assert!(keeper.trouble().is_some());
    fs::remove_dir(folder.file()).unwrap();
    keeper.look(start + Duration::from_secs(305));
    assert_eq!(keeper.trouble(), None);
}

#[test]
fn a_file_that_is_gone_at_the_end_is_made_or_missed() {
    let folder = Folder::new("gone");
    let first = keeper(&folder, new_state());
    fs::remove_file(folder.file()).unwrap();
    first.stop().unwrap();
    assert!(folder.file().exists(), "though nothing happened");

    for happens in [false, true] {
        let keeper = keeper(&folder, new_state());
        fs::remove_dir_all(&folder.0).unwrap();
        if happens {
            open_account(&keeper, "lost");
        }
        let error = keeper.stop().unwrap_err();
        assert!(error.to_string().contains("cannot be written"), "{error}");
        fs::create_dir(&folder.0).unwrap();
    }

    // Something else is in its place.
    let second = keeper(&folder, new_state());
    fs::remove_file(folder.file()).unwrap();
    fs::create_dir(folder.file()).unwrap();
    second.stop().unwrap_err();
}

/// Whoever finds the file after a kill is told that it is not all, whether half a line or none of it was written.
#[test]
#[cfg(unix)]
fn what_could_not_be_written_leaves_a_trace() {
    for part in ["", "[", "[{\"account\":\"lost@devb\"}"] {
        let folder = Folder::new("trace");
        let keeper = keeper(&folder, new_state());
        open_account(&keeper, "new");
        let good = fs::read(folder.file()).unwrap();
        let mut text = good.clone();
        text.extend_from_slice(part.as_bytes());
        fs::write(folder.file(), text).unwrap();
        let full = io::Error::new(io::ErrorKind::StorageFull, "no space");
        keeper.with(|journal| journal.fail(&full));
        let text = fs::read(folder.file()).unwrap();
        assert!(text.starts_with(&good) && text.len() == good.len() + 1);
        drop(keeper);
        let loaded = load(&Place::take(&folder.file()).unwrap()).unwrap();
        let warning = loaded.and_then(|loaded| loaded.warning).unwrap();
        assert!(warning.contains("may be missing"), "{warning}");
        assert!(has_account(&folder, "new"));
    }
}

#[test]
fn a_fault_that_no_rule_says_is_not_kept() {
    let folder = Folder::new("no-rule");
    let keeper = keeper(&folder, new_state());
    // A rule has 32 bits for it.
    let odd = Fault::own_answer().truncated_to(usize::MAX).times(2);
    keeper.shared.with(|state| state.add_fault(odd));
    keeper.shared.with(|state| state.faults.next(None));
    keeper.shared.with(|state| state.add_fault(Fault::hang()));
    let state = read(&fs::read(folder.file()).unwrap());
    let numbers: Vec<u64> = state.faults.iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, [2]);
    keeper.rewrite(Instant::now());
    let state = read(&fs::read(folder.file()).unwrap());
    assert_eq!(state.faults.len(), 1);
}

proptest! {
    #[test]
    fn a_broken_file_is_left_as_it_is(bytes in proptest::collection::vec(any::<u8>(), 1..200)) {
        let folder = Folder::new("broken");
        fs::write(folder.file(), &bytes).unwrap();
        let place = Place::take(&folder.file()).unwrap();
        let error = load(&place).err().unwrap().to_string();
        prop_assert!(error.contains("cannot be read: line 1, column "), "{}", error);
        prop_assert!(error.contains("it is left as it is"), "{}", error);
        prop_assert_eq!(fs::read(folder.file()).unwrap(), bytes);
    }
}
