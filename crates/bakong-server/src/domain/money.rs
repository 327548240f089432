//! Amounts in JSON: read exactly from a text or a number, written as a text.

use khqr_core::{Amount, Currency, ErrorKind};
use serde_json::value::RawValue;

/// Reads an amount from a JSON text such as `"1.50"` or a JSON number such as `1.5`. The digits of a number are read as they
/// are written, so no binary fraction is involved.
///
/// # Errors
/// A sentence that says what to write instead.
pub(crate) fn parse_amount(json: &RawValue, currency: Currency) -> Result<Amount, String> {
    let text = match json.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str(json.get()).unwrap_or_default(),
        Some(b'0'..=b'9') => json.get().to_owned(),
        _ => String::new(),
    };
    let advice = match currency {
        Currency::Khr => "write only digits, such as 10000",
        Currency::Usd => "write only digits and a point, such as 1234.50",
    };
    let amount = Amount::parse(&text, currency).map_err(|error| {
        let what = match error.kind() {
            ErrorKind::AmountPrecision => "has too many decimals: KHR has none, USD has two",
            ErrorKind::AmountTooLarge => "is too large",
            _ => "cannot be read",
        };
        format!("the amount {what}; {advice}")
    })?;
    if amount.is_zero() {
        return Err(format!("the amount must be above zero; {advice}"));
    }
    Ok(amount)
}

/// Returns the amount without its currency: `10000` or `1.50`.
pub(crate) fn amount_text(amount: Amount) -> String {
    let text = amount.to_string();
    text.split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str, currency: Currency) -> Result<String, String> {
        let raw = RawValue::from_string(json.to_owned()).unwrap();
        parse_amount(&raw, currency).map(amount_text)
    }

    #[test]
    fn amounts_are_read_exactly_from_texts_and_numbers() {
        for (json, currency, text) in [
            ("\"1.5\"", Currency::Usd, "1.50"),
            ("1.10", Currency::Usd, "1.10"),
            // As a binary fraction, this number would lose a cent.
            ("90071992547409.93", Currency::Usd, "90071992547409.93"),
            ("10000", Currency::Khr, "10000"),
            ("\"10000.00\"", Currency::Khr, "10000"),
        ] {
            assert_eq!(parse(json, currency).as_deref(), Ok(text), "{json}");
        }
    }

    #[test]
    fn other_amounts_are_refused_with_an_example() {
        for json in [
            "1e2",
            "-1",
            "\"\"",
            "\" 1\"",
            "null",
            "true",
            "[]",
            "{}",
            "0",
            "\"0.00\"",
            "1.005",
            "99999999999999999999999",
            "\"1,234.50\"",
            "\"\\u0000\"",
        ] {
            let error = parse(json, Currency::Usd).unwrap_err();
            let advice = "write only digits and a point, such as 1234.50";
            assert!(error.contains(advice), "{json}: {error}");
        }
        let error = parse("100.5", Currency::Khr).unwrap_err();
        assert!(
            error.contains("write only digits, such as 10000"),
            "{error}"
        );
    }
}
