//! What is written is what is read, and nothing that cannot be read is overwritten.

use std::time::Duration;

use khqr_core::{AccountId, KhqrBuilder};
use proptest::prelude::*;

use super::*;
use crate::customer::PaymentOptions;
use crate::payment::{Payment, PaymentStatus};
use khqr_core::{Amount, Timestamp};

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn code(cents: u64) -> String {
    let expires_at = NOW.saturating_add(Duration::from_secs(600));
    KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha")
        .dynamic_code(Amount::us_cents(cents), NOW, expires_at)
        .unwrap()
        .to_text()
}

fn order(state: &mut State, code: &str, options: &PaymentOptions) {
    let payer = "dara@devb".parse().unwrap();
    let order = options.order(code, payer, NOW).unwrap();
    state.ledger.place(order, NOW, &mut state.entropy).unwrap();
}

/// A state in which everything happened that a file can tell of.
fn eventful() -> State {
    let mut state = State::new(Clock::frozen_at(NOW), Entropy::from_seed([9; 32]));
    let options = PaymentOptions::new;
    let seconds = Duration::from_secs;
    order(&mut state, &code(1), &options().after(seconds(5)));
    order(
        &mut state,
        &code(1),
        &options().description("ឱ\u{1}\"").instruction_ref("FT1"),
    );
    order(&mut state, &code(1), &options().again());
    order(&mut state, &code(2), &options().failing());
    order(&mut state, &code(3), &options().after(seconds(601)));
    order(&mut state, &code(4), &options().after(seconds(601)));
    order(&mut state, &code(4), &options().after(seconds(602)).late());
    state.issue_token("one@example.com");
    let State {
        registry, entropy, ..
    } = &mut state;
    registry.request("two@example.com", NOW, entropy);
    registry.request("two@example.com", NOW, entropy);
    let id = state.registry.id("one@example.com").unwrap().to_owned();
    for _ in 0..3 {
        state.quota.draw(&id, NOW);
    }
    state.open_account("someone@devb".parse().unwrap());
    state
}

fn text_of(state: &State) -> String {
    // Accounts and quotas stand in no order.
    let mut saved: serde_json::Value = serde_json::to_value(Saved::of(state)).unwrap();
    for name in ["accounts", "quotaUse"] {
        let list = saved[name].as_array_mut().unwrap();
        list.sort_by_key(ToString::to_string);
    }
    saved.to_string()
}

fn again(state: &State) -> State {
    let text = serde_json::to_string(&Saved::of(state)).unwrap();
    serde_json::from_str::<Saved>(&text)
        .unwrap()
        .state()
        .unwrap()
}

#[test]
fn a_state_goes_on_where_it_stood() {
    let mut state = eventful();
    let mut restored = again(&state);
    assert_eq!(text_of(&state), text_of(&restored));
    // Both have the same future.
    for step in [0, 5, 596, 1] {
        for state in [&mut state, &mut restored] {
            state.clock.advance(Duration::from_secs(step));
            state.ledger.settle(state.clock.now());
        }
        assert_eq!(text_of(&state), text_of(&restored), "{step}");
        restored = again(&restored);
    }
    let statuses: Vec<_> = restored
        .ledger
        .payments(NOW)
        .iter()
        .map(Payment::status)
        .collect();
    let refused = |status: &PaymentStatus| matches!(status, PaymentStatus::Refused(_));
    assert!(
        [0, 4, 5].iter().all(|place| refused(&statuses[*place])),
        "{statuses:?}"
    );
    let original: Vec<_> = state
        .ledger
        .payments(NOW)
        .iter()
        .map(Payment::status)
        .collect();
    assert_eq!(statuses, original);
    assert_eq!(
        state.issue_token("x@example.com"),
        restored.issue_token("x@example.com")
    );
    assert_eq!(
        state.entropy.transaction_hash(),
        restored.entropy.transaction_hash()
    );
}

#[test]
fn a_running_clock_goes_on_running() {
    let clock = Clock::ahead(86_400_000);
    let state = State::new(clock, Entropy::from_seed([9; 32]));
    assert_eq!(again(&state).clock.ahead_by(), Some(86_400_000));
}

#[test]
fn what_makes_no_sense_is_told_with_its_place() {
    let text = serde_json::to_string(&Saved::of(&eventful())).unwrap();
    let read = |text: &str| {
        let saved = serde_json::from_str::<Saved>(text).map_err(|error| error.to_string());
        saved.and_then(Saved::state).err().unwrap()
    };
    for (from, to, told) in [
        ("\"format\":1", "\"format\":2", "its format is 2"),
        ("\"seed\":\"0", "\"seed\":\"", "seed is not"),
        ("\"tokenKey\":\"", "\"tokenKey\":\"x", "tokenKey is not"),
        (
            "\"currency\":\"USD\"",
            "\"currency\":\"THB\"",
            "payments[0]: ",
        ),
        ("\"drawn\":", "\"drown\":", "unknown field `drown`"),
        ("\"someone@devb\"", "\"someone\"", "accounts: "),
    ] {
        assert!(text.contains(from), "{from}");
        let error = read(&text.replacen(from, to, 1));
        assert!(error.contains(told), "{to}: {error}");
    }
    assert!(read(&text[..text.len() / 2]).contains("line 1"));
}

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("bakong-sandbox-keep-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_file_is_replaced_as_a_whole() {
    let folder = Folder::new("replace");
    let file = folder.0.join("state.json");
    let shared = Arc::new(Shared::new(eventful()));
    // Lets it hear of the payments.
    shared.with(|_| ());
    let keeper = Keeper::start(&file, Arc::clone(&shared)).unwrap();
    let first = fs::read(&file).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    // Nothing changed, so nothing is written.
    fs::remove_file(&file).unwrap();
    keeper.save().unwrap();
    assert!(!file.exists());
    shared.with(|state| state.open_account("new@devb".parse().unwrap()));
    keeper.save().unwrap();
    assert_ne!(fs::read(&file).unwrap(), first);
    assert_eq!(
        fs::read_dir(&folder.0).unwrap().count(),
        1,
        "nothing is left beside it"
    );
    let new = || panic!("there is a file");
    let loaded = load(&file, new).unwrap();
    assert!(
        loaded
            .ledger
            .accounts()
            .any(|account| account.as_str() == "new@devb")
    );

    // A folder in the way: it cannot be written, which is told, and nothing is lost.
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    shared.with(State::changed);
    assert!(
        keeper
            .save()
            .unwrap_err()
            .to_string()
            .contains("state.json cannot be written")
    );
    assert!(keeper.trouble().is_some());
    fs::remove_dir(&file).unwrap();
    keeper.save().unwrap();
    assert_eq!(keeper.trouble(), None);
    assert!(file.exists());
}

proptest! {
    #[test]
    fn a_broken_file_is_left_as_it_is(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let folder = Folder::new("broken");
        let file = folder.0.join("state.json");
        fs::write(&file, &bytes).unwrap();
        let error = load(&file, || panic!("there is a file")).err().unwrap().to_string();
        prop_assert!(error.contains("it is left as it is"), "{}", error);
        prop_assert_eq!(fs::read(&file).unwrap(), bytes);
    }
}
