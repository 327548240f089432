//! Decimal numbers as texts.

/// Splits a plain decimal number into the digits before and after the point. Returns `None` for any other text.
pub(super) fn plain_decimal(text: &str) -> Option<(&str, &str)> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, decimals)) => (digits(whole) && digits(decimals)).then_some((whole, decimals)),
        None => digits(text).then_some((text, "")),
    }
}

/// Rewrites a JSON number without its exponent. Returns `None` if it is negative or needs 40 digits or more.
pub(super) fn without_exponent(number: &str) -> Option<String> {
    const MAX_DIGITS: usize = 40;
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else {
        return plain_decimal(number).map(|_| number.to_owned());
    };
    let (whole, decimals) = plain_decimal(mantissa)?;
    // The number of digits before the point.
    let exponent: i64 = exponent.parse().ok()?;
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let below_max = |digits: i64| {
        usize::try_from(digits)
            .ok()
            .filter(|digits| *digits < MAX_DIGITS)
    };
    let leading_zeros = below_max((1 - point).max(0))?;
    let point = below_max(point.max(1))?;
    let mut digits = "0".repeat(leading_zeros) + whole + decimals;
    while digits.len() < point {
        digits.push('0');
    }
    let (whole, decimals) = digits.split_at(point);
    Some(if decimals.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{decimals}")
    })
}

/// Returns whether all digits are zeros.
pub(super) fn zeros(digits: &str) -> bool {
    digits.bytes().all(|digit| digit == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_its_exponent_keeps_every_digit() {
        for (number, expected) in [
            ("5.00", Some("5.00")),
            ("1e3", Some("1000")),
            ("1.5E+2", Some("150")),
            ("1.25e1", Some("12.5")),
            ("1e-7", Some("0.0000001")),
            ("12.5e-1", Some("1.25")),
            ("5e0", Some("5")),
            ("1e99", None),
            ("1e-99", None),
            ("-1", None),
        ] {
            assert_eq!(without_exponent(number).as_deref(), expected, "{number}");
        }
    }

    #[test]
    fn only_plain_decimals_are_split() {
        assert_eq!(plain_decimal("05.10"), Some(("05", "10")));
        for text in ["", ".", "5.", ".5", "1e3", "-1", "1,0", "៥", "1.2.3", " 5"] {
            assert_eq!(plain_decimal(text), None, "{text}");
        }
    }
}
