//! What is written is what is read, and nothing that cannot be read is overwritten.

mod changes;
mod file;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request};
use khqr_core::{AccountId, Amount, Currency, Khqr, KhqrBuilder, Md5Handle, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::clock::SandboxClock;
use crate::customer::TransferOptions;
use crate::entropy::Entropy;
use crate::payment::{Transfer, TransferStatus};
use crate::quota::QuotaLimit;
use crate::{ApiEndpoint, Fault};

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

/// Asks the API for something, with a token or without.
fn ask(state: &mut State, endpoint: ApiEndpoint, token: Option<&str>, body: &Value) {
    let body = Bytes::from(body.to_string());
    let request = Request::post(endpoint.path()).header(USER_AGENT, "test");
    let mut request = request.body(body).unwrap();
    if let Some(token) = token {
        let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    state.handle(&request);
}

fn link(state: &mut State, code: &str) {
    let body = json!({ "qr": code });
    ask(state, ApiEndpoint::GenerateDeeplinkByQr, None, &body);
}

/// Asks whether `code` was paid.
fn check(state: &mut State, token: &str, code: &str) {
    let body = json!({ "md5": Md5Handle::of(code).to_string() });
    ask(
        state,
        ApiEndpoint::CheckTransactionByMd5,
        Some(token),
        &body,
    );
}

fn scan(state: &mut State, code: &str) {
    state.hear_of(&Khqr::parse(code).unwrap(), state.clock.now());
}

fn new_state() -> State {
    State::new(SandboxClock::frozen_at(NOW), Entropy::from_seed([9; 32]))
}

fn order(state: &mut State, code: &str, options: &TransferOptions) {
    let payer = "dara@devb".parse().unwrap();
    let order = options.order(code, payer, NOW).unwrap();
    state.ledger.place(order, NOW, &mut state.entropy).unwrap();
}

fn fault(rule: &str) -> Fault {
    Fault::from_json(rule).unwrap()
}

/// A state in which everything happened that a file can tell of.
fn eventful() -> State {
    let mut state = new_state();
    let options = TransferOptions::new;
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
    let token = state.issue_token("one@example.com");
    state.issue_token("one@example.com");
    for number in [10, 11] {
        check(&mut state, &token, &code(number));
        link(&mut state, &code(number));
    }
    check(&mut state, &token, &code(12));
    scan(&mut state, &code(13));
    scan(&mut state, &static_code(1));
    scan(&mut state, &static_code(2));
    let State {
        registry, entropy, ..
    } = &mut state;
    registry.request("two@example.com", NOW, entropy);
    registry.request("two@example.com", NOW, entropy);
    let id = state.registry.id("one@example.com").unwrap().to_owned();
    for _ in 0..3 {
        state.quota.draw(&id, NOW);
    }
    let quota = QuotaLimit::per_day(7).resets_at(seconds(60));
    state.quota.quota = quota.of_checks_only();
    state.open_account("someone@devb".parse().unwrap());
    state.add_fault(fault(r#"{"answer":"cut","times":5,"after":1}"#));
    state.add_fault(fault(r#"{"percent":50,"times":"always","delayMs":3}"#));
    let gone = state.add_fault(fault(r#"{"answer":"hang"}"#));
    state.remove_fault(gone);
    for _ in 0..3 {
        state.faults.next(None);
    }
    state
}

/// Its text, with what stands in no order at the end and sorted.
fn text_of(state: &State) -> String {
    let text = String::from_utf8(text::whole(state).unwrap()).unwrap();
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
    text::read(text).map(|read| read.state).unwrap()
}

fn again(state: &State) -> State {
    read(&text::whole(state).unwrap())
}

/// What is wrong with a text.
fn error_of(text: &str) -> String {
    text::read(text.as_bytes()).err().unwrap()
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

    fn file(&self) -> PathBuf {
        self.0.join("state.json")
    }

    /// The names of what is in it.
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
    let statuses = |state: &mut State| -> Vec<_> {
        let payments = state.ledger.payments(NOW);
        payments.iter().map(Transfer::status).collect()
    };
    let refused = |status: &TransferStatus| matches!(status, TransferStatus::Refused(_));
    let restored_ones = statuses(&mut restored);
    assert!(
        [0, 4, 5]
            .iter()
            .all(|place| refused(&restored_ones[*place])),
        "{restored_ones:?}"
    );
    assert_eq!(restored_ones, statuses(&mut state));
    let mut next = || {
        [&mut state, &mut restored].map(|state| {
            let strikes: Vec<bool> = (0..64).map(|_| state.faults.next(None).is_some()).collect();
            let number = state.add_fault(Fault::cut());
            let token = state.issue_token("x@example.com");
            (strikes, number, token, state.entropy.transaction_hash())
        })
    };
    let [original, restored] = next();
    assert_eq!(original, restored);
}

#[test]
fn a_running_clock_goes_on_running() {
    let clock = SandboxClock::ahead(86_400_000);
    let state = State::new(clock, Entropy::from_seed([9; 32]));
    assert_eq!(again(&state).clock.ahead_by(), Some(86_400_000));
}

#[test]
fn what_makes_no_sense_is_told_with_its_place() {
    let text = String::from_utf8(text::whole(&eventful()).unwrap()).unwrap();
    for (from, to, told) in [
        ("\"format\":2", "\"format\":3", "its format is 3"),
        ("\"seed\":\"0", "\"seed\":\"", "line 1: seed is not"),
        (
            "\"tokenKey\":\"",
            "\"tokenKey\":\"x",
            "line 2: tokenKey is not",
        ),
        (
            "\"currency\":\"USD\"",
            "\"currency\":\"THB\"",
            "line 12: payment: ",
        ),
        (
            "{\"drawn\":",
            "{\"drown\":",
            "line 3, column 9: unknown variant `drown`",
        ),
        ("\"someone@devb\"", "\"someone\"", ": account: "),
        (
            "\"answer\":\"cut\"",
            "\"answer\":\"x\"",
            "fault 1: rule.answer: ",
        ),
        ("[\"whole\"]\n", "", "and there was more"),
        (
            "[\"whole\"]",
            "[{\"outcome\":{\"place\":9,\"status\":\"failed\",\"foundByMd5\":false}}]",
            "no payment 9",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        let error = error_of(&text.replacen(from, to, 1));
        assert!(error.contains(told), "{to}: {error}");
    }
    assert!(error_of("{\n\"format\": 2}").starts_with("line 1, column 1: EOF"));
    // As versions before this one wrote it.
    let error = error_of(r#"{"about":"","format":1,"seed":"","drawn":2}"#);
    assert!(error.contains("its format is 1"), "{error}");
    // Only what came after the file was made may end in its middle.
    for end in [text.len() / 2, text.len() - 3] {
        let error = error_of(&text[..end]);
        assert!(error.starts_with("line "), "{error}");
    }
}
