//! Codes as strangers print them: mostly right, with this and that changed in structure or in text, and
//! the checksum put right afterwards.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::naive::sealed;

/// A field: tag, and text or fields.
#[derive(Clone, Debug)]
struct Part(String, Value);

#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Template(Vec<Part>),
}

impl Part {
    fn encoded(&self) -> String {
        let value = match &self.1 {
            Value::Text(text) => text.clone(),
            Value::Template(parts) => encoded(parts),
        };
        format!("{}{:02}{value}", self.0, value.encode_utf16().count())
    }
}

fn encoded(parts: &[Part]) -> String {
    parts.iter().map(Part::encoded).collect()
}

/// Texts around every rule: what is right somewhere, and what is wrong nearly everywhere.
const TELLING: [&str; 70] = [
    "",
    "0",
    "01",
    "02",
    "11",
    "12",
    "13",
    "011",
    "KH",
    "TH",
    "KHM",
    "KHMR",
    "116",
    "840",
    "764",
    "0840",
    "5999",
    "599",
    "59990",
    "59a9",
    "៥៩៩៩",
    "5",
    "05",
    "5.00",
    "5.0",
    "5.",
    ".5",
    "0.00",
    "0.01",
    "1.234",
    "100.5",
    "100.00",
    "1e3",
    "-1",
    "+1",
    " 1",
    "1,000",
    "1234567890.12",
    "12345678901.23",
    "9999999999999",
    "99999999999999",
    "18446744073709551616",
    "1795000000000",
    "01795000000000",
    "1794999999999",
    "1795000600000",
    "0000000000000",
    "999999999999",
    "10000000000000",
    "179500000000x",
    "km",
    "k",
    "kmx",
    "k\n",
    "sokha@devb",
    "@",
    "a@",
    "a@b@c",
    "a b@c",
    "a\u{a0}b@c",
    "So\u{1b}kha",
    "ចន ស្មីន",
    "e\u{301}\u{200d}\u{200b}",
    "0123456789abcdefghijklmnopqrstuvwxyz",
    "0102ab",
    "1234",
    "So\u{9f}kha",
    "0123456789012345678901234567@aba",
    "01234567890123456789012345678@aba",
    "99999999999999999999",
];

/// Texts around the rules of the fields with this tag, at the top or in a template.
fn near(tag: &str) -> &'static [&'static str] {
    match tag {
        "00" | "01" => &[
            "",
            "01",
            "11",
            "12",
            "0",
            "1795000000000",
            "1794999999999",
            "01795000600000",
            "1795000600001",
            "999999999999",
            "10000000000000",
            "99999999999999999999",
            "\u{200b}\u{200b}",
            "km",
            "k",
        ],
        "02" | "03" | "07" | "08" | "59" | "60" => &[
            "",
            "Sokha",
            "So\u{9f}kha",
            "So\u{1b}kha",
            "e\u{301}\u{200d}\u{200b}",
            "ភ្នំពេញ 😀",
            "0123456789abcdef",
            "0123456789abcdefghijklmnop",
            "0123456789abcdefghijklmnopqrstuvw",
        ],
        "52" => &["5999", "599", "59990", "59a9", "៥៩៩៩", ""],
        "58" => &["KH", "TH", "KHM", "KHMR", "ខម", ""],
        "53" => &["116", "840", "764", "ចន", ""],
        "54" => &[
            "0",
            "0.00",
            "5",
            "05",
            "1.1",
            "1.10",
            "1.234",
            "100.5",
            "100.00",
            "1e3",
            "9999999999999",
            "1234567890.12",
            "12345678901.23",
        ],
        _ => &TELLING,
    }
}

fn telling() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => select(&TELLING[..]).prop_map(str::to_owned),
        1 => "\\PC{0,30}",
        1 => any::<String>().prop_map(|text| text.chars().take(20).collect()),
        // Just fitting, and just not, in all widths of characters.
        2 => (select(&["x", "é", "ក", "😀"][..]), select(&[2, 4, 10, 13, 15, 25, 31, 32][..]), 0..2usize)
            .prop_map(|(c, limit, more)| c.repeat((limit + more) / c.encode_utf16().count())),
    ]
}

fn template(fields: &[(&str, &str)]) -> Value {
    let text =
        |(tag, value): &(&str, &str)| Part((*tag).to_owned(), Value::Text((*value).to_owned()));
    Value::Template(fields.iter().map(text).collect())
}

/// A code that may be paid, of any kind and with any of the optional fields.
fn sound() -> impl Strategy<Value = Vec<Part>> {
    let khmer = "ភ្នំពេញ";
    let optional = prop::bits::u16::ANY;
    (any::<bool>(), any::<bool>(), any::<bool>(), optional).prop_map(
        move |(merchant, dynamic, usd, has)| {
            let has = |bit: u16| has >> bit & 1 == 1;
            let mut parts = Vec::new();
            let mut text = |tag: &str, value: &str| {
                parts.push(Part(tag.to_owned(), Value::Text(value.to_owned())));
            };
            text("00", "01");
            text("01", if dynamic { "12" } else { "11" });
            if has(0) {
                text("15", "1234567812345678ABCDEFGHIJKLMNO");
            }
            if has(1) {
                text("39", "0004ABCD0108whatever");
            }
            if has(14) {
                text("16", "unknown");
                text("80", "0103abc");
            }
            text("52", "5999");
            text("53", if usd { "840" } else { "116" });
            if dynamic {
                let whole = if has(2) { "5" } else { "12345" };
                text("54", if usd && has(3) { "1.10" } else { whole });
            }
            text("58", "KH");
            text(
                "59",
                if has(4) {
                    "ចន ស្មីន 😀"
                } else {
                    "Sokha Coffee"
                },
            );
            text("60", if has(5) { khmer } else { "Phnom Penh" });
            if has(6) {
                text("61", "12000");
            }
            let account = match (merchant, has(7)) {
                (true, _) => template(&[("00", "shop@acme"), ("01", "123"), ("02", "Acme")]),
                (false, true) => template(&[("00", "sokha@devb"), ("01", "855123"), ("02", "Dev")]),
                (false, false) => template(&[("00", "sokha@devb")]),
            };
            let tag = if merchant { "30" } else { "29" };
            parts.insert(2, Part(tag.to_owned(), account));
            if has(8) {
                let mut additional = vec![("01", "INV-1"), ("07", "Till 2")];
                additional.extend(has(9).then_some(("50", "0104kept")));
                additional.extend(has(10).then_some(("03", khmer)));
                additional.extend(has(15).then_some(("08", "Coffee")));
                additional.extend(has(14).then_some(("02", "85512233455")));
                parts.push(Part("62".to_owned(), template(&additional)));
            }
            if has(11) {
                let second = template(&[("00", "km"), ("01", "ចន"), ("02", khmer)]);
                parts.push(Part("64".to_owned(), second));
            }
            if dynamic || has(12) {
                let mut times = vec![("00", "1795000000000"), ("01", "1795000600000")];
                times.extend(has(13).then_some(("05", "kept")));
                parts.push(Part("99".to_owned(), template(&times)));
            }
            parts
        },
    )
}

/// One change of the fields of a level: of the top, or of the template that `inside` falls on.
#[derive(Clone, Debug)]
enum Change {
    Say(Index, String),
    SayNear(Index, Index),
    Rename(Index, u8),
    Remove(Index),
    Repeat(Index, Index),
    Swap(Index, Index),
    Add(Index, u8, String),
}

fn change() -> impl Strategy<Value = Change> {
    let tag = || {
        prop_oneof![
            select(&[0u8, 1, 2, 3, 7, 8, 15, 29, 30, 50, 54, 61, 62, 63, 64, 99][..]),
            0u8..100
        ]
    };
    let place = any::<Index>;
    prop_oneof![
        4 => (place(), telling()).prop_map(|(at, text)| Change::Say(at, text)),
        4 => (place(), place()).prop_map(|(at, text)| Change::SayNear(at, text)),
        1 => (place(), tag()).prop_map(|(at, tag)| Change::Rename(at, tag)),
        2 => place().prop_map(Change::Remove),
        1 => (place(), place()).prop_map(|(from, to)| Change::Repeat(from, to)),
        2 => (place(), place()).prop_map(|(a, b)| Change::Swap(a, b)),
        1 => (place(), tag(), telling()).prop_map(|(at, tag, text)| Change::Add(at, tag, text)),
    ]
}

impl Change {
    fn apply(self, parts: &mut Vec<Part>) {
        let len = parts.len();
        let add = |parts: &mut Vec<Part>, at: &Index, part| parts.insert(at.index(len + 1), part);
        match self {
            Self::Add(at, tag, text) => {
                add(parts, &at, Part(format!("{tag:02}"), Value::Text(text)));
            }
            _ if len == 0 => {}
            Self::Say(at, text) => parts[at.index(len)].1 = Value::Text(text),
            Self::SayNear(at, text) => {
                let Part(tag, value) = &mut parts[at.index(len)];
                *value = Value::Text((*text.get(near(tag))).to_owned());
            }
            Self::Rename(at, tag) => parts[at.index(len)].0 = format!("{tag:02}"),
            Self::Remove(at) => drop(parts.remove(at.index(len))),
            Self::Repeat(from, to) => {
                let part = parts[from.index(len)].clone();
                add(parts, &to, part);
            }
            Self::Swap(a, b) => parts.swap(a.index(len), b.index(len)),
        }
    }
}

/// The level to change: the top, or one of the templates.
fn level(parts: &mut Vec<Part>, inside: Option<Index>) -> &mut Vec<Part> {
    let is_template = |part: &Part| matches!(part.1, Value::Template(_));
    let templates: Vec<usize> = (0..parts.len())
        .filter(|at| is_template(&parts[*at]))
        .collect();
    match inside {
        Some(place) if !templates.is_empty() => match &mut parts[*place.get(&templates)].1 {
            Value::Template(inner) => inner,
            Value::Text(_) => unreachable!("it was a template"),
        },
        _ => parts,
    }
}

/// A few characters in place of others.
fn edited(text: &str, place: Index, insert: &str, removed: usize) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let at = place.index(chars.len() + 1);
    let end = (at + removed).min(chars.len());
    chars.splice(at..end, insert.chars());
    chars.into_iter().collect()
}

/// The text of a code, sealed.
pub(crate) fn code() -> impl Strategy<Value = String> {
    let changes = prop::collection::vec((prop::option::of(any::<Index>()), change()), 0..4);
    let edit = (any::<Index>(), "[0-9]{0,3}|\\PC{0,2}", 0usize..4);
    (sound(), changes, prop::option::weighted(0.2, edit)).prop_map(|(mut parts, changes, edit)| {
        for (inside, change) in changes {
            change.apply(level(&mut parts, inside));
        }
        let body = encoded(&parts);
        match edit {
            Some((place, insert, removed)) => sealed(&edited(&body, place, &insert, removed)),
            None => sealed(&body),
        }
    })
}
