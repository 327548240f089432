//! One payment played through in virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

#[cfg(feature = "tokio")]
mod drive;
mod settlement;
mod simulation;
mod transitions;

use bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
use bakong_api::{CheckAnswer, CheckTransactionByMd5, Endpoint};
use bakong_flow::{Expected, Payment, PaymentMachine, Policy};
use http::Response;

const OPENED: Timestamp = Timestamp::from_millis(1_795_000_000_000);
const EXPIRES: Timestamp = Timestamp::from_millis(1_795_000_600_000);
/// The expiry and the grace of `Policy::COUNTER`.
const DEADLINE: Timestamp = Timestamp::from_millis(1_795_000_603_000);

fn payment() -> Payment {
    let expected = Expected::new(
        Amount::from_minor_units(10_000, Currency::Khr),
        AccountIdBuf::new("sokha@devb").unwrap(),
    );
    Payment::new(Md5Handle::of("code"), expected, EXPIRES)
}

fn machine() -> PaymentMachine {
    PaymentMachine::new(payment(), Policy::COUNTER, OPENED)
}

/// Bakong's answer that a payment was made, as the wire has it.
fn paid_body(amount: &str, created_at: Timestamp) -> String {
    format!(
        r#"{{"responseCode":0,"responseMessage":"Success","errorCode":null,"data":{{"hash":"ab",
        "fromAccountId":"payer@bank","toAccountId":"sokha@devb","currency":"KHR","amount":{amount},
        "createdDateMs":{created_at}}}}}"#
    )
}

/// The answer to a check that has this body.
fn answer(body: String) -> CheckAnswer {
    CheckTransactionByMd5::new(payment().md5)
        .read(&Response::new(body.into()))
        .unwrap()
}

fn paid() -> CheckAnswer {
    answer(paid_body("10000", OPENED))
}
