//! Mutations of codes. Most mutations change fields and then compute the checksum again, because a wrong checksum hides
//! every other defect. Some change single characters.

use crate::Random;
use crate::naive::{self, length, payload, sealed};
use crate::samples::{account, any_text, with_control};

/// A field to mutate. Unlike [`naive::Node`] it can have an invalid tag or length.
#[derive(Debug, Clone)]
struct Part {
    tag: String,
    /// The length digits, if they differ from the length of the value.
    length: Option<String>,
    value: String,
}

impl Part {
    fn new(tag: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            tag: tag.into(),
            length: None,
            value: value.into(),
        }
    }

    fn encoded(&self) -> String {
        match &self.length {
            Some(length) => format!("{}{length}{}", self.tag, self.value),
            None => naive::encoded(&self.tag, &self.value),
        }
    }

    /// Returns the fields of the value up to the first malformed one.
    fn inner(&self) -> Vec<Self> {
        let (fields, _) = naive::Node {
            tag: self.tag.clone(),
            value: self.value.clone(),
            offset: 0,
        }
        .inner();
        fields
            .into_iter()
            .map(|field| Self::new(field.tag, field.value))
            .collect()
    }
}

fn joined(parts: &[Part]) -> String {
    parts.iter().map(Part::encoded).collect()
}

fn has(parts: &[Part], tag: &str) -> bool {
    parts.iter().any(|part| part.tag == tag)
}

/// Sets the value of a field, or inserts the field at a random index.
fn set(random: &mut Random, parts: &mut Vec<Part>, tag: &str, value: impl Into<String>) {
    if let Some(part) = parts.iter_mut().find(|part| part.tag == tag) {
        part.value = value.into();
    } else {
        let at = random.index(parts.len() + 1);
        parts.insert(at, Part::new(tag, value));
    }
}

/// Mutates a code of `pool`, which must not be empty. The result has no line break. `now` is the time at which the code
/// will be verified.
pub fn mutate_text(random: &mut Random, pool: &[String], now: u64) -> String {
    let start = random.pick(pool);
    let mutated = match random.below(100) {
        0..=6 => start.clone(),
        7..=51 => mutate_validly(random, start),
        52..=91 => mutate_fields(random, start, now),
        _ => mutate_characters(random, start),
    };
    // Both sides of the conformance test read one text per line.
    mutated.replace(['\n', '\r'], "\t")
}

fn parts(text: &str) -> Vec<Part> {
    let fields = payload(text).unwrap_or_default().into_iter();
    fields
        .filter(|field| field.tag != "63")
        .map(|field| Part::new(field.tag, field.value))
        .collect()
}

/// Makes changes that a reader must accept: the order of fields, unknown fields, and the text of known fields.
fn mutate_validly(random: &mut Random, text: &str) -> String {
    let mut parts = parts(text);
    for _ in 0..=random.index(3) {
        match random.below(4) {
            0 => swap(random, &mut parts),
            1 => add_unknown(random, &mut parts),
            2 => change_texts(random, &mut parts),
            _ => add_label(random, &mut parts),
        }
    }
    sealed(&joined(&parts))
}

fn swap(random: &mut Random, parts: &mut [Part]) {
    let (a, b) = (random.index(parts.len()), random.index(parts.len()));
    // The SDK checks the expiry only if tag 01 comes before tag 99.
    let may_move = |index: usize| {
        let tag = parts.get(index).map(|part| part.tag.as_str());
        tag.is_some_and(|tag| tag != "01" && tag != "99")
    };
    if may_move(a) && may_move(b) {
        parts.swap(a, b);
    }
}

fn add_unknown(random: &mut Random, parts: &mut Vec<Part>) {
    let tag = random.text("02|04|14|16|26|28|31|39|40|51|55|56|57|61|65|79|80|98");
    if has(parts, tag) {
        return;
    }
    let value = match random.below(4) {
        0 => String::new(),
        1 => "0010A000000677".to_owned(),
        _ => any_text(random, 40),
    };
    set(random, parts, tag, value);
}

fn change_texts(random: &mut Random, parts: &mut [Part]) {
    for part in parts {
        match part.tag.as_str() {
            "59" => part.value = any_text(random, 25),
            "60" => part.value = any_text(random, 15),
            "52" => part.value = format!("{:04}", random.below(10_000)),
            "29" if random.chance(50) => part.value = naive::encoded("00", &account(random)),
            _ => {}
        }
    }
}

fn add_label(random: &mut Random, parts: &mut [Part]) {
    let label = Part::new(format!("{:02}", random.below(100)), any_text(random, 12));
    if let Some(part) = parts.iter_mut().find(|part| part.tag == "62")
        && !has(&part.inner(), &label.tag)
        && length(&part.value) + length(&label.encoded()) <= 99
    {
        part.value.push_str(&label.encoded());
    }
}

/// Changes fields so that most results are invalid.
fn mutate_fields(random: &mut Random, text: &str, now: u64) -> String {
    let mut parts = parts(text);
    if random.chance(15) {
        set_two_invalid_values(random, &mut parts);
    } else {
        for _ in 0..(if random.chance(25) { 2 } else { 1 }) {
            mutate_field(random, &mut parts, now);
        }
    }
    if random.chance(20) {
        add_unknown(random, &mut parts);
    }
    let body = joined(&parts);
    if random.chance(4) {
        format!("{body}6304{:04X}", random.below(0x1_0000))
    } else {
        sealed(&body)
    }
}

fn mutate_field(random: &mut Random, parts: &mut Vec<Part>, now: u64) {
    if parts.is_empty() {
        parts.push(Part::new("29", "0003a@b"));
    }
    let at = random.index(parts.len());
    match random.below(100) {
        0..=9 => drop(parts.remove(at)),
        10..=15 => {
            let copy = parts[at].clone();
            let adjacent = random.chance(50);
            let to = if adjacent { at + 1 } else { parts.len() };
            parts.insert(to, copy);
        }
        16..=20 => {
            let to = random.index(parts.len());
            let part = parts.remove(at);
            parts.insert(to, part);
        }
        21..=48 => set_value(random, parts, now),
        49..=53 => parts[at].value.clear(),
        54..=59 => set_length(random, &mut parts[at]),
        60..=62 => {
            let tag = random.text("5a|A1|៥៩| 1|+1|63|30|29|15|99|01|1");
            tag.clone_into(&mut parts[at].tag);
        }
        63..=77 => mutate_template(random, parts),
        78..=81 => {
            let stray = random.text("5|59|590|x|6304|0000");
            parts[at].value.push_str(stray);
        }
        82..=84 => parts.insert(at, Part::new("", random.text("1|59|00x|😀"))),
        85..=88 => {
            let second = if has(parts, "29") { "30" } else { "29" };
            let value = naive::encoded("00", &account(random));
            set(random, parts, second, value);
        }
        89..=92 => parts[at].value = with_control(random, &parts[at].value),
        // Makes the text longer than a QR code can hold.
        93 => parts.extend((65..95).map(|tag| Part::new(tag.to_string(), "ច".repeat(90)))),
        94..=97 => set_times(random, parts, now),
        _ => {
            for part in parts {
                let is_account = part.tag == "29" || part.tag == "30";
                if !is_account && random.chance(50) {
                    part.value.clear();
                }
            }
        }
    }
}

/// Sets length digits that are not two digits or do not match the value.
fn set_length(random: &mut Random, part: &mut Part) {
    let units = length(&part.value);
    let digits = match random.below(10) {
        0 => format!("{units}x"),
        1 => format!("+{units}"),
        2 => format!(" {units}"),
        3 => format!("-{units}"),
        4 => "xx".to_owned(),
        5 => format!("{:02}", units + 1),
        6 => format!("{:02}", units.saturating_sub(1)),
        7 => "៩៩".to_owned(),
        8 => {
            // The length ends between the two units of this character.
            part.value.push('😀');
            format!("{:02}", units + 1)
        }
        _ => format!("{:02}", random.below(100)),
    };
    part.length = Some(digits.chars().take(2).collect());
}

/// For each tag, values that just satisfy or just violate the rules of the field.
const VALUES: [(&str, &str); 12] = [
    ("00", "02|1|0|011|𝟘|ab"),
    ("01", "11|12|13|1|012|1२|😀"),
    ("15", "1234567812345678|123456781234567890123456789012345"),
    ("52", "5|599|59999|abcd|៥៩៩៩|59 9|0000"),
    ("53", "840|116|764|11|1160|84O|KHR|៨៤០"),
    (
        "54",
        "0|0.00|1|1.1|1.10|1.111|100.5|100.00|-1|1e3|1,000|NaN|.5|5.|៥|9999999999999|99999999999999|+5| 5|0001|\
         12345678901.1|18446744073709551616",
    ),
    ("58", "KH|TH|kh|KHM|KHMR|K|ខ្មែរ"),
    (
        "59",
        "x|1234567890123456789012345|12345678901234567890123456|😀😀😀😀😀😀😀😀😀😀😀😀😀|So\u{9f}kha",
    ),
    ("60", "y|123456789012345|1234567890123456|ចចចចចចចចចចចចចចចច"),
    (
        "62",
        "1234|0101|abc|0000|5004abcd|50080004abcd0103xyz|50000101a",
    ),
    (
        "64",
        "0002km|0102hi|0202pp|0001k0101x|00000101x|0002km0100|0000|00000202pp|9902zz|0002k\t0101x",
    ),
    ("99", "|0001x|abc|0000|0213abc"),
];

fn set_value(random: &mut Random, parts: &mut Vec<Part>, now: u64) {
    let (tag, values) = *random.pick(&VALUES);
    let value = random.text(values);
    set(random, parts, tag, value);
    if tag == "99" && random.chance(50) {
        set_times(random, parts, now);
    }
}

/// Changes one field inside a template.
fn mutate_template(random: &mut Random, parts: &mut Vec<Part>) {
    let account = if has(parts, "30") { "30" } else { "29" };
    let tag = *random.pick(&[account, account, "62", "64"]);
    let sub = random.text(match tag {
        "62" => "01|02|03|07|08|50|99",
        "64" => "00|01|02",
        _ => "00|00|00|01|02",
    });
    let value = match random.below(4) {
        0..=2 if sub == "00" && tag == account => random
            .text("|@|a@|@b|a@b@c|a b@c|abc|0123456789012345678901234567890@b|a@\u{a0}b")
            .to_owned(),
        0 => String::new(),
        1 => any_text(random, 26),
        2 => "x".repeat(26),
        _ => "x".repeat(33),
    };
    if !has(parts, tag) {
        parts.push(Part::new(tag, ""));
    }
    let Some(part) = parts.iter_mut().find(|part| part.tag == tag) else {
        return;
    };
    let mut inner = part.inner();
    match random.below(6) {
        0 => inner.retain(|field| field.tag != sub),
        1 => inner.push(Part::new(sub, value)),
        2 => inner.reverse(),
        _ => set(random, &mut inner, sub, value),
    }
    part.value = joined(&inner);
    if random.chance(8) {
        let at = random.index(part.value.len() + 1);
        if part.value.is_char_boundary(at) {
            part.value.insert_str(at, random.text("0|x|01|-1|9x"));
        }
    }
}

/// Sets the creation time and the expiry in various valid and invalid forms.
fn set_times(random: &mut Random, parts: &mut Vec<Part>, now: u64) {
    let time = |random: &mut Random| match random.below(12) {
        0 => String::new(),
        1 => "abc".to_owned(),
        2 => "0".to_owned(),
        3 => (now / 10).to_string(),
        4 => (now * 10).to_string(),
        5 => format!(" {now}"),
        6 => "1.9e12".to_owned(),
        7 => "1234567800000000000000".to_owned(),
        8 => format!("0{now}"),
        _ => (now + random.below(3) - 1).to_string(),
    };
    let created = naive::encoded("00", &time(random));
    let expires = naive::encoded("01", &time(random));
    let value = match random.below(6) {
        0 => created,
        1 => expires,
        2 => expires + &created,
        _ => created + &expires,
    };
    set(random, parts, "99", value);
    if random.chance(40) {
        let method = random.text("11|12");
        set(random, parts, "01", method);
    }
    if random.chance(15) {
        parts.retain(|part| part.tag != "01");
    }
}

/// Sets two fields to values that the SDK rejects, in random order. The tests then show which error is reported first.
fn set_two_invalid_values(random: &mut Random, parts: &mut Vec<Part>) {
    const INVALID: [(&str, &str); 12] = [
        ("00", "|011"),
        ("01", "|13|012"),
        ("52", "|59999|abcd"),
        ("53", "|764|1160"),
        ("54", "|-1|12345678901234"),
        ("58", "|KHMR"),
        ("59", "|12345678901234567890123456"),
        ("60", "|1234567890123456"),
        ("62", "0100|0226abcdefghijklmnopqrstuvwxyz|0800"),
        ("64", "0002km|0003khm0101x|0002km0100|0002km0101x0200"),
        (
            "99",
            "0013179500000000001131794999999999|0013179500000000001121795000000000|0003abc",
        ),
        (
            "29",
            "0003a@b0200|0003a@b0133abcdefghijklmnopqrstuvwxyzabcdefg",
        ),
    ];
    for _ in 0..2 {
        let (tag, values) = *random.pick(&INVALID);
        if tag == "29" && has(parts, "30") {
            continue;
        }
        parts.retain(|part| part.tag != tag);
        let value = random.text(values);
        set(random, parts, tag, value);
    }
}

/// Changes up to three characters. In most cases the checksum is then wrong.
fn mutate_characters(random: &mut Random, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=random.index(3) {
        let at = random.index(characters.len());
        let other = *random.pick(&['0', '9', 'x', ' ', '@', 'ច', '😀', '\u{0}', '6', '\u{feff}']);
        match random.below(4) {
            0 if !characters.is_empty() => drop(characters.remove(at)),
            1 => characters.insert(at, other),
            2 => characters.truncate(at + 1),
            _ if !characters.is_empty() => characters[at] = other,
            _ => {}
        }
    }
    let mutated: String = characters.iter().collect();
    if random.chance(40) {
        let body = characters.len().saturating_sub(8);
        sealed(&characters[..body].iter().collect::<String>())
    } else {
        mutated
    }
}

#[cfg(test)]
mod tests {
    use khqr_core::ErrorKind;

    use super::*;
    use crate::known_codes;
    use crate::naive::Code;

    const NOW: u64 = 1_795_000_000_000;

    fn texts(seed: u64) -> Vec<String> {
        let pool = known_codes::texts(NOW);
        let mut random = Random::seeded(seed);
        (0..4_000)
            .map(|_| mutate_text(&mut random, &pool, NOW))
            .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_texts_of_one_line() {
        let texts = texts(3);
        assert_eq!(texts, self::texts(3));
        assert_ne!(texts, self::texts(4));
        assert!(texts.iter().all(|text| !text.contains(['\n', '\r'])));
    }

    #[test]
    fn every_defect_of_reading_occurs_and_two_fifths_have_none() {
        let results: Vec<_> = texts(1)
            .iter()
            .map(|text| Code::read(text).map(drop))
            .collect();
        let defects: Vec<_> = results
            .iter()
            .filter_map(|result| result.as_ref().err())
            .collect();
        for kind in [
            ErrorKind::TextTooLong,
            ErrorKind::CrcMismatch,
            ErrorKind::CrcNotLast,
            ErrorKind::TagNotDigits,
            ErrorKind::LengthNotDigits,
            ErrorKind::Truncated,
            ErrorKind::Trailing,
            ErrorKind::SplitCharacter,
            ErrorKind::Repeated,
            ErrorKind::TwoAccounts,
            ErrorKind::AccountShape,
            ErrorKind::Empty,
            ErrorKind::TooLong { max: 32 },
        ] {
            assert!(
                defects.iter().any(|defect| defect.kind == kind),
                "{kind:?} never occurs"
            );
        }
        for field in ["29", "63"] {
            let missing = |defect: &&naive::Defect| {
                defect.kind == ErrorKind::Missing && defect.field.as_deref() == Some(field)
            };
            assert!(
                defects.iter().copied().any(|defect| missing(&defect)),
                "{field} is never missing"
            );
        }
        let valid = results.len() - defects.len();
        assert!(
            valid * 5 > results.len() * 2,
            "{valid} of {}",
            results.len()
        );
    }
}
