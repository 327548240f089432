//! Numbers written without `core::fmt`, whose machinery costs more than the digits.

use core::fmt;

/// `00` to `99`.
const PAIRS: &str = "\
00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748\
49505152535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697\
9899";

/// The two digits of a number below 100; of its last two otherwise.
#[inline]
pub(crate) fn two_digits(number: u64) -> &'static str {
    let at = usize::try_from(number % 100 * 2).unwrap_or_default();
    PAIRS.get(at..at + 2).unwrap_or_default()
}

/// Writes a number without leading zeros.
pub(crate) fn write_number(sink: &mut impl fmt::Write, number: u64) -> fmt::Result {
    // 20 digits are enough for any `u64`.
    let mut pairs = [""; 10];
    let (mut rest, mut first) = (number, pairs.len());
    while rest >= 100 {
        first -= 1;
        pairs[first] = two_digits(rest);
        rest /= 100;
    }
    let leading = two_digits(rest);
    sink.write_str(if rest < 10 { &leading[1..] } else { leading })?;
    pairs[first..]
        .iter()
        .try_for_each(|pair| sink.write_str(pair))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::{String, ToString};

    use super::*;

    proptest::proptest! {
        #[test]
        fn numbers_are_written_as_core_does(number: u64, shift in 0u32..64) {
            let number = number >> shift;
            let mut text = String::new();
            write_number(&mut text, number).unwrap();
            proptest::prop_assert_eq!(text, number.to_string());
        }
    }

    #[test]
    fn two_digits_are_two() {
        for number in 0..100 {
            assert_eq!(two_digits(number), std::format!("{number:02}"));
        }
    }
}
