//! The expected result of verifying a code.
//!
//! A text that is not a KHQR is rejected first. For other texts the SDK checks, in this order: what a dynamic code must
//! have, what every code must have, and then each field in the order of the text. A rule that the SDK lacks counts only if
//! it comes before the rule for which the SDK rejected the code.

use khqr_kit::naive::{Code, is_digits, length};
use serde_json::Value as Json;

use super::number::{plain_decimal, zeros};
use super::{Answer, Expected, Unreadable, Violation, first_violation};
use crate::deviation::Deviation;

/// The position of a check in the order of all checks: the group of rules, the position in the group, and the check of
/// a field.
type Rank = (u8, usize, u8);

/// The SDK rejects a shorter code without reading its fields.
const MIN_LENGTH: usize = 12;

/// Returns the expected result at `now`, or why the SDK's answer cannot be explained.
pub(crate) fn expected(text: &str, now: u64, official: &Json) -> Result<Expected, String> {
    let code = match Code::read(text).map_err(Unreadable::from) {
        Ok(code) => code,
        Err(reason) => return Ok(unreadable(text, reason, official)),
    };
    if official["looped"] == true {
        return Err("no deviation explains why the SDK never returns".to_owned());
    }
    let violations = violations(&code, now);
    let sdk_error = match (official["valid"] == true, official["code"].as_u64()) {
        (true, _) => None,
        (false, Some(number)) => Some((rank_of(number, &code)?, number)),
        (false, None) => {
            let explains =
                |violation: &Violation<Rank>| violation.deviation == Deviation::LanguageMissing;
            if !violations.iter().any(explains) {
                return Err("no deviation explains the SDK's exception".to_owned());
            }
            None
        }
    };
    if let Some(expected) = first_violation(violations, sdk_error) {
        return Ok(expected);
    }
    let (answer, deviation) = match sdk_error {
        None => (Answer::Valid, None),
        Some((_, 35)) if code.account_tag == "30" => {
            (Answer::error(32), Some(Deviation::MerchantIdCode))
        }
        Some((_, number)) => (Answer::error(number), None),
    };
    Ok(Expected { answer, deviation })
}

fn unreadable(text: &str, reason: Unreadable, official: &Json) -> Expected {
    let code = reason.code();
    let deviation = match reason {
        _ if official["looped"] == true => Deviation::EndlessLoop,
        Unreadable::TooLong => Deviation::TextTooLong,
        Unreadable::NoChecksum | Unreadable::WrongChecksum => Deviation::NoChecksum,
        Unreadable::Form(deviation) => deviation,
        Unreadable::Account(_) if length(text) < MIN_LENGTH => Deviation::TextTooShort,
        Unreadable::Account(3) if official["valid"] == true => Deviation::AccountShape,
        Unreadable::Account(_) => Deviation::AccountFirst,
    };
    Expected {
        answer: Answer::error(code),
        deviation: (official["code"].as_u64() != Some(code)).then_some(deviation),
    }
}

/// Returns the rank of the check number `check` of the field `tag`.
fn at(code: &Code, tag: &str, check: u8) -> Rank {
    let index = code.order.iter().position(|other| other == tag);
    (2, index.unwrap_or(usize::MAX), check)
}

/// Returns the rank at which the SDK reports the error `number` for this code.
fn rank_of(number: u64, code: &Code) -> Result<Rank, String> {
    let has = |tag| code.get(tag).is_some();
    let account = code.account_tag.as_str();
    // The SDK uses the same number for a missing field and for an empty one.
    let required = |index, tag| {
        if has(tag) {
            at(code, tag, 0)
        } else {
            (1, index, 0)
        }
    };
    Ok(match number {
        47 if !has("54") => (0, 0, 0),
        45 if !has("99") => (0, 1, 0),
        23 => required(0, "00"),
        25 => required(1, "52"),
        9 => required(2, "53"),
        26 => required(3, "58"),
        2 => required(4, "59"),
        27 => required(5, "60"),
        16 => at(code, "00", 0),
        17 | 48 => at(code, "01", 0),
        43 => at(code, "15", 0),
        35 => at(code, account, 1),
        31 | 33 => at(code, account, 2),
        18 | 51 => at(code, "52", 0),
        19 | 28 => at(code, "53", 0),
        4 => at(code, "54", 0),
        20 => at(code, "58", 0),
        7 => at(code, "59", 0),
        21 => at(code, "60", 0),
        10 => at(code, "62", 1),
        34 => at(code, "62", 2),
        11 => at(code, "62", 3),
        12 => at(code, "62", 7),
        42 => at(code, "62", 8),
        39 => at(code, "64", 0),
        38 => at(code, "64", 1),
        40 => at(code, "64", 2),
        41 => at(code, "64", 3),
        45 => at(code, "99", EXPIRY),
        47 | 49 => at(code, "99", EXPIRY_LENGTH),
        46 | 50 => at(code, "99", EXPIRY_PAST),
        _ => return Err(format!("no rule of the SDK gives {number} for this text")),
    })
}

const EXPIRY: u8 = 0;
const EXPIRY_LENGTH: u8 = 1;
const CREATION: u8 = 2;
const EXPIRY_PAST: u8 = 3;

/// Returns all violations of rules that the SDK lacks.
fn violations(code: &Code, now: u64) -> Vec<Violation<Rank>> {
    let mut found = Vec::new();
    let mut add = |tag, check, number, deviation| {
        found.push(Violation::new(at(code, tag, check), number, deviation));
    };
    let value = |tag| code.get(tag).unwrap_or_default();
    if (1..=2).contains(&length(value("00"))) && value("00") != "01" {
        add("00", 0, 8, Deviation::FormatIndicator);
    }
    if (1..=3).contains(&length(value("58"))) && value("58") != "KH" {
        add("58", 0, 8, Deviation::Country);
    }
    if (1..=3).contains(&length(value("52"))) {
        add("52", 0, 51, Deviation::ShortCategory);
    }
    if let Some(deviation) = amount_deviation(value("54"), value("53")) {
        add("54", 0, 4, deviation);
    }
    check_controls(code, &mut add);
    check_language(code, &mut add);
    if code.get("54").is_some() {
        check_times(code, now, &mut add);
    }
    found
}

/// Checks an amount that the SDK accepts, in a supported currency.
fn amount_deviation(amount: &str, currency: &str) -> Option<Deviation> {
    if amount.is_empty() || !matches!(currency, "116" | "840") {
        return None;
    }
    let Some((whole, decimals)) = plain_decimal(amount) else {
        return Some(Deviation::AmountSyntaxRead);
    };
    match currency {
        "840" if decimals.len() > 2 => Some(Deviation::AmountSyntaxRead),
        "116" if !zeros(decimals) => Some(Deviation::RielDecimals),
        _ if zeros(whole) && zeros(decimals) => Some(Deviation::AmountZeroRead),
        _ => None,
    }
}

fn check_controls(code: &Code, add: &mut impl FnMut(&'static str, u8, u64, Deviation)) {
    for (path, tag, check, number) in [
        ("15", "15", 0, 43),
        ("59", "59", 0, 7),
        ("60", "60", 0, 21),
        ("29/01", "29", 1, 35),
        ("29/02", "29", 2, 33),
        ("30/01", "30", 1, 32),
        ("30/02", "30", 2, 33),
        ("62/01", "62", 1, 10),
        ("62/02", "62", 2, 34),
        ("62/03", "62", 3, 11),
        ("62/07", "62", 7, 12),
        ("62/08", "62", 8, 42),
        ("64/01", "64", 2, 40),
        ("64/02", "64", 3, 41),
    ] {
        if code
            .get(path)
            .is_some_and(|value| value.contains(char::is_control))
        {
            add(tag, check, number, Deviation::ControlCharacter);
        }
    }
}

fn check_language(code: &Code, add: &mut impl FnMut(&'static str, u8, u64, Deviation)) {
    let [language, name, city] = ["64/00", "64/01", "64/02"].map(|path| code.get(path));
    let has_city = city.is_some_and(|value| !value.is_empty());
    match language {
        None if name.is_some() => add("64", 1, 37, Deviation::LanguageMissing),
        None if has_city => add("64", 1, 37, Deviation::CityOnly),
        Some("") if name.is_none() && has_city => add("64", 1, 38, Deviation::CityOnly),
        Some(language) if length(language) == 1 => add("64", 1, 38, Deviation::ShortLanguage),
        Some(language) if language.contains(char::is_control) => {
            add("64", 1, 38, Deviation::ControlCharacter);
        }
        _ => {}
    }
}

fn check_times(code: &Code, now: u64, add: &mut impl FnMut(&'static str, u8, u64, Deviation)) {
    let Some(at) = code.order.iter().position(|tag| tag == "99") else {
        return;
    };
    let method_comes_first = code.order[..at].iter().any(|tag| tag == "01");
    let sdk_checks_expiry = method_comes_first && code.get("01") == Some("12");
    let creation = code.get("99/00");
    if creation.is_some_and(|text| !is_digits(text)) {
        add("99", CREATION, 8, Deviation::CreationNumber);
    }
    // A creation time with too many digits counts as later than every expiry.
    let creation: Option<u64> = creation
        .filter(|text| is_digits(text))
        .map(|text| text.parse().unwrap_or(u64::MAX));
    let Some(expiry) = code.get("99/01") else {
        if !sdk_checks_expiry {
            add("99", EXPIRY, 45, Deviation::ExpiryMissing);
        }
        return;
    };
    match expiry.parse::<u64>().ok().filter(|_| is_digits(expiry)) {
        // The number needs more than 64 bits.
        None if is_digits(expiry) => add("99", EXPIRY, 49, Deviation::NumbersLoosely),
        None | Some(0) if sdk_checks_expiry => add("99", EXPIRY, 45, Deviation::NumbersLoosely),
        None | Some(0) => add("99", EXPIRY, 45, Deviation::ExpiryEverywhere),
        // The remaining rules are the same as the SDK's.
        Some(_) if sdk_checks_expiry => {}
        Some(expiry) if expiry.to_string().len() != 13 => {
            add("99", EXPIRY_LENGTH, 49, Deviation::ExpiryEverywhere);
        }
        Some(expiry) if creation.is_some_and(|creation| expiry < creation) => {
            add("99", EXPIRY_PAST, 50, Deviation::ExpiryEverywhere);
        }
        Some(expiry) if expiry < now => add("99", EXPIRY_PAST, 46, Deviation::ExpiryEverywhere),
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use khqr_kit::naive::{encoded, sealed};
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_795_000_000_000;

    fn result(body: &str, official: &Json) -> (Option<u64>, Option<Deviation>) {
        let expected = expected(&sealed(body), NOW, official).unwrap();
        match expected.answer {
            Answer::Error { code, .. } => (code, expected.deviation),
            _ => (None, expected.deviation),
        }
    }

    const HEAD: &str = "00020129070003a@b";
    const TAIL: &str = "5303116540155802KH5901x6001y";

    fn times(creation: &str, expiry: Option<&str>) -> String {
        let expiry = expiry.map_or(String::new(), |expiry| encoded("01", expiry));
        encoded("99", &(encoded("00", creation) + &expiry))
    }

    #[test]
    fn the_order_of_the_text_decides_which_rule_counts() {
        let times = times("1795000000000", Some("1795000600000"));
        let body = format!("{HEAD}52015{TAIL}{times}");
        let short = (Some(51), Some(Deviation::ShortCategory));
        assert_eq!(result(&body, &json!({"valid": true})), short);
        // The city comes after the category.
        assert_eq!(result(&body, &json!({"valid": false, "code": 21})), short);
        // A missing field comes before all fields of the text.
        let missing = body.replace("5901x", "");
        let found = result(&missing, &json!({"valid": false, "code": 2}));
        assert_eq!(found, (Some(2), None));
    }

    #[test]
    fn the_expiry_of_every_code_with_an_amount_is_checked() {
        let everywhere = Deviation::ExpiryEverywhere;
        for (creation, expiry, number, deviation) in [
            ("1795000000000", None, 45, Deviation::ExpiryMissing),
            ("1795000000000", Some(""), 45, everywhere),
            ("1795000000000", Some("179500060000"), 49, everywhere),
            ("1795000600000", Some("1795000500000"), 50, everywhere),
            ("1794000000000", Some("1794999999999"), 46, everywhere),
            ("x", Some("1795000600000"), 8, Deviation::CreationNumber),
        ] {
            let body = format!("{HEAD}52045999{TAIL}{}", times(creation, expiry));
            let found = result(&body, &json!({"valid": true}));
            assert_eq!(found, (Some(number), Some(deviation)), "{body}");
        }
        let body = format!("{HEAD}52045999{TAIL}{}", times("1", Some("1795000000000")));
        assert_eq!(result(&body, &json!({"valid": true})), (None, None));
    }

    #[test]
    fn a_text_that_is_not_a_khqr_is_rejected_first() {
        let valid = json!({"valid": true});
        let twice = format!("{HEAD}5901x5901y");
        assert_eq!(result(&twice, &valid), (Some(8), Some(Deviation::Repeated)));
        assert_eq!(
            result("00020129060002a@", &json!({"valid": false, "code": 25})),
            (Some(3), Some(Deviation::AccountFirst))
        );
        assert_eq!(
            result("62031ab29070003a@b", &json!({"looped": true})),
            (Some(8), Some(Deviation::EndlessLoop))
        );
    }
}
