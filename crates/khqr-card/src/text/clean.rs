//! Makes untrusted text safe to draw on one line.

use crate::limits::MAX_LINE_CHARACTERS;

/// Removes what has no visible form or changes the order of other characters, replaces runs of white space with one
/// space, and cuts the text off after [`MAX_LINE_CHARACTERS`].
///
/// The result has no character that XML forbids. The joiners U+200C and U+200D stay, because they select Khmer forms.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::new();
    let mut count = 0;
    for c in text.chars().filter(|c| !is_removed(*c)) {
        let is_space = c.is_whitespace() || c.is_control();
        if is_space && (cleaned.is_empty() || cleaned.ends_with(' ')) {
            continue;
        }
        if count == MAX_LINE_CHARACTERS {
            break;
        }
        cleaned.push(if is_space { ' ' } else { c });
        count += 1;
    }
    cleaned.truncate(cleaned.trim_end().len());
    cleaned
}

/// Characters without a form of their own: direction marks, variation selectors, word breaks, soft hyphens, tags, and
/// the noncharacters of Unicode.
const fn is_removed(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}'
        | '\u{e0000}'..='\u{e0fff}')
        || (c as u32) & 0xFFFE == 0xFFFE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_controls_and_no_direction_marks() {
        for (text, expected) in [
            ("Sokha\r\n\tCoffee ", "Sokha Coffee"),
            ("\u{202e}eeffoC\u{202c}", "eeffoC"),
            ("a\u{1b}[2Jb\0c\u{9b}d", "a [2Jb c d"),
            ("\u{2028}a\u{2029}b\u{3000}", "a b"),
            ("x\u{fffe}\u{ffff}\u{1ffff}\u{e0041}\u{fe0f}y", "xy"),
            ("ហាង\u{200b}កាហ្វេ", "ហាងកាហ្វេ"),
            ("ក\u{200c}ខ\u{200d}", "ក\u{200c}ខ\u{200d}"),
            (" \u{feff} ", ""),
        ] {
            assert_eq!(clean(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_off() {
        assert_eq!(
            clean(&"ក".repeat(1_000)).chars().count(),
            MAX_LINE_CHARACTERS
        );
    }
}
