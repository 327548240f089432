//! A file restores the state that was written, and an invalid file is never overwritten.

mod changes;
mod file;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use khqr_core::{AccountId, Amount, Currency, Khqr, KhqrBuilder, Md5Handle, Timestamp};

use self::changes::{CLOCK, step};
use super::format;
use crate::access::QuotaLimit;
use crate::backend::Backend;
use crate::bank::{Transfer, TransferOptions, TransferStatus};
use crate::clock::{ClockSetting, SandboxClock};
use crate::entropy::Entropy;
use crate::fault::Fault;
use crate::state::State;

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn code(cents: u64) -> String {
    let expires_at = NOW.saturating_add(Duration::from_secs(600));
    KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha")
        .dynamic_code(Amount::us_cents(cents), NOW, expires_at)
        .unwrap()
        .to_text()
}

fn static_code(number: u8) -> String {
    let account = format!("sokha{number}@devb");
    KhqrBuilder::individual(AccountId::new(&account).unwrap(), "Sokha")
        .static_code(Currency::Usd)
        .unwrap()
        .to_text()
}

fn rule(rule: &str) -> Fault {
    Fault::from_json(rule).unwrap()
}

fn new_state() -> State {
    State::new(SandboxClock::frozen_at(NOW), Entropy::from_seed([9; 32]))
}

/// A backend in which every kind of change happened.
fn eventful() -> Backend {
    let mut backend = Backend::new(new_state());
    let seconds = Duration::from_secs;
    let options = TransferOptions::new;
    let named = options().description("ឱ\u{1}\"").instruction_ref("FT1");
    for (cents, options) in [
        (1, options().after(seconds(5))),
        (1, named),
        (1, options().again()),
        (3, options().after(seconds(601))),
        (4, options().after(seconds(601))),
        (4, options().after(seconds(602)).late()),
    ] {
        let payer = "dara@devb".parse().unwrap();
        backend.pay(&code(cents), payer, &options, NOW).unwrap();
    }
    // Every kind of step below `CLOCK`, so that neither the clock nor the tokens change.
    for kind in 0..CLOCK {
        for number in 0..6 {
            step(&mut backend, (kind, number));
        }
    }
    backend.add_fault(rule(r#"{"answer":"cut","times":5,"after":1}"#));
    backend.add_fault(rule(r#"{"percent":50,"times":"always","delayMs":3}"#));
    backend.match_fault(None);
    backend
}

/// The text of a state, with sorted lines where the order is arbitrary.
fn text_of(state: &State) -> String {
    let text = String::from_utf8(format::write(state).unwrap()).unwrap();
    let is_unordered = |line: &&str| {
        ["account", "used", "staticCode", "issued"]
            .iter()
            .any(|kind| line.starts_with(&format!("[{{\"{kind}\":")))
    };
    let (mut unordered, mut lines): (Vec<&str>, Vec<&str>) = text.lines().partition(is_unordered);
    unordered.sort_unstable();
    lines.append(&mut unordered);
    lines.join("\n")
}

fn read(text: &[u8]) -> State {
    format::read(text).map(|content| content.state).unwrap()
}

fn reloaded(state: &State) -> State {
    read(&format::write(state).unwrap())
}

fn error_of(text: &str) -> String {
    format::read(text.as_bytes()).err().unwrap()
}

/// A temporary folder.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("bakong-sandbox-persist-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("state.json")
    }

    /// The sorted names of its files.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_restored_state_has_the_same_future() {
    let mut original = eventful();
    let mut restored = Backend::new(reloaded(original.state()));
    assert_eq!(text_of(original.state()), text_of(restored.state()));
    for step in [0, 5, 596, 1] {
        for backend in [&mut original, &mut restored] {
            let clock = backend.state().clock.advanced(Duration::from_secs(step));
            backend.set_clock(clock);
            backend.settle(clock.now());
        }
        assert_eq!(
            text_of(original.state()),
            text_of(restored.state()),
            "{step}"
        );
        restored = Backend::new(reloaded(restored.state()));
    }
    let statuses = |backend: &Backend| -> Vec<_> {
        let transfers = backend.state().ledger.transfers();
        transfers.map(Transfer::status).collect()
    };
    assert_eq!(statuses(&restored), statuses(&original));
    for position in [0, 3, 4] {
        let status = statuses(&restored)[position];
        assert!(matches!(status, TransferStatus::Refused(_)), "{status:?}");
    }
    let [original, restored] = [original, restored].map(|mut backend| {
        let matched: Vec<bool> = (0..64)
            .map(|_| backend.match_fault(None).is_some())
            .collect();
        let number = backend.add_fault(Fault::cut());
        let token = backend.issue_token("x@example.com", NOW).token;
        (matched, number, token, backend.create_link("x"))
    });
    assert_eq!(original, restored);
}

/// Damages a line in several ways, each with the key of the tokens in it.
#[test]
fn an_error_repeats_nothing_of_the_file() {
    let text = String::from_utf8(format::write(eventful().state()).unwrap()).unwrap();
    let start = text.find("\"tokenKey\":\"").unwrap() + 12;
    let key = &text[start..start + 128];
    let damages = [
        format!("[{{\"token_key\":\"{key}\"}}]"),
        format!("[{{\"{key}\":1}}]"),
        format!("[\"{key}\"]"),
        format!("\"{key}\""),
        format!("[{{\"drawn\":\"{key}\"}}]"),
        format!("[{{\"account\":\"{key}, expected {key}\"}}]"),
        format!("[{{\"mail\":{{\"{key}\":1}}}}]"),
        format!("[{{\"fault\":{{\"number\":1,\"rule\":{{\"answer\":\"{key}\"}}}}}}]"),
        format!("[{{\"tokenKey\":\"\u{1b}[2J{key}\"}}]"),
        format!("[{{\"tokenKey\":\"\\u001b[2J{key}\"}}]"),
    ];
    for damage in damages {
        let (head, rest) = text.split_once('\n').unwrap();
        let (_, rest) = rest.split_once('\n').unwrap();
        let error = error_of(&format!("{head}\n{damage}\n{rest}"));
        assert!(error.starts_with("line 2"), "{error}");
        assert!(!error.contains(&key[..16]), "{error}");
        assert!(!error.contains('\u{1b}'), "{error}");
    }
}

#[test]
fn a_running_clock_keeps_running() {
    let clock = SandboxClock::from_setting(ClockSetting::AheadMs(86_400_000));
    let state = State::new(clock, Entropy::from_seed([9; 32]));
    assert_eq!(reloaded(&state).clock.ahead_by(), Some(86_400_000));
}

#[test]
fn an_invalid_file_is_refused_with_the_location() {
    let text = String::from_utf8(format::write(eventful().state()).unwrap()).unwrap();
    for (from, to, expected) in [
        ("\"format\":3", "\"format\":4", "wrote it in format 4"),
        ("\"seed\":\"0", "\"seed\":\"", "line 1: seed is not"),
        (
            "\"tokenKey\":\"",
            "\"tokenKey\":\"x",
            "line 2: tokenKey is not",
        ),
        (" USD\"", " THB\"", "line 27, column "),
        (
            "{\"drawn\":",
            "{\"drown\":",
            "line 3, column 9: unknown variant, expected one of",
        ),
        ("\"2@devb\"", "\"two\"", "line "),
        (
            "\"answer\":\"cut\"",
            "\"answer\":\"x\"",
            "unknown variant, expected one of",
        ),
        ("[\"complete\"]\n", "", "the file is incomplete"),
        (
            "[\"complete\"]",
            "[{\"settled\":999}]",
            "no order 999 to settle",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        let error = error_of(&text.replacen(from, to, 1));
        assert!(error.contains(expected), "{to}: {error}");
    }
    assert!(error_of("{\n\"format\": 3}").starts_with("line 1, column 1: EOF"));
    // The header of earlier versions.
    for format in [1, 2] {
        let error = error_of(&format!(r#"{{"about":"","format":{format},"seed":""}}"#));
        assert!(
            error.contains(&format!("in format {format}; this")),
            "{error}"
        );
    }
    // Only a line after the snapshot may be truncated.
    for end in [text.len() / 2, text.len() - 3] {
        let error = error_of(&text[..end]);
        assert!(error.starts_with("line "), "{error}");
    }
}
