//! Tests of the drawings through the public interface.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "an unexpected value fails the test"
)]

mod golden;
mod hostile;
mod options;
mod pictures;
mod scanners;
mod scans;

use khqr_core::{AccountId, Amount, Khqr, KhqrBuilder, Timestamp};

/// The text of a typical dynamic code.
fn dynamic_code() -> String {
    let account = AccountId::new("sokha@devb").unwrap();
    KhqrBuilder::individual(account, "Sokha Coffee")
        .second_language("km", "ហាងកាហ្វេ សុខា", None)
        .dynamic_code(
            Amount::us_cents(123_450),
            Timestamp::from_millis(1_795_000_000_000),
            Timestamp::from_millis(1_795_000_600_000),
        )
        .unwrap()
        .to_text()
}

fn read(text: &str) -> Khqr<'_> {
    Khqr::parse(text).unwrap()
}
