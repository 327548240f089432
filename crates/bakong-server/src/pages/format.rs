//! Amounts and times for people.

use jiff::tz::{Offset, TimeZone};
use khqr_core::{Amount, Timestamp};

use crate::domain::amount_text;

/// Returns an amount with its currency, such as `10,000 KHR`.
pub(super) fn amount(amount: Amount) -> String {
    format!("{} {}", grouped(&amount_text(amount)), amount.currency())
}

/// Separates the thousands of a decimal number.
pub(super) fn grouped(digits: &str) -> String {
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// Returns a time in Phnom Penh, such as `2026-11-28 15:03`. Cambodia has no daylight saving time.
pub(super) fn time(time: Timestamp) -> String {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let Ok(time) = jiff::Timestamp::from_millisecond(millis) else {
        return String::new();
    };
    let time = time.to_zoned(TimeZone::fixed(Offset::constant(7)));
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use khqr_core::Currency;

    use super::*;

    #[test]
    fn amounts_and_times_are_for_people() {
        for (units, currency, text) in [
            (150, Currency::Usd, "1.50 USD"),
            (123_456_789, Currency::Usd, "1,234,567.89 USD"),
            (999, Currency::Khr, "999 KHR"),
            (10_000, Currency::Khr, "10,000 KHR"),
        ] {
            assert_eq!(amount(Amount::from_minor_units(units, currency)), text);
        }
        let at = Timestamp::from_millis(1_795_000_600_000);
        assert_eq!(time(at), "2026-11-18 18:16");
    }
}
