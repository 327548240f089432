//! `POST /sandbox/pay`: somebody with a bank's app pays a code.

use std::time::Duration;

use http::StatusCode;
use khqr_core::{AccountIdBuf, Amount, Currency, ErrorKind, Khqr, Timestamp};
use serde_json::{Value, json};

use super::clock::about_lead;
use super::{Refusal, view};
use crate::clock::{LAST, SandboxClock};
use crate::customer::TransferOptions;
use crate::input::{Input, InputError};
use crate::payment::TransferError;
use crate::state::State;

/// Who pays unless said.
const PAYER: &str = "dara@devb";

/// How often a code may be paid at once.
const TIMES: u32 = 100;

pub(super) fn pay(state: &mut State, mut body: Input, now: Timestamp) -> Result<Value, Refusal> {
    let help = "give the text of a KHQR code";
    let code = body.text("qr")?;
    let code = body.needed("qr", code, help)?;
    // Whoever pastes a text often pastes the end of its line, too.
    let code = code.trim();
    let account = "give an account such as dara@devb";
    let payer: Option<AccountIdBuf> = body.parsed("from", account)?;
    let payee: Option<AccountIdBuf> = body.parsed("to", account)?;
    let times = body.small("times")?.unwrap_or(1);
    if !(1..=TIMES).contains(&times) {
        let help = format!("give a number from 1 to {TIMES}");
        return Err(body
            .error("times", "so often it cannot be paid at once", help)
            .into());
    }
    let clock = state.clock;
    let delay = Duration::from_millis(body.whole("delayMs")?.unwrap_or_default());
    let longest = LAST.saturating_since(now);
    if delay > longest {
        let help = format!("give at most {} milliseconds", longest.as_millis());
        return Err(body
            .error(
                "delayMs",
                "the clock does not go beyond the year 9999",
                help,
            )
            .into());
    }
    let mut options = TransferOptions::new().after(delay);
    if let Some(payee) = &payee {
        options = options.payee(payee.as_id());
    }
    if let Some(text) = body.text("description")? {
        options = options.description(text);
    }
    if let Some(reference) = body.text("instructionRef")? {
        options = options.instruction_ref(reference);
    }
    for (is_asked, option) in [
        (body.flag("late")?, TransferOptions::late as fn(_) -> _),
        (body.flag("again")?, TransferOptions::again),
        (body.flag("failing")?, TransferOptions::failing),
    ] {
        if is_asked {
            options = option(options);
        }
    }
    if let Some(amount) = amount(&mut body, code, &clock)? {
        options = options.amount(amount);
    }
    body.finish()?;

    let payer = match payer {
        Some(payer) => payer,
        None => PAYER.parse().map_err(|error: khqr_core::Error| {
            InputError::new("body.from", error.to_string(), account)
        })?,
    };
    if let Ok(khqr) = Khqr::parse(code) {
        state.hear_of(&khqr, now);
    }
    let mut payments = Vec::new();
    for _ in 0..times {
        let order = options.order(code, payer.clone(), now);
        let placed = order.and_then(|order| state.ledger.place(order, now, &mut state.entropy));
        payments.push(placed.map_err(|error| refusal(error, &clock))?);
        // Whoever pays more than once means to.
        options = options.again();
    }
    state.open_account(payer);
    let payments: Vec<_> = payments.iter().map(view::payment).collect();
    Ok(json!({ "payments": payments }))
}

/// The amount that the customer types in, as a number or as a text, in the code's currency unless said.
fn amount(body: &mut Input, code: &str, clock: &SandboxClock) -> Result<Option<Amount>, Refusal> {
    let currency: Option<Currency> = body.parsed("currency", "give KHR or USD")?;
    let Some(raw) = body.raw("amount") else {
        if currency.is_some() {
            let help = "give the amount too, or leave the currency out";
            return Err(body
                .error("currency", "there is no amount with it", help)
                .into());
        }
        return Ok(None);
    };
    let text: String = serde_json::from_str(&raw).unwrap_or(raw);
    let currency = match currency {
        Some(currency) => currency,
        None => {
            let asked = Khqr::parse(code).and_then(|khqr| khqr.currency());
            asked.map_err(|error| refusal(error.into(), clock))?
        }
    };
    let amount = Amount::parse(&text, currency).map_err(|error| {
        let help = "give a plain number such as 1.50; riel have no decimals";
        body.error("amount", error.to_string(), help)
    })?;
    Ok(Some(amount))
}

/// What a bank's app says, and what to do about it here.
pub(super) fn refusal(error: TransferError, clock: &SandboxClock) -> Refusal {
    let (place, help) = advice(&error, clock);
    let mut refusal = Refusal::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        InputError::new(place, error.to_string(), help),
    );
    refusal.reason = Some(view::reason(&error));
    refusal
}

/// Where the trouble is, and what to do about it.
pub(super) fn advice(error: &TransferError, clock: &SandboxClock) -> (&'static str, String) {
    let (place, help) = match error {
        TransferError::Code(code) if code.kind() == ErrorKind::Expired => {
            let help = "make a new code, or pay this one with \"late\": true";
            let lead = about_lead(clock).map(|lead| format!("{lead}; or {help}"));
            return ("body.qr", lead.unwrap_or_else(|| help.to_owned()));
        }
        TransferError::Code(_) => (
            "body.qr",
            "compare the text with what the shop made; `bakong qr inspect` shows its fields",
        ),
        TransferError::AmountRequired => (
            "body.amount",
            "give an amount, as a customer types it in for a static code",
        ),
        TransferError::AmountZero => ("body.amount", "give an amount above zero"),
        TransferError::AlreadyPaid => ("body.qr", "make a new code, or pay with \"again\": true"),
    };
    (place, help.to_owned())
}
