//! Printing untrusted text safely.

use core::fmt::{self, Write};

/// A wrapper that prints an untrusted text safely.
///
/// Anyone can print a code with any text in its fields. An escape sequence in a merchant name can clear the
/// terminal or overwrite the amount above it. A direction mark can display `gnp.exe` as `exe.png`. This type
/// prints control characters, direction marks and line separators as `\u{..}`. It leaves everything else
/// unchanged, including the word breaks of Khmer.
///
/// ```
/// use khqr_core::Printable;
///
/// assert_eq!(Printable("Coffee\u{1b}[2J").to_string(), "Coffee\\u{1b}[2J");
/// assert_eq!(Printable("ចន ស្មីន").to_string(), "ចន ស្មីន");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            if is_harmful(c) {
                write!(f, "{}", c.escape_unicode())
            } else {
                f.write_char(c)
            }
        })
    }
}

/// Returns whether a character must be escaped: control characters (Cc), direction marks, line and paragraph
/// separators, byte order marks, interlinear annotations and tag characters.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::{String, ToString};

    use super::*;

    #[test]
    fn harmful_characters_are_escaped() {
        assert_eq!(
            Printable("a\u{202e}b\u{2028}c\u{9b}d\re").to_string(),
            "a\\u{202e}b\\u{2028}c\\u{9b}d\\u{d}e"
        );
        let khmer = "ហាង\u{200b}កាហ្វេ";
        assert_eq!(Printable(khmer).to_string(), khmer);
    }

    proptest::proptest! {
        #[test]
        fn no_output_contains_a_harmful_character(text: String) {
            proptest::prop_assert!(!Printable(&text).to_string().contains(is_harmful));
        }
    }
}
