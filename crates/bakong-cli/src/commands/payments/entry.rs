//! A stored payment, as text and as JSON.

use bakong_flow::Outcome;
use bakong_flow::payment::PaymentDetails;
use bakong_flow::store::{Decision, Resolution, StoredPayment};
use khqr_core::{Printable, Timestamp};
use serde_json::{Value, json};

use crate::common::colour::Tone;
use crate::common::output::{Stream, row};
use crate::common::time::in_phnom_penh;
use crate::common::{money, transaction};

/// Whether a person must decide about the payment.
pub(super) fn needs_person(stored: &StoredPayment) -> bool {
    matches!(&stored.finished, Some((Outcome::NeedsReview { .. }, _)))
        && stored.resolution.is_none()
}

/// The state in one word: `open`, or the name of the outcome, or `accepted` or `rejected` after a review.
pub(super) fn state(stored: &StoredPayment) -> &'static str {
    match (&stored.finished, &stored.resolution) {
        (None, _) => "open",
        (_, Some(resolution)) => decision_name(resolution.decision),
        (Some((outcome, _)), None) => outcome.name(),
    }
}

pub(super) const fn decision_name(decision: Decision) -> &'static str {
    match decision {
        Decision::Accept => "accepted",
        Decision::Reject => "rejected",
    }
}

/// The colour of the state, if it is final.
fn tone(stored: &StoredPayment) -> Option<Tone> {
    match (&stored.finished, &stored.resolution) {
        (None, _) => None,
        (_, Some(resolution)) => Some(match resolution.decision {
            Decision::Accept => Tone::Good,
            Decision::Reject => Tone::Bad,
        }),
        (Some((outcome, _)), None) => Some(transaction::tone(outcome)),
    }
}

/// The state in its colour, in at least `width` columns.
fn painted_state(stored: &StoredPayment, width: usize) -> String {
    // Padding comes first: escape sequences have no width.
    let state = format!("{:<width$}", state(stored));
    tone(stored).map_or_else(|| state.clone(), |tone| tone.paint(&state, Stream::Out))
}

/// The names of the columns of [`line`].
pub(super) fn header() -> String {
    format!(
        "{:<19}  {:<12}  {:>12} {:<3}  {:<32}  ORDER",
        "OPENED (UTC+7)", "STATE", "AMOUNT", "", "MD5"
    )
}

/// The payment in one line: when it was opened, the state, the amount, the order and the MD5.
pub(super) fn line(stored: &StoredPayment) -> String {
    let payment = &stored.payment;
    let expected = payment.expected.as_ref();
    let (amount, currency) = expected.map_or_else(
        || ("any".to_owned(), "---"),
        |expected| {
            let currency = expected.amount.currency().alphabetic_code();
            (money::decimal(expected.amount), currency)
        },
    );
    format!(
        "{}  {}  {amount:>12} {currency}  {}  {}",
        in_phnom_penh(stored.opened_at),
        painted_state(stored, 12),
        payment.md5,
        Printable(payment.order.as_str()),
    )
}

/// All rows of a payment. If a person must decide, both sides: what was expected, and what Bakong reports.
pub(super) fn rows(stored: &StoredPayment) -> Vec<String> {
    let payment = &stored.payment;
    let time = |at: Timestamp| format!("{} in Phnom Penh", in_phnom_penh(at));
    let mut rows = vec![
        row("order", Printable(payment.order.as_str())),
        row("md5", payment.md5),
        row("state", painted_state(stored, 0)),
    ];
    match &payment.expected {
        Some(expected) => rows.extend([
            row("expected", expected.amount),
            row("account", &expected.recipient),
        ]),
        None => rows.push(row("expected", "any amount (only the MD5 is known)")),
    }
    rows.extend([
        row("opened", time(stored.opened_at)),
        row("expires", time(payment.expires_at)),
    ]);
    if stored.is_cancelled {
        rows.push(row("cancelled", "yes"));
    }
    if let Some((outcome, at)) = &stored.finished {
        rows.push(row("final", time(*at)));
        let headline = transaction::headline(outcome);
        let tone = transaction::tone(outcome);
        rows.push(row("outcome", tone.paint_headline(&headline, Stream::Out)));
        if let Some(paid) = outcome.transaction() {
            rows.extend(transaction::rows(paid));
        }
    }
    if let Some(resolution) = &stored.resolution {
        rows.push(row("decision", decision_name(resolution.decision)));
        rows.push(row("note", Printable(&resolution.note)));
        rows.push(row("decided by", Printable(&resolution.by)));
        rows.push(row("decided", time(resolution.at)));
    }
    if let Some(code) = payment.details.as_ref().and_then(|it| it.code.as_deref()) {
        rows.push(row("code", Printable(code)));
    }
    rows
}

/// All fields of a payment. Amounts are strings, times are milliseconds since 1970.
pub(super) fn json(stored: &StoredPayment) -> Value {
    let payment = &stored.payment;
    let expected = payment.expected.as_ref();
    let amount = expected.map(|expected| expected.amount);
    let detail = |read: fn(&PaymentDetails) -> Option<&str>| {
        Value::from(payment.details.as_deref().and_then(read))
    };
    let mut object = json!({
        "md5": payment.md5.to_string(),
        "order": payment.order.as_str(),
        "state": state(stored),
        "amount": amount.map(money::decimal),
        "currency": amount.map(|amount| amount.currency().alphabetic_code()),
        "account": expected.map(|expected| expected.recipient.as_str()),
        "openedAt": stored.opened_at.as_millis(),
        "expiresAt": payment.expires_at.as_millis(),
        "cancelled": stored.is_cancelled,
        "finalAt": stored.finished.as_ref().map(|(_, at)| at.as_millis()),
        "expectedHash": payment.hash.as_ref().map(bakong_api::TransactionHash::as_str),
        "expectedShortHash": payment.short_hash.as_ref().map(bakong_api::ShortHash::as_str),
        "code": detail(|details| details.code.as_deref()),
        "metadata": detail(|details| details.metadata.as_deref()),
        "resolution": stored.resolution.as_ref().map(resolution_json),
        "status": null,
        "transaction": null,
        "late": null,
        "mismatches": [],
    });
    if let Some((outcome, _)) = &stored.finished {
        transaction::write_outcome(outcome, &mut object);
    }
    object
}

fn resolution_json(resolution: &Resolution) -> Value {
    json!({
        "decision": decision_name(resolution.decision),
        "note": resolution.note,
        "by": resolution.by,
        "at": resolution.at.as_millis(),
    })
}
