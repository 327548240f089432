//! The sandbox over a real socket, asked by a client that shares no code with it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod access;
mod accounts;
mod api_fuzz;
mod check_by_md5;
mod client;
mod clock;
mod control;
mod customers;
mod events;
mod faults;
mod http;
mod start_and_stop;
mod check_lists;
mod lookups;
mod quirks;
mod page;
mod control_pay;
mod quota;
mod state_file;
mod stress;
mod tokens;

use std::time::Duration;

use bakong_sandbox::{Customer, Sandbox, SandboxClock};
use khqr_core::{AccountId, Amount, Currency, KhqrBuilder, Md5Handle, Timestamp};

/// The moment of payment in the published answer that `checks` compares with.
const NOW: Timestamp = Timestamp::from_millis(1_761_154_142_000);
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// A sandbox whose time stands still at [`NOW`] and whose secrets are always the same.
async fn sandbox() -> Sandbox {
    Sandbox::builder()
        .clock(SandboxClock::frozen_at(NOW))
        .seed([42; 32])
        .start()
        .await
        .unwrap()
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

/// A code of `shop@devb` from [`NOW`] on for ten minutes.
fn dynamic_code(amount: Amount) -> String {
    shop()
        .dynamic_code(amount, NOW, NOW.saturating_add(TEN_MINUTES))
        .unwrap()
        .to_text()
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
