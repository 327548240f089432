//! The rules for values that the reader and the writer share. Lengths are in UTF-16 code units.

use crate::error::ErrorKind;
use crate::text::utf16_len;

/// Checks a merchant category code: four digits.
pub(crate) fn category_code(value: &str) -> Result<(), ErrorKind> {
    if let [_, _, _, _] = value.as_bytes()
        && value.bytes().all(|byte| byte.is_ascii_digit())
    {
        return Ok(());
    }
    Err(match utf16_len(value) {
        0 => ErrorKind::Empty,
        5.. => ErrorKind::TooLong { max: 4 },
        _ => ErrorKind::NotDigits,
    })
}

/// Checks that a language has two characters, as the SDK does. Does not check that they are letters.
pub(crate) fn language_code(value: &str) -> Result<(), ErrorKind> {
    match utf16_len(value) {
        0 => Err(ErrorKind::Empty),
        2 if value.contains(char::is_control) => Err(ErrorKind::ControlCharacter),
        2 => Ok(()),
        _ => Err(ErrorKind::WrongLength { expected: 2 }),
    }
}

/// Checks a text field: not empty, at most `max` long, no control characters.
pub(crate) fn text(value: &str, max: u8) -> Result<(), ErrorKind> {
    if value.is_empty() {
        Err(ErrorKind::Empty)
    } else if utf16_len(value) > usize::from(max) {
        Err(ErrorKind::TooLong { max })
    } else if value.contains(char::is_control) {
        Err(ErrorKind::ControlCharacter)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merchant_category_code_has_four_digits() {
        assert_eq!(category_code("5999"), Ok(()));
        for (text, kind) in [
            ("", ErrorKind::Empty),
            ("599", ErrorKind::NotDigits),
            ("599x", ErrorKind::NotDigits),
            ("59999", ErrorKind::TooLong { max: 4 }),
        ] {
            assert_eq!(category_code(text), Err(kind), "{text:?}");
        }
    }
}
