//! The JSON form of everything that `/sandbox/…` returns.

use khqr_core::{Amount, Currency, Khqr, Timestamp};
use serde_json::{Value, json};

use crate::access::{Mail, Registry};
use crate::bank::{OpenCode, Transfer, TransferError, TransferStatus};
use crate::clock::SandboxClock;
use crate::fault::FaultQueue;
use crate::state::State;

pub(crate) fn transfer(transfer: &Transfer) -> Value {
    let refused = match transfer.status() {
        TransferStatus::Refused(error) => Some(reason(&error)),
        _ => None,
    };
    json!({
        "hash": transfer.hash(),
        "shortHash": transfer.hash().get(..8),
        "md5": transfer.md5().to_string(),
        "from": transfer.payer().as_str(),
        "to": transfer.payee().as_str(),
        "amount": amount(transfer.amount()),
        "currency": transfer.amount().currency().alphabetic_code(),
        "description": transfer.description(),
        "billNumber": transfer.bill_number(),
        "instructionRef": transfer.instruction_ref(),
        "externalRef": transfer.external_ref(),
        "createdAt": transfer.created_at().as_millis(),
        "acknowledgedAt": transfer.acknowledged_at().as_millis(),
        "status": status(transfer.status()),
        "reason": refused,
    })
}

/// The amount as a string, so that a client that reads numbers as floats loses no digits.
fn amount(amount: Amount) -> String {
    amount.payload_text().to_string()
}

const fn status(status: TransferStatus) -> &'static str {
    match status {
        TransferStatus::Scheduled => "scheduled",
        TransferStatus::Transferred => "transferred",
        TransferStatus::Failed => "failed",
        TransferStatus::Refused(_) => "refused",
    }
}

/// Why a bank's app refuses to pay a code.
pub(crate) fn reason(error: &TransferError) -> Value {
    match error {
        TransferError::Code(error) => json!({
            "kind": error.kind().name(),
            "message": error.to_string(),
            "tag": error.tag().map(|tag| tag.to_string()),
            "offset": error.offset(),
            "sdkCode": error.sdk_code(),
            "sdkMessage": error.sdk_message(),
        }),
        other => json!({ "kind": kind(other), "message": other.to_string() }),
    }
}

/// The name of the error.
const fn kind(error: &TransferError) -> &'static str {
    match error {
        TransferError::Code(error) => error.kind().name(),
        TransferError::AmountRequired => "AmountRequired",
        TransferError::AmountZero => "AmountZero",
        TransferError::AlreadyPaid => "AlreadyPaid",
    }
}

/// What a customer sees after scanning a code.
pub(crate) fn khqr(khqr: &Khqr<'_>) -> Value {
    let money = khqr.amount().ok().flatten();
    json!({
        "md5": khqr.md5().to_string(),
        "to": khqr.account().as_str(),
        "merchantName": khqr.merchant_name(),
        "merchantCity": khqr.merchant_city(),
        "currency": khqr.currency().ok().map(Currency::alphabetic_code),
        "amount": money.map(amount),
        "billNumber": khqr.bill_number(),
        "storeLabel": khqr.store_label(),
        "expiresAt": khqr.expires_at().ok().flatten().map(Timestamp::as_millis),
    })
}

pub(crate) fn code(code: &OpenCode) -> Value {
    let text = code.text.as_deref();
    json!({
        "md5": code.md5.to_string(),
        "qr": text,
        "khqr": text.and_then(|text| Khqr::parse(text).ok()).as_ref().map(khqr),
        "firstAsked": code.first_asked.as_millis(),
        "lastAsked": code.last_asked.as_millis(),
        "checks": code.checks,
    })
}

pub(crate) fn clock(clock: &SandboxClock) -> Value {
    let now = clock.now();
    json!({
        "now": now.as_millis(),
        "mode": if clock.is_frozen() { "frozen" } else { "running" },
        "aheadMs": clock.ahead_by(),
    })
}

pub(crate) fn faults(faults: &FaultQueue) -> Value {
    let faults = faults.iter();
    let faults = faults.map(|(number, fault)| json!({ "number": number, "rule": fault }));
    json!({ "faults": faults.collect::<Vec<_>>() })
}

pub(crate) fn mail(email: &str, mail: &Mail) -> Value {
    json!({ "email": email, "sentAt": mail.sent_at.as_millis(), "code": mail.code })
}

/// The latest e-mail to `email`.
pub(crate) fn last_mail(registry: &Registry, email: &str) -> Value {
    let last = registry.mailbox(email).last();
    last.map_or(Value::Null, |last| mail(email, last))
}

pub(crate) fn quota(state: &State) -> Value {
    let (usage, now) = (&state.quota, state.clock.now());
    let limit = usage.limit;
    let addresses = state.registry.registered().map(|(email, id)| {
        let used = usage.used(id, now);
        let left = limit.limit().map(|limit| limit.saturating_sub(used));
        json!({ "email": email, "used": used, "left": left })
    });
    let reset = limit.reset_time().as_secs();
    json!({
        "limit": limit.limit(),
        "counts": if limit.is_checks_only() { "checks" } else { "all" },
        "resetsAt": format!("{:02}:{:02}", reset / 3600, reset / 60 % 60),
        "nextReset": limit.next_reset(now).as_millis(),
        "addresses": addresses.collect::<Vec<_>>(),
    })
}
