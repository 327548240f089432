//! Texts in every script that a form may be filled with, of an exact length in UTF-16 units.

use super::random::Random;

/// What a text is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Latin,
    Khmer,
    Chinese,
    Emoji,
    Combining,
    ZeroWidth,
    Quoting,
    Mixed,
}

impl Script {
    pub(super) const ALL: [Self; 8] = [
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

/// A text of `units` UTF-16 units, all of it this script but for a last unit that two would not fit.
pub(super) fn text(random: &mut Random, script: Script, units: usize) -> String {
    let alphabet: Vec<char> = script.alphabet().chars().collect();
    let mut text = String::new();
    let mut left = units;
    while left > 0 {
        let character = *random.pick(&alphabet);
        let character = if character.len_utf16() > left {
            'x'
        } else {
            character
        };
        text.push(character);
        left -= character.len_utf16();
    }
    text
}

/// A text of some length up to `max`, in some script, Latin more often than each other.
pub(super) fn any_text(random: &mut Random, max: usize) -> String {
    let script = if random.chance(50) {
        Script::Latin
    } else {
        *random.pick(&Script::ALL)
    };
    let units = 1 + random.index(max);
    text(random, script, units)
}

/// Such a text whose last character counts two and goes one unit beyond `max`.
pub(super) fn pair_across(random: &mut Random, max: usize) -> String {
    let script = *random.pick(&Script::ALL);
    text(random, script, max - 1) + "😀"
}

/// The text with a control character put into it.
pub(super) fn with_control(random: &mut Random, text: &str) -> String {
    const CONTROLS: [char; 9] = [
        '\0', '\t', '\n', '\r', '\u{1b}', '\u{1f}', '\u{7f}', '\u{85}', '\u{9b}',
    ];
    let places: Vec<usize> = (0..=text.len())
        .filter(|at| text.is_char_boundary(*at))
        .collect();
    let at = *random.pick(&places);
    let (before, after) = text.split_at(at);
    // In the place of one character, so that the text is no longer for it.
    let mut rest = after.chars();
    rest.next();
    format!("{before}{}{}", random.pick(&CONTROLS), rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::naive::units;
    use super::*;

    #[test]
    fn texts_have_the_length_that_was_asked_for() {
        let mut random = Random::new(1);
        for script in Script::ALL {
            for wanted in 0..60 {
                assert_eq!(
                    units(&text(&mut random, script, wanted)),
                    wanted,
                    "{script:?}"
                );
            }
            assert_eq!(units(&pair_across(&mut random, 25)), 26);
        }
        for _ in 0..200 {
            let spoilt = with_control(&mut random, "កាហ្វេ😀");
            assert!(spoilt.contains(char::is_control), "{spoilt:?}");
        }
    }
}
