//! The texts of messages. They are plain texts, so nothing in an order or an account is markup.

use std::fmt::Write;

use jiff::tz::{Offset, TimeZone};
use khqr_core::{Printable, Timestamp};

use crate::db::EventRow;
use crate::domain::{Payment, Reason, Status, amount_text};
use crate::shop::Mode;

/// The text about a payment in its present state.
pub(super) fn of_payment(mode: Mode, payment: &Payment) -> String {
    let expected = format!(
        "{} {}",
        amount_text(payment.amount),
        payment.amount.currency()
    );
    let mut text = mark(mode);
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
pub(super) fn of_event(mode: Mode, event: &EventRow) -> String {
    let body: serde_json::Value = serde_json::from_str(&event.body).unwrap_or_default();
    let mut text = mark(mode);
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

fn mark(mode: Mode) -> String {
    match mode {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EventType;

    fn text(mode: Mode, status: Status, reasons: Vec<Reason>) -> String {
        let payment = Payment {
            status,
            reasons,
            ..Payment::example()
        };
        of_payment(mode, &payment)
    }

    #[test]
    fn a_payment_that_ended_in_an_unusual_way_is_not_shown_as_a_usual_sale() {
        let late = text(Mode::Live, Status::Paid, vec![Reason::Late]);
        assert_eq!(
            late,
            "✅ Paid after the code had expired: 1.50 USD\nOrder: INV-1"
        );
        let failed = text(Mode::Live, Status::Failed, vec![Reason::Manual]);
        assert_eq!(failed, "❌ failed: 1.50 USD\nOrder: INV-1");
    }

    #[test]
    fn only_money_of_the_sandbox_is_marked_as_a_test() {
        let live = text(Mode::Live, Status::Paid, Vec::new());
        assert_eq!(live, "✅ Paid: 1.50 USD\nOrder: INV-1");
        let test = text(Mode::Test, Status::Paid, Vec::new());
        assert_eq!(test, format!("[test] {live}"));
    }

    #[test]
    fn a_second_payment_of_an_order_is_shown_with_its_order() {
        let event = EventRow {
            shop: 1,
            number: 1,
            id: "evt_1".to_owned(),
            payment: "pay_1".to_owned(),
            kind: EventType::Duplicate.name().to_owned(),
            body: r#"{"data":{"order_id":"INV-1\u001b[31m"}}"#.to_owned(),
        };
        let text = of_event(Mode::Live, &event);
        assert!(
            text.contains("Return the money\nOrder: INV-1") && !text.contains('\u{1b}'),
            "{text}"
        );
    }
}
