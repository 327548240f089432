//! What is wanted of us when a code is verified: the SDK's verdict and its code, but for the rows.
//!
//! A text that is no KHQR is refused for that first. Of the others the SDK asks, in this order: what a
//! dynamic code must have, what every code must have, and then field by field as the text has them. A rule
//! of ours that the SDK lacks counts only where it comes before what the SDK refused.

use serde_json::Value as Json;

use super::naive::{self, Defect, Field, get, plain_decimal, template, units, zeros};
use super::rows::Row;
use super::wanted::{Answer, Broken, Wanted, first_broken};

/// Where in the order of checks: the group, then the place in it, then the check within a field.
type Place = (u8, usize, u8);

/// The shortest text that the SDK looks at.
const SHORTEST: usize = 12;

/// What we are to answer at the moment `now`, or why the SDK's answer cannot be judged.
pub(super) fn wanted(text: &str, now: u64, official: &Json) -> Result<Wanted, String> {
    let code = official["code"].as_u64();
    let fields = match naive::khqr(text) {
        Ok(fields) => fields,
        Err(defect) => return Ok(unreadable(text, defect, official)),
    };
    if official["looped"] == true {
        return Err("no row explains why the SDK never returns".to_owned());
    }
    let broken = broken(&fields, now);
    let refused = match (official["valid"] == true, code) {
        (true, _) => None,
        (false, Some(code)) => Some((place_of(code, &fields)?, code)),
        (false, None) => {
            if !broken
                .iter()
                .any(|broken| broken.row == Row::LanguageMissing)
            {
                return Err("no row explains the SDK's exception".to_owned());
            }
            None
        }
    };
    if let Some(wanted) = first_broken(broken, refused) {
        return Ok(wanted);
    }
    Ok(match refused {
        None => Wanted {
            answer: Answer::Valid,
            row: None,
        },
        Some((_, 35)) if get(&fields, 30).is_some() => Wanted {
            answer: Answer::refused(32),
            row: Some(Row::MerchantIdCode),
        },
        Some((_, code)) => Wanted {
            answer: Answer::refused(code),
            row: None,
        },
    })
}

fn unreadable(text: &str, defect: Defect, official: &Json) -> Wanted {
    let code = defect.code();
    let same = official["code"].as_u64() == Some(code);
    let row = match defect {
        _ if official["looped"] == true => Row::EndlessLoop,
        Defect::TooLong => Row::TextTooLong,
        Defect::NoChecksum | Defect::WrongChecksum => Row::NoChecksum,
        Defect::Form(row) => row,
        Defect::Account(_) if units(text) < SHORTEST => Row::TextTooShort,
        Defect::Account(3) if official["valid"] == true => Row::AccountShape,
        Defect::Account(_) => Row::AccountFirst,
    };
    Wanted {
        answer: Answer::refused(code),
        row: (!same).then_some(row),
    }
}

/// The fields' own place in the text.
fn at(fields: &[Field], tag: u8, check: u8) -> Place {
    let index = fields.iter().position(|(other, _)| *other == tag);
    (2, index.unwrap_or(usize::MAX), check)
}

/// Where the SDK says `code` of these fields.
fn place_of(code: u64, fields: &[Field]) -> Result<Place, String> {
    let has = |tag| get(fields, tag).is_some();
    let account = if has(30) { 30 } else { 29 };
    // Missing or, if it is there, empty.
    let required = |index, tag| {
        if has(tag) {
            at(fields, tag, 0)
        } else {
            (1, index, 0)
        }
    };
    Ok(match code {
        47 if !has(54) => (0, 0, 0),
        45 if !has(99) => (0, 1, 0),
        23 => required(0, 0),
        25 => required(1, 52),
        9 => required(2, 53),
        26 => required(3, 58),
        2 => required(4, 59),
        27 => required(5, 60),
        16 => at(fields, 0, 0),
        17 | 48 => at(fields, 1, 0),
        43 => at(fields, 15, 0),
        35 => at(fields, account, 1),
        31 | 33 => at(fields, account, 2),
        18 | 51 => at(fields, 52, 0),
        19 | 28 => at(fields, 53, 0),
        4 => at(fields, 54, 0),
        20 => at(fields, 58, 0),
        7 => at(fields, 59, 0),
        21 => at(fields, 60, 0),
        10 => at(fields, 62, 1),
        34 => at(fields, 62, 2),
        11 => at(fields, 62, 3),
        12 => at(fields, 62, 7),
        42 => at(fields, 62, 8),
        39 => at(fields, 64, 0),
        38 => at(fields, 64, 1),
        40 => at(fields, 64, 2),
        41 => at(fields, 64, 3),
        45 => at(fields, 99, EXPIRY),
        47 | 49 => at(fields, 99, EXPIRY_LENGTH),
        46 | 50 => at(fields, 99, EXPIRY_PAST),
        _ => {
            return Err(format!(
                "the SDK says {code} of a text that does not call for it"
            ));
        }
    })
}

const EXPIRY: u8 = 0;
const EXPIRY_LENGTH: u8 = 1;
const CREATION: u8 = 2;
const EXPIRY_PAST: u8 = 3;

/// Every rule that we have and the SDK lacks, and that the fields break.
fn broken(fields: &[Field], now: u64) -> Vec<Broken<Place>> {
    let mut broken = Vec::new();
    let mut add =
        |tag, check, code, row| broken.push(Broken::new(at(fields, tag, check), code, row));
    let value = |tag| get(fields, tag).unwrap_or_default();
    if (1..=2).contains(&units(value(0))) && value(0) != "01" {
        add(0, 0, 8, Row::FormatIndicator);
    }
    if (1..=3).contains(&units(value(58))) && value(58) != "KH" {
        add(58, 0, 8, Row::Country);
    }
    if (1..=3).contains(&units(value(52))) {
        add(52, 0, 51, Row::ShortCategory);
    }
    if let Some(row) = amount(value(54), value(53)) {
        add(54, 0, 4, row);
    }
    controls(fields, &mut add);
    language(fields, &mut add);
    if get(fields, 54).is_some() {
        times(fields, now, &mut add);
    }
    broken
}

/// What is wrong with an amount that the SDK takes, in a currency that it knows.
fn amount(amount: &str, currency: &str) -> Option<Row> {
    if amount.is_empty() || !matches!(currency, "116" | "840") {
        return None;
    }
    let Some((whole, decimals)) = plain_decimal(amount) else {
        return Some(Row::AmountSyntaxRead);
    };
    match currency {
        _ if currency == "840" && decimals.len() > 2 => Some(Row::AmountSyntaxRead),
        _ if currency == "116" && !zeros(decimals) => Some(Row::RielDecimals),
        _ if zeros(whole) && zeros(decimals) => Some(Row::AmountZeroRead),
        _ => None,
    }
}

fn controls(fields: &[Field], add: &mut impl FnMut(u8, u8, u64, Row)) {
    let is_bad = |value: Option<&str>| value.is_some_and(|value| value.contains(char::is_control));
    for (tag, code) in [(15, 43), (59, 7), (60, 21)] {
        if is_bad(get(fields, tag)) {
            add(tag, 0, code, Row::ControlCharacter);
        }
    }
    for (tag, sub, check, code) in [
        (29, 1, 1, 35),
        (29, 2, 2, 33),
        (30, 1, 1, 32),
        (30, 2, 2, 33),
        (62, 1, 1, 10),
        (62, 2, 2, 34),
        (62, 3, 3, 11),
        (62, 7, 7, 12),
        (62, 8, 8, 42),
        (64, 1, 2, 40),
        (64, 2, 3, 41),
    ] {
        let subs = subs(fields, tag);
        if is_bad(get(&subs, sub)) {
            add(tag, check, code, Row::ControlCharacter);
        }
    }
}

/// The fields of a template that was read before, so that it is well formed.
fn subs(fields: &[Field], tag: u8) -> Vec<Field> {
    template(get(fields, tag).unwrap_or_default()).unwrap_or_default()
}

fn language(fields: &[Field], add: &mut impl FnMut(u8, u8, u64, Row)) {
    let subs = subs(fields, 64);
    let [language, name, city] = [0, 1, 2].map(|sub| get(&subs, sub));
    let says = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
    match language {
        None if name.is_some() => add(64, 1, 37, Row::LanguageMissing),
        None if says(city) => add(64, 1, 37, Row::CityOnly),
        Some("") if name.is_none() && says(city) => add(64, 1, 38, Row::CityOnly),
        Some(language) if units(language) == 1 => add(64, 1, 38, Row::ShortLanguage),
        Some(language) if language.contains(char::is_control) => {
            add(64, 1, 38, Row::ControlCharacter);
        }
        _ => {}
    }
}

fn times(fields: &[Field], now: u64, add: &mut impl FnMut(u8, u8, u64, Row)) {
    let Some(at) = fields.iter().position(|(tag, _)| *tag == 99) else {
        return;
    };
    let official_looks = get(&fields[..at], 1) == Some("12");
    let subs = subs(fields, 99);
    // One of too many digits is after every expiry.
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let creation = get(&subs, 0);
    if creation.is_some_and(|text| !is_digits(text)) {
        add(99, CREATION, 8, Row::CreationNumber);
    }
    let creation = creation
        .filter(|text| is_digits(text))
        .map(|text| text.parse().unwrap_or(u64::MAX));
    let Some(expiry) = get(&subs, 1) else {
        if !official_looks {
            add(99, EXPIRY, 45, Row::ExpiryMissing);
        }
        return;
    };
    match expiry.parse::<u64>().ok().filter(|_| is_digits(expiry)) {
        // Too many to be a moment.
        None if is_digits(expiry) => {
            add(99, EXPIRY, 49, Row::NumbersLoosely);
        }
        None | Some(0) => {
            let row = if official_looks {
                Row::NumbersLoosely
            } else {
                Row::ExpiryEverywhere
            };
            add(99, EXPIRY, 45, row);
        }
        // Here our rules are the SDK's.
        Some(_) if official_looks => {}
        Some(expiry) if expiry.to_string().len() != 13 => {
            add(99, EXPIRY_LENGTH, 49, Row::ExpiryEverywhere);
        }
        Some(expiry) if creation.is_some_and(|creation: u64| expiry < creation) => {
            add(99, EXPIRY_PAST, 50, Row::ExpiryEverywhere);
        }
        Some(expiry) if expiry < now => add(99, EXPIRY_PAST, 46, Row::ExpiryEverywhere),
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::naive::{encoded, sealed};
    use super::*;

    const NOW: u64 = 1_795_000_000_000;

    fn code(body: &str, official: &Json) -> (Option<u64>, Option<Row>) {
        let wanted = wanted(&sealed(body), NOW, official).unwrap();
        match wanted.answer {
            Answer::Refused { code, .. } => (code, wanted.row),
            _ => (None, wanted.row),
        }
    }

    const HEAD: &str = "00020129070003a@b";
    const TAIL: &str = "5303116540155802KH5901x6001y";

    fn times(creation: &str, expiry: Option<&str>) -> String {
        let expiry = expiry.map_or(String::new(), |expiry| encoded(1, expiry));
        encoded(99, &(encoded(0, creation) + &expiry))
    }

    #[test]
    fn the_text_s_order_says_which_rule_counts() {
        let times = times("1795000000000", Some("1795000600000"));
        let body = format!("{HEAD}52015{TAIL}{times}");
        let short = (Some(51), Some(Row::ShortCategory));
        assert_eq!(code(&body, &json!({"valid": true})), short);
        // The city stands behind the category.
        assert_eq!(code(&body, &json!({"valid": false, "code": 21})), short);
        // A missing field comes before all that are there.
        let missing = body.replace("5901x", "");
        assert_eq!(
            code(&missing, &json!({"valid": false, "code": 2})),
            (Some(2), None)
        );
    }

    #[test]
    fn an_expiry_is_checked_wherever_there_is_an_amount() {
        for (creation, expiry, wanted, row) in [
            ("1795000000000", None, 45, Row::ExpiryMissing),
            ("1795000000000", Some(""), 45, Row::ExpiryEverywhere),
            (
                "1795000000000",
                Some("179500060000"),
                49,
                Row::ExpiryEverywhere,
            ),
            (
                "1795000600000",
                Some("1795000500000"),
                50,
                Row::ExpiryEverywhere,
            ),
            (
                "1794000000000",
                Some("1794999999999"),
                46,
                Row::ExpiryEverywhere,
            ),
            ("x", Some("1795000600000"), 8, Row::CreationNumber),
        ] {
            let body = format!("{HEAD}52045999{TAIL}{}", times(creation, expiry));
            let found = code(&body, &json!({"valid": true}));
            assert_eq!(found, (Some(wanted), Some(row)), "{body}");
        }
        let body = format!("{HEAD}52045999{TAIL}{}", times("1", Some("1795000000000")));
        assert_eq!(code(&body, &json!({"valid": true})), (None, None));
    }

    #[test]
    fn what_is_no_khqr_is_refused_for_that() {
        let valid = json!({"valid": true});
        let twice = format!("{HEAD}5901x5901y");
        assert_eq!(code(&twice, &valid), (Some(8), Some(Row::Repeated)));
        assert_eq!(
            code("00020129060002a@", &json!({"valid": false, "code": 25})),
            (Some(3), Some(Row::AccountFirst))
        );
        assert_eq!(
            code("62031ab29070003a@b", &json!({"looped": true})),
            (Some(8), Some(Row::EndlessLoop))
        );
    }
}
