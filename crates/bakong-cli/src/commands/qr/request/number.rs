//! Keeps JSON numbers exact. A binary float cannot represent 0.1.

use std::borrow::Cow;

/// The maximum number of zeros that are written. No field is this long, so a longer number stays invalid when it is
/// shortened to this many zeros.
const MOST_ZEROS: usize = 99;

/// Converts a JSON number to plain notation: `5.00` is `5`, `1e3` is `1000`, `-0` is `0`.
pub(super) fn plain(number: &str) -> Cow<'_, str> {
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain && (number == "0" || !number.starts_with('0')) {
        return Cow::Borrowed(number);
    }
    let (sign, number) = match number.strip_prefix('-') {
        Some(number) => ("-", number),
        None => ("", number),
    };
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let digits = all.trim_start_matches('0');
    if digits.is_empty() {
        return Cow::Borrowed("0");
    }
    let shortest = digits.trim_end_matches('0');
    let len = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    // The number of digits before the point. If negative, the number of zeros between the point and the first digit.
    let point = read_exponent(exponent)
        .saturating_add(len(digits))
        .saturating_sub(len(fraction));
    let zeros =
        |count: i64| "0".repeat(usize::try_from(count).unwrap_or(MOST_ZEROS).min(MOST_ZEROS));
    let missing = point.saturating_sub(len(shortest));
    Cow::Owned(if missing >= 0 {
        format!("{sign}{shortest}{}", zeros(missing))
    } else if let Ok(point @ 1..) = usize::try_from(point) {
        let (whole, fraction) = shortest.split_at(point);
        format!("{sign}{whole}.{fraction}")
    } else {
        format!("{sign}0.{}{shortest}", zeros(point.saturating_neg()))
    })
}

/// Parses the exponent. An exponent that does not fit becomes the largest or smallest value.
fn read_exponent(text: &str) -> i64 {
    text.parse().unwrap_or(if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_converted_to_plain_notation() {
        for (number, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.00", "0"),
            ("0e99999999999999999999", "0"),
            ("5", "5"),
            ("5.00", "5"),
            ("-5.0", "-5"),
            ("1.10", "1.1"),
            ("0.05", "0.05"),
            ("1e3", "1000"),
            ("1E+3", "1000"),
            ("1.5e1", "15"),
            ("1.25e1", "12.5"),
            ("125e-2", "1.25"),
            ("500e-2", "5"),
            ("5e-1", "0.5"),
            ("5e-3", "0.005"),
            ("100", "100"),
            ("9007199254740993", "9007199254740993"),
        ] {
            assert_eq!(plain(number), expected, "{number}");
        }
    }

    #[test]
    fn a_large_exponent_does_not_allocate_much() {
        assert_eq!(plain("1e999999999").len(), 100);
        assert_eq!(plain("1e-99999999999999999999").len(), 102);
        assert_eq!(plain("1.5e9223372036854775807").len(), 101);
        assert_eq!(plain("0.5e-9223372036854775808").len(), 102);
    }
}
