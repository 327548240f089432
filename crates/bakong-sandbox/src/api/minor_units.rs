//! Exact comparison of JSON numbers with amounts: `1`, `1.0`, `1.00` and `10e-1` are equal. No float is
//! involved.

use khqr_core::Currency;

/// The minor units of a JSON number. Returns `None` for a number that no amount of this currency has: a
/// negative number, a fraction of a minor unit, or more than 64 bits.
pub(super) fn minor_units(number: &str, currency: Currency) -> Option<u64> {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    if significant.trim_start_matches(['-', '0']).is_empty() {
        return Some(0);
    }
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let decimals = i64::from(currency.decimals()) - i64::try_from(fraction.len()).ok()?;
    let exponent: i64 = exponent.parse().ok()?;
    let shift = exponent.checked_add(decimals)?.checked_add(zeros)?;
    let factor = 10_u64.checked_pow(u32::try_from(shift).ok()?)?;
    significant.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use khqr_core::Amount;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_numbers_have_several_forms() {
        let cents = |text| minor_units(text, Currency::Usd);
        for text in [
            "1", "1.0", "1.00", "1.000", "10e-1", "0.1E1", "0.01e+2", "1e0",
        ] {
            assert_eq!(cents(text), Some(100), "{text}");
        }
        for text in ["0", "-0", "0.00", "0e5", "-0.0e99999999999999999999"] {
            assert_eq!(cents(text), Some(0), "{text}");
        }
        for text in [
            "-1",
            "1.001",
            "1.0000000000000000000001",
            "1e99999999999999999999",
            "1e9223372036854775807",
            "0.1e-9223372036854775808",
            "184467440737095516.16",
        ] {
            assert_eq!(cents(text), None, "{text}");
        }
        assert_eq!(cents("184467440737095516.15"), Some(u64::MAX));
        assert_eq!(minor_units("1e1", Currency::Khr), Some(10));
        assert_eq!(minor_units("0.5", Currency::Khr), None);
    }

    proptest! {
        #[test]
        fn the_text_of_an_amount_has_its_minor_units(units: u64, usd: bool) {
            let currency = if usd { Currency::Usd } else { Currency::Khr };
            let text = Amount::from_minor_units(units, currency).payload_text().to_string();
            prop_assert_eq!(minor_units(&text, currency), Some(units));
            let negative = minor_units(&format!("-{text}"), currency);
            prop_assert_eq!(negative, (units == 0).then_some(0));
        }
    }
}
