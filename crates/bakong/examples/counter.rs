//! Sells one coffee: makes a code, keeps the payment in a file, watches it, and tells when it is paid.
//!
//! The bank is a sandbox in this process, so the example needs no network and no account:
//! `cargo run -p bakong --example counter --features http,sandbox,sqlite,watch`

#![allow(clippy::print_stdout, reason = "an example")]

use std::error::Error;
use std::time::Duration;

use bakong::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // With the live service: `Environment::Production`, and the token of your registration.
    let sandbox = Sandbox::start().await?;
    let token = AccessToken::new(&sandbox.issue_token("shop@example.com"))?;
    let base_url = BaseUrl::new(&sandbox.base_url())?;
    let registration = Registration::of(&base_url, &token)?;

    // One watcher for all payments of the token. Open payments of an earlier run are continued.
    let transport = HyperTransport::for_watcher().build()?;
    let session = Session::new(transport, base_url).with_token(token);
    let folder = tempfile::tempdir()?;
    let database = SqliteDatabase::open(folder.path().join("payments.db")).await?;
    let watcher = Watcher::start(session, database.store(&registration).await?).await?;

    let now = SystemClock.now();
    let code = KhqrBuilder::individual(AccountId::new("sokha@devb")?, "Sokha Coffee")
        .bill_number("INV-2041")
        .dynamic_code(
            Amount::from_minor_units(8_000, Currency::Khr),
            now,
            now.saturating_add(Duration::from_secs(600)),
        )?
        .to_text();
    let payment = Payment::of_khqr(OrderId::new("INV-2041")?, &Khqr::parse(&code)?)?;
    // Fails if the remaining requests of the day do not cover a final check of this payment.
    let mut watched = watcher.watch(payment, Policy::COUNTER).await?;
    println!("show this code to the customer: {code}");

    // In the sandbox, you are the customer.
    let customer = sandbox.customer(AccountId::new("dara@devb")?);
    customer.pay(&code)?;

    match watched.outcome().await? {
        Outcome::Paid { transaction, .. } => println!("paid by {:?}", transaction.from_account_id),
        Outcome::NeedsReview { mismatches, .. } => println!("a person must decide: {mismatches:?}"),
        other => println!("not paid: {}", other.name()),
    }
    // Releases the lease, so that the next process can open payments at once.
    watcher.shutdown().await;
    sandbox.stop().await;
    Ok(())
}
