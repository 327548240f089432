//! The length of a string, and the classes of its characters.

/// The length of a string in UTF-16 code units, the unit of all lengths in KHQR and in
/// [`limits`](crate::limits). A Khmer character counts as one, most emoji as two.
///
/// ```
/// use khqr_core::{limits, utf16_len};
///
/// assert_eq!(utf16_len("ហាង"), 3);
/// assert_eq!(utf16_len("😀"), 2);
/// assert!(utf16_len("Sokha Coffee") <= usize::from(limits::MERCHANT_NAME));
/// ```
#[must_use]
pub fn utf16_len(text: &str) -> usize {
    // Every byte except 10xxxxxx starts a character, and a character of four bytes counts as two. The compiler
    // can vectorize such a sum over bytes.
    let units = |byte: &u8| usize::from(byte & 0xC0 != 0x80) + usize::from(*byte >= 0xF0);
    text.as_bytes().iter().map(units).sum()
}

/// Returns whether all bytes are printable ASCII, including the space.
#[inline]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    is_within::<b' '>(text)
}

/// Returns whether all bytes are printable ASCII without the space.
#[inline]
pub(crate) fn is_visible(text: &[u8]) -> bool {
    is_within::<b'!'>(text)
}

/// Returns whether all bytes are ASCII from `FIRST` to the tilde.
#[inline]
fn is_within<const FIRST: u8>(text: &[u8]) -> bool {
    // Checks eight bytes at a time; the last eight may overlap. Subtracting `FIRST` from a smaller byte, or
    // adding one to DEL, sets the high bit.
    let first = u64::from_ne_bytes([FIRST; 8]);
    let odd =
        |word: u64| word | word.wrapping_sub(first) | word.wrapping_add(0x0101_0101_0101_0101);
    if let Some(last) = text.last_chunk::<8>() {
        let words = text.as_chunks::<8>().0.iter();
        let seen = words.fold(odd(u64::from_le_bytes(*last)), |seen, word| {
            seen | odd(u64::from_le_bytes(*word))
        });
        return seen & 0x8080_8080_8080_8080 == 0;
    }
    text.iter().all(|byte| (FIRST..=b'~').contains(byte))
}

/// Returns whether the text contains a control character (Cc: U+0000 to U+001F, U+007F to U+009F).
pub(crate) fn has_control(text: &str) -> bool {
    let bytes = text.as_bytes();
    // In UTF-8, U+0080 to U+009F are C2 80 to C2 9F.
    let pairs = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
    let ascii = |found, byte: &u8| found | (*byte < 0x20) | (*byte == 0x7F);
    let latin = |found, (lead, next): (&u8, &u8)| found | (*lead == 0xC2) & (*next < 0xA0);
    bytes.iter().fold(false, ascii) | pairs.fold(false, latin)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::String;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn byte_sums_equal_character_sums(text: String) {
            prop_assert_eq!(utf16_len(&text), text.encode_utf16().count());
            prop_assert_eq!(has_control(&text), text.contains(char::is_control));
        }

        #[test]
        fn plain_is_printable_ascii(
            text in prop::collection::vec(prop_oneof![9 => 0x20u8..0x7F, 1 => any::<u8>()], 0..40),
        ) {
            prop_assert_eq!(is_plain(&text), text.iter().all(|byte| (0x20..0x7F).contains(byte)));
            prop_assert_eq!(is_visible(&text), text.iter().all(|byte| (0x21..0x7F).contains(byte)));
        }
    }

    #[test]
    fn several_control_characters_are_found() {
        for text in [
            "\n\n",
            "\u{7F}\u{7F}",
            "\u{85}\u{85}",
            "\n\u{85}",
            "a\n\u{7F}",
        ] {
            assert!(has_control(text), "{text:?}");
        }
    }

    #[test]
    fn a_special_byte_is_found_at_every_position() {
        for len in 1..20 {
            for at in 0..len {
                for odd in [0, 0x1F, 0x7F, 0x80, 0xFF] {
                    let mut text = std::vec![b'~'; len];
                    text[at] = odd;
                    assert!(!is_plain(&text), "{odd:#x} at {at} of {len}");
                }
                assert!(is_plain(&std::vec![b' '; len]));
            }
        }
    }
}
