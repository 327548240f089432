//! Asks Bakong whether a code was paid: before and after the payment, and during an outage. A sandbox in this process
//! plays Bakong and the customer, so the example needs no account and no network.
//!
//! ```console
//! $ cargo run -p bakong-http --example check_payment
//! ```
//!
//! For the live service, pass `Environment::Production` instead of the sandbox's address. A shop with many payments
//! uses `bakong-flow` instead of single checks, because Bakong allows about 100 requests a day.

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::khqr_core::{AccountId, Amount, KhqrBuilder, Md5Handle};
use bakong_api::{AccessToken, ApiError, BaseUrl, CheckAnswer, Session};
use bakong_http::HyperTransport;
use bakong_sandbox::{Fault, Sandbox};
use http::StatusCode;

#[allow(dead_code, reason = "a test uses the rest of this file as a module")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    run(io::stdout()).await
}

pub(crate) async fn run(mut out: impl Write) -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    let token = AccessToken::new(&sandbox.issue_token("shop@example.com"))?;
    let base_url = BaseUrl::new(&sandbox.base_url())?;
    let session = Session::new(HyperTransport::new()?, base_url).with_token(token);

    let now = sandbox.now();
    let code = KhqrBuilder::individual(AccountId::new("sokha@devb")?, "Sokha Coffee")
        .bill_number("INV-2041")
        .dynamic_code(
            Amount::us_cents(150),
            now,
            now.saturating_add(Duration::from_secs(600)),
        )?
        .to_text();
    let check = CheckTransactionByMd5::new(Md5Handle::of(&code));

    writeln!(out, "{}", conclusion(session.send(&check).await))?;

    sandbox.customer(AccountId::new("dara@devb")?).pay(&code)?;
    writeln!(out, "{}", conclusion(session.send(&check).await))?;

    // Bakong is down for longer than the transport repeats the request.
    sandbox.fault(Fault::status(StatusCode::SERVICE_UNAVAILABLE).always());
    writeln!(out, "{}", conclusion(session.send(&check).await))?;

    sandbox.stop().await;
    Ok(())
}

/// An error says nothing about the payment. It is never "not paid".
fn conclusion(answer: Result<CheckAnswer, ApiError>) -> String {
    match answer {
        Ok(CheckAnswer::Paid(transaction)) => match transaction.amount.known() {
            // Also compare the amount, the currency and the recipient with the order.
            Some(amount) => format!("paid: {amount}"),
            None => "paid, but the amount cannot be read: a person must look at it".to_owned(),
        },
        Ok(CheckAnswer::NotFound) => "not paid yet".to_owned(),
        Ok(CheckAnswer::Failed) => "the payment failed".to_owned(),
        Ok(CheckAnswer::StaticQr) => "a static code: not tracked by MD5".to_owned(),
        // An answer that a later version knows.
        Ok(_) => "unknown: update this program".to_owned(),
        Err(error) => format!("unknown; {:?}: {error}", error.class().remedy()),
    }
}
