//! Changes to texts of codes: most on the fields, with a checksum that is right again, some on the
//! characters.

use super::generate::account;
use super::harm::{conflict, harm};
use super::naive::{self, sealed};
use super::random::Random;
use super::words::any_text;

/// A field of a text that is being changed: a tag and a length may be written wrongly on purpose.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) tag: String,
    /// What stands for the length, if not the value's own.
    pub(super) length: Option<String>,
    pub(super) value: String,
}

impl Part {
    pub(super) fn new(tag: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            tag: tag.into(),
            length: None,
            value: value.into(),
        }
    }

    fn encoded(&self) -> String {
        let length = self
            .length
            .clone()
            .unwrap_or_else(|| format!("{:02}", naive::units(&self.value)));
        format!("{}{length}{}", self.tag, self.value)
    }
}

/// A text made from one of `pool`; it holds no line break. `now` is when it will be verified.
pub(super) fn text(random: &mut Random, pool: &[String], now: u64) -> String {
    let start = random.pick(pool);
    let made = match random.below(100) {
        0..=6 => start.clone(),
        7..=51 => harmless(random, start),
        52..=91 => harmful(random, start, now),
        _ => raw(random, start),
    };
    // A line is one text, and what reads lines may take a carriage return for part of the break.
    made.replace(['\n', '\r'], "\t")
}

fn parts(text: &str) -> Vec<Part> {
    let fields = naive::payload(text).unwrap_or_default();
    fields
        .into_iter()
        .map(|(tag, value)| Part::new(format!("{tag:02}"), value))
        .collect()
}

fn joined(parts: &[Part]) -> String {
    parts.iter().map(Part::encoded).collect()
}

/// What a reader must take: another order, fields it does not know, other texts in the known ones.
fn harmless(random: &mut Random, text: &str) -> String {
    let mut parts = parts(text);
    for _ in 0..=random.index(3) {
        match random.below(4) {
            0 => swap(random, &mut parts),
            1 => add_unknown(random, &mut parts),
            2 => change_text(random, &mut parts),
            _ => add_label(random, &mut parts),
        }
    }
    sealed(&joined(&parts))
}

pub(super) fn has(parts: &[Part], tag: &str) -> bool {
    parts.iter().any(|part| part.tag == tag)
}

fn swap(random: &mut Random, parts: &mut [Part]) {
    let (a, b) = (random.index(parts.len()), random.index(parts.len()));
    // The SDK looks at the expiry only where 01 stands before it.
    let method_stays = |index: usize| {
        parts
            .get(index)
            .is_some_and(|part| part.tag != "01" && part.tag != "99")
    };
    if method_stays(a) && method_stays(b) {
        parts.swap(a, b);
    }
}

fn add_unknown(random: &mut Random, parts: &mut Vec<Part>) {
    let tag = *random.pick(&[
        "02", "04", "14", "16", "26", "28", "31", "39", "40", "51", "55", "56", "57", "61", "65",
        "79", "80", "98",
    ]);
    if has(parts, tag) {
        return;
    }
    let value = match random.below(4) {
        0 => String::new(),
        1 => "0010A000000677".to_owned(),
        _ => any_text(random, 40),
    };
    let at = random.index(parts.len() + 1);
    parts.insert(at, Part::new(tag, value));
}

fn change_text(random: &mut Random, parts: &mut [Part]) {
    for part in parts {
        match part.tag.as_str() {
            "59" => part.value = any_text(random, 25),
            "60" => part.value = any_text(random, 15),
            "52" => part.value = format!("{:04}", random.below(10_000)),
            "29" if random.chance(50) => {
                let account = account(random);
                part.value = naive::encoded(0, &account);
            }
            _ => {}
        }
    }
}

fn add_label(random: &mut Random, parts: &mut [Part]) {
    let sub = u8::try_from(random.below(100)).unwrap_or_default();
    let value = any_text(random, 12);
    let Some(part) = parts.iter_mut().find(|part| part.tag == "62") else {
        return;
    };
    let subs = naive::template(&part.value).unwrap_or_default();
    let label = naive::encoded(sub, &value);
    if naive::get(&subs, sub).is_none() && naive::units(&part.value) + naive::units(&label) <= 99 {
        part.value.push_str(&label);
    }
}

/// What a reader has to think about.
fn harmful(random: &mut Random, text: &str, now: u64) -> String {
    let mut parts = parts(text);
    if random.chance(15) {
        conflict(random, &mut parts);
    } else {
        for _ in 0..(if random.chance(75) { 1 } else { 2 }) {
            harm(random, &mut parts, now);
        }
    }
    if random.chance(20) {
        add_unknown(random, &mut parts);
    }
    let body = joined(&parts);
    if random.chance(96) {
        sealed(&body)
    } else {
        format!("{body}6304{:04X}", random.below(0x1_0000))
    }
}

/// Changes characters, and mostly leaves the checksum to be wrong.
fn raw(random: &mut Random, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=random.index(3) {
        let at = random.index(characters.len());
        let other = *random.pick(&['0', '9', 'x', ' ', '@', 'ច', '😀', '\u{0}', '6', '\u{feff}']);
        match random.below(4) {
            0 if !characters.is_empty() => {
                characters.remove(at);
            }
            1 => characters.insert(at, other),
            2 => characters.truncate(at + 1),
            _ if !characters.is_empty() => characters[at] = other,
            _ => {}
        }
    }
    let changed: String = characters.into_iter().collect();
    if random.chance(40) {
        let body = changed
            .char_indices()
            .rev()
            .nth(7)
            .map_or("", |(at, _)| &changed[..at]);
        return sealed(body);
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::super::shapes;
    use super::*;

    const NOW: u64 = 1_795_000_000_000;

    fn texts(seed: u64) -> Vec<String> {
        let pool = shapes::texts(NOW);
        let mut random = Random::new(seed);
        (0..4_000).map(|_| text(&mut random, &pool, NOW)).collect()
    }

    #[test]
    fn a_seed_gives_the_same_texts_and_none_has_two_lines() {
        let texts = texts(3);
        assert_eq!(texts, self::texts(3));
        assert_ne!(texts, self::texts(4));
        assert!(texts.iter().all(|text| !text.contains(['\n', '\r'])));
    }

    #[test]
    fn every_kind_of_defect_is_made_and_half_have_none() {
        use super::super::rows::Row;
        use naive::Defect;

        let found: Vec<Option<Defect>> = texts(1)
            .iter()
            .map(|text| naive::khqr(text).err())
            .collect();
        for defect in [
            Defect::TooLong,
            Defect::NoChecksum,
            Defect::WrongChecksum,
            Defect::Form(Row::Repeated),
            Defect::Form(Row::BadTag),
            Defect::Form(Row::BadLength),
            Defect::Form(Row::MalformedFirst),
            Defect::Form(Row::FreeText),
            Defect::Form(Row::SplitCharacter),
            Defect::Form(Row::ChecksumNotLast),
            Defect::Account(1),
            Defect::Account(3),
            Defect::Account(5),
            Defect::Account(6),
        ] {
            assert!(found.contains(&Some(defect)), "{defect:?} is never made");
        }
        let good = found.iter().filter(|defect| defect.is_none()).count();
        assert!(good * 5 > found.len() * 2, "{good} of {}", found.len());
    }
}
