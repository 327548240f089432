//! The texts of messages. They are plain texts, so nothing in an order or an account is markup.

use std::fmt::Write;

use jiff::tz::{Offset, TimeZone};
use khqr_core::{Printable, Timestamp};

use crate::db::EventRow;
use crate::domain::{Payment, Reason, Status, amount_text};
use crate::shop::{Mode, Shop};

/// The text about a payment in its present state.
pub(super) fn of_payment(shop: &Shop, payment: &Payment) -> String {
    let expected = format!(
        "{} {}",
        amount_text(payment.amount),
        payment.amount.currency()
    );
    let mut text = mark(shop);
    let headline = match payment.status {
        Status::Paid if payment.reasons.contains(&Reason::Late) => {
            format!("✅ Paid after the code had expired: {expected}")
        }
        Status::Paid => format!("✅ Paid: {expected}"),
        Status::NeedsReview => format!("⚠️ Needs a decision: {expected} expected"),
        status => format!("❌ {status}: {expected}"),
    };
    text.push_str(&headline);
    line(&mut text, "Order", Some(&payment.order_id));
    line(&mut text, "Till", payment.terminal.as_deref());
    if let Some(transaction) = &payment.transaction {
        if payment.status == Status::NeedsReview {
            let amount = transaction.amount.as_deref().unwrap_or("unknown");
            let currency = transaction.currency.as_deref().unwrap_or_default();
            line(
                &mut text,
                "Received",
                Some(format!("{amount} {currency}").trim()),
            );
        }
        line(&mut text, "From", transaction.from_account_id.as_deref());
        let at = transaction.created_at_ms.map(Timestamp::from_millis);
        line(&mut text, "At", at.and_then(in_phnom_penh).as_deref());
    }
    let reasons: Vec<_> = payment.reasons.iter().map(Reason::name).collect();
    if payment.status == Status::NeedsReview {
        line(&mut text, "Reason", Some(&reasons.join(", ")));
    }
    text
}

/// The text about an event that no message of a payment shows: an alert, or a second payment.
pub(super) fn of_event(shop: &Shop, event: &EventRow) -> String {
    let body: serde_json::Value = serde_json::from_str(&event.body).unwrap_or_default();
    let mut text = mark(shop);
    let data = &body["data"];
    match data["detail"].as_str() {
        Some(detail) => {
            text.push_str("⚠️ ");
            text.push_str(&Printable(detail).to_string());
        }
        None => {
            text.push_str(
                "⚠️ A second payment was found for an order that is paid. Return the money",
            );
            line(&mut text, "Order", data["order_id"].as_str());
        }
    }
    text
}

fn mark(shop: &Shop) -> String {
    match shop.mode {
        Mode::Live => String::new(),
        Mode::Test => "[test] ".to_owned(),
    }
}

fn line(text: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{name}: {}", Printable(value));
    }
}

/// Formats a time such as `2026-11-28 15:03`.
fn in_phnom_penh(time: Timestamp) -> Option<String> {
    let millis = i64::try_from(time.as_millis()).ok()?;
    let time = jiff::Timestamp::from_millisecond(millis).ok()?;
    let zone = TimeZone::fixed(Offset::constant(7));
    Some(time.to_zoned(zone).strftime("%F %H:%M").to_string())
}
