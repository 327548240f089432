//! A till at a counter: one sale after another, each with a code of its own. A sandbox in this process plays Bakong and
//! the customers, so the example needs no account and no network.
//!
//! ```console
//! $ cargo run -p bakong-flow --features tokio --example till -- 1.50 12 2.255
//! TILL1-1: show this code for 1.50 USD: 000201…
//! TILL1-1: paid
//! …
//! sale 3: 2.255 is not an amount: transaction amount (tag 54): too many decimals; …
//! ```
//!
//! A till that must survive a restart uses a store of `bakong-store` instead of `MemoryStore`; see the example `shop` there.
//! `khqr-card` draws the code.

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use bakong_api::khqr_core::{AccountId, Amount, Currency, Khqr, KhqrBuilder, Printable};
use bakong_api::{AccessToken, BaseUrl, Session};
use bakong_flow::{
    Clock, MemoryStore, OrderId, Outcome, Payment, Policy, SystemClock, Watched, Watcher,
};
use bakong_http::HyperTransport;
use bakong_sandbox::Sandbox;

type Till = Watcher<HyperTransport>;

#[allow(dead_code, reason = "a test uses the rest of this file as a module")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut amounts: Vec<String> = std::env::args().skip(1).collect();
    if amounts.is_empty() {
        amounts = vec!["1.50".to_owned()];
    }
    run(&amounts, io::stdout()).await
}

pub(crate) async fn run(amounts: &[String], mut out: impl Write) -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    let customer = sandbox.customer(AccountId::new("dara@devb")?);
    let token = AccessToken::new(&sandbox.issue_token("till@example.com"))?;
    let base_url = BaseUrl::new(&sandbox.base_url())?;
    // The watcher decides when to ask again, so the transport must not repeat checks.
    let transport = HyperTransport::for_watcher().build()?;
    let session = Session::new(transport, base_url).with_token(token);
    // One watcher for each token, for all sales.
    let till = Watcher::start(session, MemoryStore::new()).await?;

    for (amount, number) in amounts.iter().zip(1..) {
        let amount = match Amount::parse(amount, Currency::Usd) {
            Ok(amount) => amount,
            Err(error) => {
                let amount = Printable(amount);
                writeln!(out, "sale {number}: {amount} is not an amount: {error}")?;
                continue;
            }
        };
        let order = format!("TILL1-{number}");
        let (code, mut sale) = open(&till, &order, amount).await?;
        writeln!(out, "{order}: show this code for {amount}: {code}")?;

        customer.pay(&code)?;
        // The customer shows a receipt, so the cashier asks for an early check. The receipt itself proves nothing.
        sale.nudge().await?;
        match sale.outcome().await? {
            // Amount, currency and recipient match.
            Outcome::Paid { late: false, .. } => writeln!(out, "{order}: paid")?,
            Outcome::Expired => writeln!(out, "{order}: not paid")?,
            other => writeln!(out, "{order}: call the manager: {}", other.name())?,
        }
    }
    till.shutdown().await;
    sandbox.stop().await;
    Ok(())
}

/// Starts to watch a sale, and returns the code to show. Fails if the quota has no request left for the final check; then
/// no code may be shown, because the shop would not learn whether it was paid.
async fn open(
    till: &Till,
    order: &str,
    amount: Amount,
) -> Result<(String, Watched), Box<dyn Error>> {
    let now = SystemClock.now();
    let expires_at = now.saturating_add(Duration::from_secs(600));
    let code = KhqrBuilder::individual(AccountId::new("sokha@devb")?, "Sokha Coffee")
        // Two sales must have different codes: Bakong finds a payment by the MD5 of the code.
        .bill_number(order)
        .terminal_label("TILL1")
        .dynamic_code(amount, now, expires_at)?
        .to_text();
    let payment = Payment::of_khqr(OrderId::new(order)?, &Khqr::parse(&code)?)?;
    let sale = till.watch(payment, Policy::COUNTER).await?;
    Ok((code, sale))
}
