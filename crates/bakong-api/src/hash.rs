//! The form of a transaction's hash. A shop recognizes a transaction by its hash, so each transaction must have
//! exactly one spelling of it: with two spellings, one transaction could settle two orders.

/// The length of a full hash, in hexadecimal digits.
const DIGITS: usize = 64;

/// Returns a full hash as 64 hexadecimal digits in lower case. Removes white space and invisible characters
/// anywhere, and a leading `0x`. Returns `None` if the rest is not a full hash.
pub(crate) fn full(text: &str) -> Option<String> {
    digits(text).filter(|digits| digits.len() == DIGITS)
}

/// Normalizes hexadecimal digits as [`full`] does, but accepts any length except 0.
pub(crate) fn digits(text: &str) -> Option<String> {
    let is_normal = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if !text.is_empty() && text.bytes().all(is_normal) {
        return Some(text.to_owned());
    }
    let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    let digits = visible
        .strip_prefix("0x")
        .or_else(|| visible.strip_prefix("0X"))
        .unwrap_or(&visible);
    let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| digits.to_ascii_lowercase())
}

/// Whether a character is invisible: white space, control characters, and the default ignorable code points of
/// Unicode that occur in copied texts.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_transaction_has_one_text() {
        let hash = "8465d722d7d5065f2886f0a474a4d34dc6a7855355b611836f7b6111228893e9";
        for text in [
            hash.to_owned(),
            hash.to_uppercase(),
            format!("0x{hash}"),
            format!(" 0X{hash}\r\n"),
            format!("0 x{hash}"),
            format!("\u{feff}{}\u{200b}{}\u{2060}", &hash[..5], &hash[5..]),
            format!("{} {}\u{a0}{}", &hash[..8], &hash[8..16], &hash[16..]),
            format!("\u{202e}{hash}\u{0}"),
        ] {
            assert_eq!(full(&text).as_deref(), Some(hash), "{text:?}");
        }
        for text in [
            "",
            "0x",
            "\u{200b}",
            "8465d722",
            &hash[1..],
            &format!("{hash}0"),
            &format!("0x0x{hash}"),
            &hash.replace('8', "g"),
            &hash.replace('8', "\u{ff18}"),
            &hash.replace('d', "\u{501}"),
        ] {
            assert_eq!(full(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_short_hash_has_digits() {
        assert_eq!(digits(" 8465D722\n").as_deref(), Some("8465d722"));
        assert_eq!(digits("8465d722").as_deref(), Some("8465d722"));
        for text in ["", "0x", " ", "8465d72g"] {
            assert_eq!(digits(text), None, "{text:?}");
        }
    }
}
