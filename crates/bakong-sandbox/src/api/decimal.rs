//! Exact comparison of JSON numbers with amounts: `1`, `1.0`, `1.00` and `10e-1` are equal. No float is
//! involved.

use khqr_core::Amount;

/// A number: digits without leading and trailing zeros, times a power of ten. Zero has no digits.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads a JSON number. Returns `None` if its exponent does not fit into 64 bits.
    pub(super) fn of_number(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-');
        let (number, exponent) = match unsigned.unwrap_or(text).split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i64>().ok()?),
            None => (unsigned.unwrap_or(text), 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let decimals = i64::try_from(fraction.len()).ok()?;
        Self::normal(
            unsigned.is_some(),
            &format!("{whole}{fraction}"),
            exponent.checked_sub(decimals)?,
        )
    }

    pub(super) fn of_amount(amount: Amount) -> Self {
        let digits = amount.minor_units().to_string();
        let exponent = -i64::from(amount.currency().decimals());
        // The exponent of a 64-bit number always fits into 64 bits.
        Self::normal(false, &digits, exponent).unwrap_or_else(Self::zero)
    }

    const fn zero() -> Self {
        Self {
            negative: false,
            digits: String::new(),
            exponent: 0,
        }
    }

    fn normal(negative: bool, digits: &str, exponent: i64) -> Option<Self> {
        let significant = digits.trim_end_matches('0');
        let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
        let significant = significant.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Self::zero());
        }
        Some(Self {
            negative,
            digits: significant.to_owned(),
            exponent: exponent.checked_add(zeros)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use khqr_core::Currency;
    use proptest::prelude::*;

    use super::*;

    fn is(text: &str, amount: Amount) -> bool {
        Decimal::of_number(text) == Some(Decimal::of_amount(amount))
    }

    #[test]
    fn equal_numbers_have_several_forms() {
        let dollar = Amount::us_cents(100);
        for text in [
            "1", "1.0", "1.00", "1.000", "10e-1", "0.1E1", "0.01e+2", "1e0",
        ] {
            assert!(is(text, dollar), "{text}");
        }
        for text in [
            "-1",
            "1.001",
            "0.99",
            "10",
            "0.1",
            "0",
            "1e1",
            "1e-1",
            "1.0000000000000000000001",
            "1e99999999999999999999",
            "1e9223372036854775807",
            "0.1e-9223372036854775808",
        ] {
            assert!(!is(text, dollar), "{text}");
        }
        assert!(is("18446744073709551615", Amount::riel(u64::MAX)));
        assert!(!is("18446744073709551616", Amount::riel(u64::MAX)));
        assert!(is("184467440737095516.15", Amount::us_cents(u64::MAX)));
        for text in ["0", "-0", "0.00", "0e5"] {
            assert!(is(text, Amount::riel(0)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_equals_its_own_number_only(units: u64, other: u64, usd: bool) {
            let currency = if usd { Currency::Usd } else { Currency::Khr };
            let amount = Amount::from_minor_units(units, currency);
            let text = amount.payload_text().to_string();
            prop_assert!(is(&text, amount));
            let negative = format!("-{text}");
            prop_assert_eq!(is(&negative, amount), units == 0);
            let other = Amount::from_minor_units(other, currency);
            prop_assert_eq!(is(&text, other), amount == other);
        }
    }
}
