//! Tests of the sandbox over a real socket, with a client that shares no code with it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot continue fails"
)]

mod access;
mod accounts;
mod api_fuzz;
mod check_by_md5;
mod check_lists;
mod client;
mod clock;
mod control;
mod control_pay;
mod customers;
mod events;
mod faults;
#[cfg(unix)]
mod guide;
mod http;
mod lookups;
mod page;
mod picture;
mod quirks;
mod quota;
mod start_and_stop;
mod state_file;
mod stress;
mod tokens;
mod why;

use std::time::Duration;

use bakong_sandbox::{Customer, Sandbox, SandboxBuilder, SandboxClock};
use khqr_core::{AccountId, Amount, Currency, KhqrBuilder, Md5Handle, Timestamp};
use serde_json::Value;

/// The time of payment in the published response that `check_by_md5` compares with.
const NOW: Timestamp = Timestamp::from_millis(1_761_154_142_000);
const TEN_MINUTES: Duration = Duration::from_secs(600);
/// Far longer than any test waits, so that a hang becomes a failure.
const TIMEOUT: Duration = Duration::from_secs(30);

const EMAIL: &str = "dev@example.com";
const REGISTRATION: &str = r#"{"email":"new@example.com","organization":"a","project":"b"}"#;
const RENEWAL: &str = r#"{"email":"dev@example.com"}"#;

/// A builder with the clock stopped at [`NOW`] and a fixed seed.
fn builder() -> SandboxBuilder {
    Sandbox::builder()
        .clock(SandboxClock::frozen_at(NOW))
        .seed([42; 32])
}

async fn sandbox() -> Sandbox {
    builder().start().await.unwrap()
}

/// A sandbox and a token of [`EMAIL`].
async fn with_token() -> (Sandbox, String) {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token(EMAIL);
    (sandbox, token)
}

fn customer(sandbox: &Sandbox) -> Customer {
    sandbox.customer(AccountId::new("abaakhppxxx@abaa").unwrap())
}

const fn usd(cents: u64) -> Amount {
    Amount::from_minor_units(cents, Currency::Usd)
}

const fn khr(riel: u64) -> Amount {
    Amount::from_minor_units(riel, Currency::Khr)
}

/// A code of `shop@devb` that is valid for ten minutes from [`NOW`].
fn dynamic_code(amount: Amount) -> String {
    dynamic_code_from(NOW, amount)
}

/// A code of `shop@devb` that is valid for ten minutes from `start`.
fn dynamic_code_from(start: Timestamp, amount: Amount) -> String {
    let end = start.saturating_add(TEN_MINUTES);
    shop().dynamic_code(amount, start, end).unwrap().to_text()
}

fn static_code(currency: Currency) -> String {
    shop().static_code(currency).unwrap().to_text()
}

fn shop() -> KhqrBuilder<'static, khqr_core::Individual> {
    KhqrBuilder::individual(AccountId::new("shop@devb").unwrap(), "Shop")
}

fn md5_of(code: &str) -> Md5Handle {
    Md5Handle::of(code)
}

/// Asserts that `actual` has each member of the object `expected`. Ignores other members.
#[track_caller]
fn assert_has(actual: &Value, expected: Value) {
    let Value::Object(expected) = expected else {
        panic!("{expected} is not an object")
    };
    for (name, value) in expected {
        assert_eq!(actual[&name], value, "{name} in {actual}");
    }
}

/// Asserts that `text` contains each of `parts`.
#[track_caller]
fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
}
