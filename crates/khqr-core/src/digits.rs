//! Decimal digits, parsed and formatted eight at a time in a 64-bit word.

const ZEROS: u64 = 0x3030_3030_3030_3030;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// The two ASCII digits of each number from `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0u8;
    while number < 100 {
        pairs[number as usize] = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
    }
    pairs
};

/// The last two digits of a number.
#[inline]
pub(crate) fn two_digits(number: u64) -> [u8; 2] {
    let pair = usize::try_from(number % 100).unwrap_or_default();
    PAIRS[pair]
}

/// Parses four ASCII digits as two numbers: a tag and a length.
#[inline]
pub(crate) fn two_numbers(text: [u8; 4]) -> Option<(u8, u8)> {
    let digits = u32::from_le_bytes(text) ^ 0x3030_3030;
    // The addition sets the high bit of each byte from 10 to 127. Larger bytes have it set already.
    if (digits.wrapping_add(0x7676_7676) | digits) & 0x8080_8080 != 0 {
        return None;
    }
    let [tag, _, length, _] = (digits * 10 + (digits >> 8)).to_le_bytes();
    Some((tag, length))
}

/// Parses eight ASCII digits.
#[inline]
pub(crate) fn read_eight(text: [u8; 8]) -> Option<u64> {
    let digits = u64::from_le_bytes(text) ^ ZEROS;
    if (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & HIGH_BITS != 0 {
        return None;
    }
    let pairs = (digits * 10 + (digits >> 8)) & 0x00FF_00FF_00FF_00FF;
    let quads = (pairs * 100 + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    Some((quads * 10_000 + (quads >> 32)) & 0xFFFF_FFFF)
}

/// Parses a number of one or more ASCII digits.
#[inline]
pub(crate) fn read_number(text: &[u8]) -> Result<u64, NumberError> {
    let (mut value, mut fits) = (0u64, true);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(NumberError::NotDigits);
        }
        let (shifted, lost) = value.overflowing_mul(10);
        let (sum, carried) = shifted.overflowing_add(u64::from(digit));
        fits &= !(lost | carried);
        value = sum;
    }
    match text {
        [] => Err(NumberError::NotDigits),
        _ if fits => Ok(value),
        _ => Err(NumberError::TooLarge),
    }
}

/// Why a string is not a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NumberError {
    /// The string is empty or contains a character that is not a digit.
    NotDigits,
    /// The number does not fit into 64 bits.
    TooLarge,
}

/// The eight digits of a number below 100,000,000.
#[inline]
fn write_eight(number: u64) -> [u8; 8] {
    // Splits the number into lanes of 32, then 16, then 8 bits, and divides all lanes at once. Each
    // division is a multiplication and a shift, which is exact for all values that can occur in the lane.
    let quads = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = (quads * 5_243) >> 19 & 0x0000_007F_0000_007F;
    let pairs = hundreds | (quads - hundreds * 100) << 16;
    let tens = (pairs * 103) >> 10 & 0x000F_000F_000F_000F;
    let digits = tens | (pairs - tens * 10) << 8;
    (digits | ZEROS).to_le_bytes()
}

/// The number of digits that [`decimal`] returns, enough for any `u64`.
pub(crate) const MAX_DIGITS: usize = 24;

/// The digits of a number, with leading zeros.
#[inline]
pub(crate) fn decimal(number: u64) -> [u8; MAX_DIGITS] {
    const BLOCK: u64 = 100_000_000;
    let mut digits = [b'0'; MAX_DIGITS];
    let mut rest = number;
    for eight in digits.as_chunks_mut::<8>().0.iter_mut().rev() {
        *eight = write_eight(rest % BLOCK);
        rest /= BLOCK;
        if rest == 0 {
            break;
        }
    }
    digits
}

/// The value of a hexadecimal digit in either case.
pub(crate) const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// The hexadecimal digit of a value below 16, in lower case.
pub(crate) const fn hex_digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ => b'a' + value - 10,
    }
}

/// The number of decimal digits of a number.
#[inline]
pub(crate) fn decimal_len(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_formatted_as_core_does(number: u64, shift in 0u32..64) {
            let number = number >> shift;
            let (digits, len) = (decimal(number), decimal_len(number));
            let text = String::from_utf8(digits[MAX_DIGITS - len..].to_vec()).unwrap();
            prop_assert_eq!(text, number.to_string());
            prop_assert!(digits[..MAX_DIGITS - len].iter().all(|digit| *digit == b'0'));
        }

        #[test]
        fn numbers_are_parsed_as_core_does(text in "[0-9]{1,22}") {
            prop_assert_eq!(read_number(text.as_bytes()).ok(), text.parse().ok());
        }

        #[test]
        fn eight_digits_round_trip(number in 0u64..100_000_000) {
            let text = write_eight(number);
            prop_assert_eq!(&text[..], format!("{number:08}").into_bytes());
            prop_assert_eq!(read_eight(text), Some(number));
        }

        #[test]
        fn eight_bytes_parse_only_if_all_are_digits(mut text: [u8; 8], digits: u8) {
            for (at, byte) in text.iter_mut().enumerate() {
                if digits >> at & 1 == 1 {
                    *byte = b'0' + *byte % 10;
                }
            }
            let all = text.iter().all(u8::is_ascii_digit);
            prop_assert_eq!(read_eight(text).is_some(), all);
        }
    }

    #[test]
    fn every_pair_of_bytes_is_classified() {
        for (high, low) in (0..=u8::MAX).flat_map(|high| (0..=u8::MAX).map(move |low| (high, low)))
        {
            let digits = high.is_ascii_digit() && low.is_ascii_digit();
            let number = digits.then(|| (high - b'0') * 10 + low - b'0');
            assert_eq!(
                two_numbers([high, low, b'4', b'2']),
                number.map(|tag| (tag, 42))
            );
            assert_eq!(
                two_numbers([b'9', b'9', high, low]),
                number.map(|length| (99, length))
            );
        }
    }

    #[test]
    fn one_byte_of_eight_that_is_not_a_digit_is_detected() {
        for (at, byte) in (0..8).flat_map(|at| (0..=u8::MAX).map(move |byte| (at, byte))) {
            let mut text = *b"12345678";
            text[at] = byte;
            assert_eq!(read_eight(text).is_some(), byte.is_ascii_digit(), "{byte}");
        }
    }

    #[test]
    fn an_overflow_is_detected() {
        // In the second text, both the multiplication by ten and the addition of 9 overflow.
        for text in ["18446744073709551616", "36893488147419103239"] {
            assert_eq!(read_number(text.as_bytes()), Err(NumberError::TooLarge));
        }
    }

    #[test]
    fn two_digits_have_a_leading_zero() {
        let pairs: Vec<_> = (0..100)
            .map(|number| format!("{number:02}").into_bytes())
            .collect();
        for (number, pair) in (0..).zip(&pairs) {
            assert_eq!(&two_digits(number)[..], pair);
        }
    }
}
