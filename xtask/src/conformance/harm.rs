//! Changes to the fields of a text that a reader has to think about.

use super::generate::account;
use super::mutate::{Part, has};
use super::naive;
use super::random::Random;
use super::words::{any_text, with_control};

/// Changes something about one field, or all of them.
pub(super) fn harm(random: &mut Random, parts: &mut Vec<Part>, now: u64) {
    if parts.is_empty() {
        parts.push(Part::new("29", "0003a@b"));
    }
    let at = random.index(parts.len());
    match random.below(100) {
        0..=9 => {
            parts.remove(at);
        }
        10..=15 => {
            let copy = parts[at].clone();
            let behind = if random.chance(50) {
                at + 1
            } else {
                parts.len()
            };
            parts.insert(behind, copy);
        }
        16..=20 => {
            let to = random.index(parts.len());
            let part = parts.remove(at);
            parts.insert(to, part);
        }
        21..=48 => set_value(random, parts, now),
        49..=53 => parts[at].value.clear(),
        54..=59 => bad_length(random, &mut parts[at]),
        60..=62 => {
            let tags = [
                "5a", "A1", "៥៩", " 1", "+1", "63", "30", "29", "15", "99", "01", "1",
            ];
            (*random.pick(&tags)).clone_into(&mut parts[at].tag);
        }
        63..=77 => set_sub(random, parts),
        78..=81 => {
            let stray = *random.pick(&["5", "59", "590", "x", "6304", "0000"]);
            let part = &mut parts[at];
            part.value.push_str(stray);
        }
        82..=84 => parts.insert(at, Part::new("", *random.pick(&["1", "59", "00x", "😀"]))),
        85..=88 => {
            let value = naive::encoded(0, &account(random));
            let tag = if has(parts, "29") { "30" } else { "29" };
            let behind = random.index(parts.len() + 1);
            parts.insert(behind, Part::new(tag, value));
        }
        89..=92 => {
            let value = with_control(random, &parts[at].value);
            parts[at].value = value;
        }
        93 => {
            for tag in 65..95 {
                parts.push(Part::new(tag.to_string(), "ច".repeat(90)));
            }
        }
        94..=97 => set_times(random, parts, now),
        _ => {
            for part in parts
                .iter_mut()
                .filter(|part| part.tag != "29" && part.tag != "30")
            {
                if random.chance(50) {
                    part.value.clear();
                }
            }
        }
    }
}

fn bad_length(random: &mut Random, part: &mut Part) {
    let units = naive::units(&part.value);
    let length = match random.below(9) {
        0 => format!("{units}x"),
        1 => format!("+{units}"),
        2 => format!(" {units}"),
        3 => format!("-{units}"),
        4 => "xx".to_owned(),
        5 => format!("{:02}", units + 1),
        6 => format!("{:02}", units.saturating_sub(1)),
        7 => "៩៩".to_owned(),
        _ => format!("{:02}", random.below(100)),
    };
    part.length = Some(length.chars().take(2).collect());
}

/// Gives a field one of the values that are known to make trouble.
fn set_value(random: &mut Random, parts: &mut Vec<Part>, now: u64) {
    const VALUES: [(&str, &[&str]); 12] = [
        ("00", &["02", "1", "0", "011", "𝟘", "ab"]),
        ("01", &["11", "12", "13", "1", "012", "1२", "😀"]),
        (
            "15",
            &["1234567812345678", "123456781234567890123456789012345"],
        ),
        ("52", &["5", "599", "59999", "abcd", "៥៩៩៩", "59 9", "0000"]),
        (
            "53",
            &["840", "116", "764", "11", "1160", "84O", "KHR", "៨៤០"],
        ),
        (
            "54",
            &[
                "0",
                "0.00",
                "1",
                "1.1",
                "1.10",
                "1.111",
                "100.5",
                "100.00",
                "-1",
                "1e3",
                "1,000",
                "NaN",
                ".5",
                "5.",
                "៥",
                "9999999999999",
                "99999999999999",
                "+5",
                " 5",
                "0001",
                "12345678901.1",
            ],
        ),
        ("58", &["KH", "TH", "kh", "KHM", "KHMR", "K", "ខ្មែរ"]),
        (
            "59",
            &[
                "x",
                "1234567890123456789012345",
                "12345678901234567890123456",
                "😀😀😀😀😀😀😀😀😀😀😀😀😀",
            ],
        ),
        (
            "60",
            &[
                "y",
                "123456789012345",
                "1234567890123456",
                "ចចចចចចចចចចចចចចចច",
            ],
        ),
        (
            "62",
            &[
                "1234",
                "0101",
                "abc",
                "0000",
                "5004abcd",
                "50080004abcd0103xyz",
                "50000101a",
            ],
        ),
        (
            "64",
            &[
                "0002km",
                "0102hi",
                "0202pp",
                "0001k0101x",
                "00000101x",
                "0002km0100",
                "0000",
                "00000202pp",
                "9902zz",
            ],
        ),
        ("99", &["", "0001x", "abc", "0000", "0213abc"]),
    ];
    let (tag, values) = *random.pick(&VALUES);
    let value = *random.pick(values);
    match parts.iter_mut().find(|part| part.tag == tag) {
        Some(part) => value.clone_into(&mut part.value),
        None => {
            let at = random.index(parts.len() + 1);
            parts.insert(at, Part::new(tag, value));
        }
    }
    if tag == "99" && random.chance(50) {
        set_times(random, parts, now);
    }
}

/// Changes one field inside a template.
fn set_sub(random: &mut Random, parts: &mut Vec<Part>) {
    const SUBS: [(&str, &[u8]); 4] = [
        ("29", &[0, 0, 0, 1, 2]),
        ("30", &[0, 0, 0, 1, 2]),
        ("62", &[1, 2, 3, 7, 8, 50, 99]),
        ("64", &[0, 1, 2]),
    ];
    let (mut tag, subs) = *random.pick(&SUBS);
    for (there, other) in [("29", "30"), ("30", "29")] {
        if tag == other && !has(parts, tag) && has(parts, there) {
            tag = there;
        }
    }
    let sub = *random.pick(subs);
    let value = match (tag, sub, random.below(4)) {
        ("29" | "30", 0, 0..=2) => {
            let accounts = [
                "",
                "@",
                "a@",
                "@b",
                "a@b@c",
                "a b@c",
                "abc",
                "0123456789012345678901234567890@b",
            ];
            (*random.pick(&accounts)).to_owned()
        }
        (_, _, 0) => String::new(),
        (_, _, 1) => any_text(random, 26),
        (_, _, 2) => "x".repeat(26),
        _ => "x".repeat(33),
    };
    let index = parts.iter().position(|part| part.tag == tag);
    let part = match index {
        Some(index) => &mut parts[index],
        None if matches!(tag, "62" | "64") => {
            parts.push(Part::new(tag, ""));
            let last = parts.len() - 1;
            &mut parts[last]
        }
        None => return,
    };
    let mut inner = naive::template(&part.value).unwrap_or_default();
    match random.below(6) {
        0 => inner.retain(|(other, _)| *other != sub),
        1 => inner.push((sub, value)),
        2 => inner.reverse(),
        _ => match inner.iter_mut().find(|(other, _)| *other == sub) {
            Some((_, old)) => *old = value,
            None => inner.push((sub, value)),
        },
    }
    part.value = inner
        .iter()
        .map(|(sub, value)| naive::encoded(*sub, value))
        .collect();
    if random.chance(8) {
        let at = random.index(part.value.len() + 1);
        if part.value.is_char_boundary(at) {
            let stray = *random.pick(&["0", "x", "01", "-1", "9x"]);
            part.value.insert_str(at, stray);
        }
    }
}

/// Gives the code other times, in all the ways that they are written.
fn set_times(random: &mut Random, parts: &mut Vec<Part>, now: u64) {
    let moment = |random: &mut Random| match random.below(12) {
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
    let (created, until) = (moment(random), moment(random));
    let value = match random.below(6) {
        0 => naive::encoded(0, &created),
        1 => naive::encoded(1, &until),
        2 => naive::encoded(1, &until) + &naive::encoded(0, &created),
        _ => naive::encoded(0, &created) + &naive::encoded(1, &until),
    };
    match parts.iter_mut().find(|part| part.tag == "99") {
        Some(part) => part.value = value,
        None => parts.push(Part::new("99", value)),
    }
    if random.chance(40) {
        let method = *random.pick(&["11", "12"]);
        match parts.iter_mut().find(|part| part.tag == "01") {
            Some(part) => method.clone_into(&mut part.value),
            None => parts.push(Part::new("01", method)),
        }
    }
    if random.chance(15) {
        parts.retain(|part| part.tag != "01");
    }
}

/// Gives two fields values that the SDK refuses, in either order: which of them is told?
pub(super) fn conflict(random: &mut Random, parts: &mut Vec<Part>) {
    const REFUSED: [(&str, &[&str]); 12] = [
        ("00", &["", "011"]),
        ("01", &["", "13", "012"]),
        ("52", &["", "59999", "abcd"]),
        ("53", &["", "764", "1160"]),
        ("54", &["", "-1", "12345678901234"]),
        ("58", &["", "KHMR"]),
        ("59", &["", "12345678901234567890123456"]),
        ("60", &["", "1234567890123456"]),
        ("62", &["0100", "0226abcdefghijklmnopqrstuvwxyz", "0800"]),
        (
            "64",
            &["0002km", "0003khm0101x", "0002km0100", "0002km0101x0200"],
        ),
        (
            "99",
            &[
                "0013179500000000001131794999999999",
                "0013179500000000001121795000000000",
                "0003abc",
            ],
        ),
        (
            "29",
            &[
                "0003a@b0200",
                "0003a@b0133abcdefghijklmnopqrstuvwxyzabcdefg",
            ],
        ),
    ];
    for _ in 0..2 {
        let (tag, values) = *random.pick(&REFUSED);
        if tag == "29" && has(parts, "30") {
            continue;
        }
        let value = *random.pick(values);
        parts.retain(|part| part.tag != tag);
        let at = random.index(parts.len() + 1);
        parts.insert(at, Part::new(tag, value));
    }
}
