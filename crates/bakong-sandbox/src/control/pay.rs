//! `POST /sandbox/pay` and `POST /sandbox/scan`: what a customer does with a code.

use std::time::Duration;

use http::StatusCode;
use khqr_core::{AccountIdBuf, Amount, Currency, ErrorKind, Khqr};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::call::{Call, Reply};
use super::clock::{lead_advice, too_far};
use super::refusal::Refusal;
use crate::backend::view;
use crate::bank::{Lookup, TransferError, TransferOptions};
use crate::clock::{LAST, SandboxClock};
use crate::input::{self, InputError};

/// The default payer.
const PAYER: &str = "dara@devb";

/// The maximum number of payments per request.
const MAX_TIMES: u32 = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PayBody {
    qr: Option<String>,
    from: Option<String>,
    to: Option<String>,
    times: Option<u32>,
    delay_ms: Option<u64>,
    description: Option<String>,
    instruction_ref: Option<String>,
    late: Option<bool>,
    again: Option<bool>,
    failing: Option<bool>,
    /// A number or a string. A raw number keeps its digits.
    amount: Option<Box<RawValue>>,
    currency: Option<String>,
}

pub(super) fn pay(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let body: PayBody = call.body()?;
    let clock = call.backend.state().clock;
    let code = code(body.qr.as_deref())?;
    let help = "specify an account such as dara@devb";
    let payer = body.from.as_deref().unwrap_or(PAYER);
    let payer: Option<AccountIdBuf> = input::parsed("body.from", Some(payer), help)?;
    let payer = payer.ok_or_else(|| InputError::missing("body.from", help))?;
    let payee: Option<AccountIdBuf> = input::parsed("body.to", body.to.as_deref(), help)?;
    let times = body.times.unwrap_or(1);
    if !(1..=MAX_TIMES).contains(&times) {
        let help = format!("specify a number from 1 to {MAX_TIMES}");
        return Err(InputError::new("body.times", "the number is out of range", help).into());
    }
    let delay = Duration::from_millis(body.delay_ms.unwrap_or_default());
    let longest = LAST.saturating_since(call.now);
    if delay > longest {
        return Err(too_far("body.delayMs", longest).into());
    }
    let mut options = TransferOptions::new().after(delay);
    if let Some(payee) = &payee {
        options = options.payee(payee.as_id());
    }
    if let Some(text) = body.description {
        options = options.description(text);
    }
    if let Some(reference) = body.instruction_ref {
        options = options.instruction_ref(reference);
    }
    for (is_set, option) in [
        (body.late, TransferOptions::late as fn(_) -> _),
        (body.again, TransferOptions::again),
        (body.failing, TransferOptions::failing),
    ] {
        if is_set == Some(true) {
            options = option(options);
        }
    }
    let amount = body.amount.as_deref().map(RawValue::get);
    if let Some(amount) = read_amount(amount, body.currency.as_deref(), code, &clock)? {
        options = options.amount(amount);
    }

    if let Ok(khqr) = Khqr::parse(code) {
        call.backend.observe_code(&khqr, call.now);
    }
    let mut payments = Vec::new();
    for _ in 0..times {
        let paid = call.backend.pay(code, payer.clone(), &options, call.now);
        let paid = paid.map_err(|error| refusal(error, &clock))?;
        payments.push(view::transfer(&paid));
        // The request asks for further payments of the same code.
        options = options.again();
    }
    call.backend.open_account(payer);
    Ok(Reply::json(&json!({ "payments": payments })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ScanBody {
    qr: Option<String>,
    dry_run: Option<bool>,
}

pub(super) fn scan(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let body: ScanBody = call.body()?;
    let clock = call.backend.state().clock;
    let code = code(body.qr.as_deref())?;
    let khqr = Khqr::parse(code).map_err(|error| refusal(error.into(), &clock))?;
    if body.dry_run != Some(true) {
        call.backend.observe_code(&khqr, call.now);
    }
    let found = call
        .backend
        .settled_ledger(call.now)
        .find_by_md5(khqr.md5());
    let is_paid = matches!(found, Lookup::Transferred(_));
    let unpayable = khqr.verify(call.now).err().map(TransferError::from);
    let unpayable = unpayable.or(is_paid.then_some(TransferError::AlreadyPaid));
    Ok(Reply::json(&json!({
        "khqr": view::khqr(&khqr),
        "payable": unpayable.is_none(),
        "reason": unpayable.as_ref().map(view::reason),
        "help": unpayable.as_ref().map(|error| advice(error, &clock).1),
    })))
}

/// The code without the line break that is often pasted with it.
fn code(qr: Option<&str>) -> Result<&str, InputError> {
    let missing = || InputError::missing("body.qr", "send the text of a KHQR code");
    qr.map(str::trim).ok_or_else(missing)
}

/// The amount that the customer enters, by default in the code's currency.
fn read_amount(
    raw: Option<&str>,
    currency: Option<&str>,
    code: &str,
    clock: &SandboxClock,
) -> Result<Option<Amount>, Refusal> {
    let currency: Option<Currency> =
        input::parsed("body.currency", currency, "specify KHR or USD")?;
    let Some(raw) = raw else {
        if currency.is_some() {
            let what = "a currency needs an amount";
            let help = "also specify an amount, or omit the currency";
            return Err(InputError::new("body.currency", what, help).into());
        }
        return Ok(None);
    };
    let text: String = serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned());
    let currency = match currency {
        Some(currency) => currency,
        None => {
            let requested = Khqr::parse(code).and_then(|khqr| khqr.currency());
            requested.map_err(|error| refusal(error.into(), clock))?
        }
    };
    let amount = Amount::parse(&text, currency).map_err(|error| {
        let help = "specify a plain number such as 1.50; riel have no decimals";
        InputError::new("body.amount", error.to_string(), help)
    })?;
    Ok(Some(amount))
}

/// The refusal of a bank's app, with a remedy for the sandbox.
fn refusal(error: TransferError, clock: &SandboxClock) -> Refusal {
    let (place, help) = advice(&error, clock);
    Refusal {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        error: InputError::new(place, error.to_string(), help),
        reason: Some(view::reason(&error)),
    }
}

/// The location of the problem, and the remedy.
fn advice(error: &TransferError, clock: &SandboxClock) -> (&'static str, String) {
    let (place, help) = match error {
        TransferError::Code(code) if code.kind() == ErrorKind::Expired => {
            let help = "create a new code, or pay this one with \"late\": true";
            let lead = lead_advice(clock).map(|lead| format!("{lead}; or {help}"));
            return ("body.qr", lead.unwrap_or_else(|| help.to_owned()));
        }
        TransferError::Code(_) => (
            "body.qr",
            "compare the text with the code that the shop created; `bakong qr inspect` shows its fields",
        ),
        TransferError::AmountRequired => (
            "body.amount",
            "specify an amount, as a customer enters it for a static code",
        ),
        TransferError::AmountZero => ("body.amount", "specify an amount greater than zero"),
        TransferError::AlreadyPaid => ("body.qr", "create a new code, or pay with \"again\": true"),
    };
    (place, help.to_owned())
}
