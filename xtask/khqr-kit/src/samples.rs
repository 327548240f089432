//! Sample texts in the scripts that people may enter into a form, with an exact length in UTF-16 units.

use crate::Random;

/// The kind of characters in a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Letters, digits and common punctuation.
    Latin,
    /// Khmer letters, vowels and digits.
    Khmer,
    /// Chinese characters of the basic plane.
    Chinese,
    /// Characters of two UTF-16 units.
    Emoji,
    /// Letters with combining marks.
    Combining,
    /// Zero-width characters, direction marks and unusual spaces.
    ZeroWidth,
    /// Characters with a special meaning in JSON, HTML, shells and the payload itself.
    Quoting,
    /// Characters of all other variants.
    Mixed,
}

impl Script {
    /// All scripts.
    pub const ALL: [Self; 8] = [
        Self::Latin,
        Self::Khmer,
        Self::Chinese,
        Self::Emoji,
        Self::Combining,
        Self::ZeroWidth,
        Self::Quoting,
        Self::Mixed,
    ];

    const fn alphabet(self) -> &'static str {
        match self {
            Self::Latin => "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .-_&",
            Self::Khmer => "កខគឃងចឆជឈញដឋឌឍណតថទធនបផពភមយរលវសហឡអាិីឹឺុូួើៀេែៃោៅំះៈ្០១២៣៤៥៦៧៨៩",
            Self::Chinese => "金边咖啡店柬埔寨支付有限公司银行",
            Self::Emoji => "😀🎉🍜☕🏪🇰🇭👩🏽𝒜𠮷",
            Self::Combining => "e\u{301}o\u{308}u\u{323}a\u{30a}n\u{303}",
            Self::ZeroWidth => {
                "a\u{200b}b\u{200c}c\u{200d}\u{feff}\u{200e}\u{202e}\u{a0}\u{2028}\u{3000}\u{ad}"
            }
            Self::Quoting => "\"\\'/<>{}[]@,:;%$#6304",
            Self::Mixed => "aZ0 កា金😀e\u{301}\u{200b}\"\\",
        }
    }
}

/// Returns a string of exactly `units` UTF-16 units. An `x` fills the last unit if the next character needs two.
pub fn text(random: &mut Random, script: Script, units: usize) -> String {
    let alphabet: Vec<char> = script.alphabet().chars().collect();
    let mut text = String::new();
    let mut left = units;
    while left > 0 {
        let character = *random.pick(&alphabet);
        let fits = character.len_utf16() <= left;
        let character = if fits { character } else { 'x' };
        text.push(character);
        left -= character.len_utf16();
    }
    text
}

/// Returns a string of 1 to `max` UTF-16 units. Half of the strings are Latin, and half are in any script.
pub fn any_text(random: &mut Random, max: usize) -> String {
    let script = if random.chance(50) {
        *random.pick(&Script::ALL)
    } else {
        Script::Latin
    };
    let units = 1 + random.index(max);
    text(random, script, units)
}

/// Returns a string of `max + 1` units whose last character is a surrogate pair across the limit.
pub fn pair_across(random: &mut Random, max: usize) -> String {
    let script = *random.pick(&Script::ALL);
    text(random, script, max - 1) + "😀"
}

/// Generates a valid account.
pub fn account(random: &mut Random) -> String {
    let bank = random.text("devb|aclb|aba|ftcc|b");
    let spare = 31 - bank.len();
    let name = any_text(random, spare);
    let fits = |c: &char| *c != '@' && !c.is_whitespace() && !c.is_control();
    let name: String = name.chars().filter(fits).collect();
    if name.is_empty() {
        format!("sokha@{bank}")
    } else {
        format!("{name}@{bank}")
    }
}

/// Replaces one character of `text` with a control character, or appends a control character.
pub fn with_control(random: &mut Random, text: &str) -> String {
    const CONTROLS: [char; 9] = [
        '\0', '\t', '\n', '\r', '\u{1b}', '\u{1f}', '\u{7f}', '\u{85}', '\u{9b}',
    ];
    let mut characters: Vec<char> = text.chars().collect();
    let at = random.index(characters.len() + 1);
    let control = *random.pick(&CONTROLS);
    match characters.get_mut(at) {
        Some(character) => *character = control,
        None => characters.push(control),
    }
    characters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::length;

    #[test]
    fn a_text_has_the_requested_length() {
        let mut random = Random::seeded(1);
        for script in Script::ALL {
            for units in 0..60 {
                assert_eq!(
                    length(&text(&mut random, script, units)),
                    units,
                    "{script:?}"
                );
            }
            assert_eq!(length(&pair_across(&mut random, 25)), 26);
        }
        for _ in 0..200 {
            let changed = with_control(&mut random, "កាហ្វេ😀");
            assert!(changed.contains(char::is_control), "{changed:?}");
        }
    }
}
