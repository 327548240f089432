//! How things are told in JSON.

use khqr_core::{Amount, Currency, Khqr, Timestamp};
use serde_json::{Value, json};

use crate::clock::SandboxClock;
use crate::codes::OpenCode;
use crate::fault::Faults;
use crate::keep::Journal;
use crate::payment::{Transfer, TransferError, TransferStatus};
use crate::quota::QuotaLedger;
use crate::registry::{Mail, Registry};
use crate::state::State;

pub(crate) fn payment(payment: &Transfer) -> Value {
    let refused = match payment.status() {
        TransferStatus::Refused(error) => Some(reason(&error)),
        _ => None,
    };
    json!({
        "hash": payment.hash(),
        "shortHash": payment.hash().get(..8),
        "md5": payment.md5().to_string(),
        "from": payment.payer().as_str(),
        "to": payment.payee().as_str(),
        "amount": amount(payment.amount()),
        "currency": payment.amount().currency().alphabetic_code(),
        "description": payment.description(),
        "instructionRef": payment.instruction_ref(),
        "externalRef": payment.external_ref(),
        "createdAt": payment.created_at().as_millis(),
        "acknowledgedAt": payment.acknowledged_at().as_millis(),
        "status": status(payment.status()),
        "reason": refused,
    })
}

/// A text, so that no digit is lost in anybody's floats.
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

/// Why a bank's app does not take a payment.
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

/// The name of the variant.
pub(crate) const fn kind(error: &TransferError) -> &'static str {
    match error {
        TransferError::Code(error) => error.kind().name(),
        TransferError::AmountRequired => "AmountRequired",
        TransferError::AmountZero => "AmountZero",
        TransferError::AlreadyPaid => "AlreadyPaid",
    }
}

/// What a customer sees of a code that they scanned.
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

pub(crate) fn faults(faults: &Faults) -> Value {
    let faults = faults.iter();
    let faults = faults.map(|(number, fault)| json!({ "number": number, "rule": fault.rule() }));
    json!({ "faults": faults.collect::<Vec<_>>() })
}

pub(crate) fn mail(email: &str, mail: &Mail) -> Value {
    json!({ "email": email, "sentAt": mail.sent_at.as_millis(), "code": mail.code })
}

/// The mail that was sent to `email` last.
pub(crate) fn last_mail(registry: &Registry, email: &str) -> Value {
    let last = registry.mailbox(email).last();
    last.map_or(Value::Null, |last| mail(email, last))
}

/// The state file, what is wrong with it, and which key signs the tokens.
pub(crate) fn state(state: &State, journal: Option<&Journal>) -> Value {
    json!({
        "keyId": state.token_key.id(),
        "file": journal.map(|journal| journal.path().display().to_string()),
        "loadWarning": journal.and_then(Journal::load_warning),
        "saveError": journal.and_then(Journal::trouble),
    })
}

pub(crate) fn quota(quota: &QuotaLedger, registry: &Registry, now: Timestamp) -> Value {
    let used = registry.registered().map(|(email, id)| {
        let used = quota.used(id, now);
        let left = quota.quota.limit().map(|limit| limit.saturating_sub(used));
        json!({ "email": email, "used": used, "left": left })
    });
    let turn = quota.quota.turn().as_secs();
    json!({
        "limit": quota.quota.limit(),
        "counts": if quota.quota.is_of_checks_only() { "checks" } else { "all" },
        "turnsAt": format!("{:02}:{:02}", turn / 3600, turn / 60 % 60),
        "nextTurn": quota.quota.next_turn(now).as_millis(),
        "addresses": used.collect::<Vec<_>>(),
    })
}
