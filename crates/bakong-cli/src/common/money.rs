//! Amounts on the command line and in machine-readable output.

use khqr_core::{Amount, Currency, Error, ErrorKind};

use crate::common::code;
use crate::common::exit::Failure;

/// The amount as a plain decimal number with all the currency's decimals: `10000`, `1.50`.
pub(crate) fn decimal(amount: Amount) -> String {
    let places = amount.currency().decimals();
    let unit = 10u64.pow(places);
    let (whole, rest) = (amount.minor_units() / unit, amount.minor_units() % unit);
    match places {
        0 => whole.to_string(),
        _ => format!("{whole}.{rest:0width$}", width = places as usize),
    }
}

/// What is asked for when nothing is said: the price of a coffee.
pub(crate) const fn example(currency: Currency) -> &'static str {
    match currency {
        Currency::Khr => "10000",
        Currency::Usd => "2.50",
    }
}

/// Reads an amount, with a hint where the currency may be what is wrong.
pub(crate) fn parse(text: &str, currency: Currency) -> Result<Amount, Failure> {
    Amount::parse(text, currency)
        .map_err(|error| code::refused(&error).and(hint(&error, Some(text), currency)))
}

/// What to try where riel were refused that would do as dollars; empty otherwise.
pub(crate) fn hint(error: &Error, text: Option<&str>, currency: Currency) -> &'static str {
    let would_do = |text| Amount::parse(text, Currency::Usd).is_ok();
    match (error.kind(), currency) {
        (ErrorKind::AmountPrecision, Currency::Khr) if text.is_some_and(would_do) => {
            "; for dollars add --currency USD"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_their_decimals() {
        let text = |units, currency| decimal(Amount::from_minor_units(units, currency));
        assert_eq!(text(10_000, Currency::Khr), "10000");
        assert_eq!(text(150, Currency::Usd), "1.50");
        assert_eq!(text(5, Currency::Usd), "0.05");
    }

    #[test]
    fn dollars_without_their_currency_get_a_hint() {
        let error = |text| parse(text, Currency::Khr).unwrap_err().to_string();
        assert!(error("1.50").contains("--currency USD"));
        assert!(!error("abc").contains("--currency USD"));
    }
}
