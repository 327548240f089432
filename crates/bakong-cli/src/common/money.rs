//! Amounts on the command line and in JSON output.

use khqr_core::{Amount, Currency, Error, ErrorKind};

use crate::common::code;
use crate::common::exit::Failure;

/// The amount as a decimal number with all decimals of its currency: `10000`, `1.50`.
pub(crate) fn decimal(amount: Amount) -> String {
    decimal_sum(amount.minor_units().into(), amount.currency())
}

/// A sum of minor units as a decimal number.
pub(crate) fn decimal_sum(minor_units: u128, currency: Currency) -> String {
    let places = currency.decimals();
    let unit = 10u128.pow(places);
    let (whole, rest) = (minor_units / unit, minor_units % unit);
    match places {
        0 => whole.to_string(),
        _ => format!("{whole}.{rest:0width$}", width = places as usize),
    }
}

/// The default amount of `bakong checkout`.
pub(crate) const fn example(currency: Currency) -> &'static str {
    match currency {
        Currency::Khr => "10000",
        Currency::Usd => "2.50",
    }
}

/// Parses `--amount`.
pub(crate) fn parse(text: &str, currency: Currency) -> Result<Amount, Failure> {
    Amount::parse(text, currency)
        .map_err(|error| code::usage_error(&error).and(hint(&error, Some(text), currency)))
}

/// What to change in an amount, as the end of a sentence: the currency, the sign or the digits. Empty otherwise.
pub(crate) fn hint(error: &Error, text: Option<&str>, currency: Currency) -> &'static str {
    let text = text.unwrap_or_default();
    let is_valid_in_usd = |text| Amount::parse(text, Currency::Usd).is_ok();
    let is_other_digit = |c: char| c.is_numeric() && !c.is_ascii();
    match (error.kind(), currency) {
        (ErrorKind::AmountPrecision, Currency::Khr) if is_valid_in_usd(text) => {
            "; for dollars, add --currency USD"
        }
        (ErrorKind::AmountSyntax, _) if text.starts_with('-') => "; the amount must be above zero",
        (ErrorKind::AmountSyntax, _) if text.contains(is_other_digit) => "; use the digits 0-9",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_all_decimals_of_the_currency() {
        let text = |units, currency| decimal(Amount::from_minor_units(units, currency));
        assert_eq!(text(10_000, Currency::Khr), "10000");
        assert_eq!(text(150, Currency::Usd), "1.50");
        assert_eq!(text(5, Currency::Usd), "0.05");
    }

    #[test]
    fn a_dollar_amount_without_currency_gets_a_hint() {
        let error = |text| parse(text, Currency::Khr).unwrap_err().to_string();
        assert!(error("1.50").contains("--currency USD"));
        assert!(!error("abc").contains("--currency USD"));
    }
}
