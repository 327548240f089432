//! What is wanted of us when a code is to be written: the SDK's bytes, or its code, but for the rows.
//!
//! The SDK checks field by field in a fixed order, and so do we; a rule of ours that the SDK lacks counts
//! only where it comes before what the SDK refused.

use serde_json::Value as Json;

use super::generate::{TEXTS, longest};
use super::input::{Input, Value};
use super::naive::{self, plain_decimal, units, zeros};
use super::rows::Row;
use super::wanted::{Answer, Broken, Wanted, first_broken};

/// The order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Check {
    Upi,
    Account,
    AccountDetail,
    Bank,
    Category,
    Currency,
    UpiCurrency,
    Amount,
    Name,
    City,
    Bill,
    Mobile,
    Store,
    Terminal,
    Purpose,
    SecondNameGiven,
    Language,
    SecondName,
    SecondCity,
    Expiry,
    ExpiryLength,
    CreationLength,
    ExpiryPast,
    AccountTemplate,
    LabelTemplate,
}

/// What we are to answer, or why the SDK's answer cannot be judged.
pub(super) fn wanted(input: &Input, official: &Json) -> Result<Wanted, String> {
    let refused = refusal(input, official)?;
    if let Some(wanted) = first_broken(broken(input), refused) {
        return Ok(wanted);
    }
    if let Some((_, code)) = refused {
        let answer = Answer::refused(code);
        return Ok(Wanted { answer, row: None });
    }
    if official["verified"]["valid"] != true {
        return Err(format!(
            "no row explains why the SDK refuses its own text: {}",
            official["verified"]
        ));
    }
    let text = |name: &str| official[name].as_str().unwrap_or_default().to_owned();
    let answer = Answer::Code {
        qr: text("qr"),
        md5: text("md5"),
    };
    Ok(Wanted { answer, row: None })
}

/// Where the SDK refused the input, and with which code.
fn refusal(input: &Input, official: &Json) -> Result<Option<(Check, u64)>, String> {
    if official["qr"].is_string() {
        return Ok(None);
    }
    let Some(code) = official["code"].as_u64() else {
        // An exception has no code; a row must say where it comes from.
        let exceptional = broken(input)
            .into_iter()
            .any(|broken| broken.row == Row::ExceptionAsCode);
        return if exceptional {
            Ok(None)
        } else {
            Err("no row explains the SDK's exception".to_owned())
        };
    };
    let check = match code {
        43 => Check::Upi,
        1 | 3 | 6 => Check::Account,
        30 | 32 | 35 => Check::AccountDetail,
        31 | 33 => Check::Bank,
        18 | 25 | 51 => Check::Category,
        9 | 19 | 28 => Check::Currency,
        44 => Check::UpiCurrency,
        4 => Check::Amount,
        2 | 7 => Check::Name,
        21 | 27 => Check::City,
        10 => Check::Bill,
        34 => Check::Mobile,
        11 => Check::Store,
        12 => Check::Terminal,
        42 => Check::Purpose,
        39 => Check::SecondNameGiven,
        38 => Check::Language,
        40 => Check::SecondName,
        41 => Check::SecondCity,
        45 => Check::Expiry,
        47 | 49 => Check::ExpiryLength,
        46 | 50 => Check::ExpiryPast,
        _ => return Err(format!("the SDK never says {code} when generating")),
    };
    Ok(Some((check, code)))
}

fn check_of(name: &str) -> (Check, u64) {
    match name {
        "merchantName" => (Check::Name, 7),
        "merchantCity" => (Check::City, 21),
        "merchantID" => (Check::AccountDetail, 32),
        "accountInformation" => (Check::AccountDetail, 35),
        "acquiringBank" => (Check::Bank, 33),
        "billNumber" => (Check::Bill, 10),
        "mobileNumber" => (Check::Mobile, 34),
        "storeLabel" => (Check::Store, 11),
        "terminalLabel" => (Check::Terminal, 12),
        "purposeOfTransaction" => (Check::Purpose, 42),
        "merchantNameAlternateLanguage" => (Check::SecondName, 40),
        "merchantCityAlternateLanguage" => (Check::SecondCity, 41),
        _ => (Check::Upi, 43),
    }
}

/// Every rule that we have and the SDK lacks, and that the input breaks.
fn broken(input: &Input) -> Vec<Broken<Check>> {
    let mut broken = Vec::new();
    let unread = if input.is_merchant() {
        "accountInformation"
    } else {
        "merchantID"
    };
    for (name, _) in TEXTS.iter().filter(|(name, _)| *name != unread) {
        let (check, code) = check_of(name);
        if input
            .text(name)
            .is_some_and(|text| text.contains(char::is_control))
        {
            broken.push(Broken::new(check, code, Row::ControlCharacter));
        }
    }
    let upi = input.text("upiMerchantAccount").unwrap_or_default();
    if units(upi) > longest("upiMerchantAccount") {
        broken.push(Broken::new(Check::Upi, 43, Row::UpiLength));
    }
    account(input, &mut broken);
    // The number 0 is absent to the SDK, as an empty text is.
    let category = input
        .given("merchantCategoryCode")
        .filter(|code| **code != Value::number("0"));
    if category.is_some_and(|code| units(code.as_str()) < 4) {
        broken.push(Broken::new(Check::Category, 51, Row::ShortCategory));
    }
    if amount_is_untyped(input) {
        broken.push(Broken::new(Check::Amount, 4, Row::AmountTyped));
    }
    language(input, &mut broken);
    if is_dynamic(input) {
        times(input, &mut broken);
    }
    templates(input, &mut broken);
    broken
}

fn account(input: &Input, broken: &mut Vec<Broken<Check>>) {
    match input.get("bakongAccountID") {
        Some(Value::Number(_)) => {
            broken.push(Broken::new(Check::Account, 3, Row::ExceptionAsCode));
        }
        Some(Value::Text(text)) if naive::account(text) == Err(3) => {
            let row = if text.contains(char::is_control) {
                Row::ControlCharacter
            } else {
                Row::AccountShape
            };
            broken.push(Broken::new(Check::Account, 3, row));
        }
        _ => {}
    }
}

/// The amount as a plain decimal, if it is one. A number's digits are its value, not its spelling.
fn plain_amount(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => plain_decimal(text).map(|_| text.clone()),
        Value::Number(number) => naive::plain_number(number),
    }
}

fn amount_is_untyped(input: &Input) -> bool {
    let Some(value) = input.given("amount") else {
        return false;
    };
    let plain = plain_amount(value);
    let Some((whole, decimals)) = plain.as_deref().and_then(plain_decimal) else {
        return true;
    };
    match value {
        // Zero is no amount, however it is written.
        _ if zeros(whole) && zeros(decimals) => false,
        // Beyond, JavaScript writes an exponent.
        Value::Number(_) if whole.len() > 21 => true,
        _ if !input.is_usd() => !zeros(decimals),
        Value::Text(_) => decimals.len() > 2,
        Value::Number(_) => decimals.trim_end_matches('0').len() > 2,
    }
}

fn is_dynamic(input: &Input) -> bool {
    input.given("amount").is_some_and(|amount| {
        let plain = plain_amount(amount);
        let parts = plain.as_deref().and_then(plain_decimal);
        !parts.is_some_and(|(whole, decimals)| zeros(whole) && zeros(decimals))
    })
}

fn language(input: &Input, broken: &mut Vec<Broken<Check>>) {
    let name = input.given("merchantNameAlternateLanguage").is_some();
    let city = input.given("merchantCityAlternateLanguage").is_some();
    let Some(language) = input.text("languagePreference") else {
        if name {
            broken.push(Broken::new(Check::Language, 37, Row::ExceptionAsCode));
        } else if city {
            broken.push(Broken::new(Check::Language, 37, Row::CityOnly));
        }
        return;
    };
    if name && units(language) == 1 {
        broken.push(Broken::new(Check::Language, 38, Row::ShortLanguage));
    } else if name && language.contains(char::is_control) {
        broken.push(Broken::new(Check::Language, 38, Row::ControlCharacter));
    }
}

fn times(input: &Input, broken: &mut Vec<Broken<Check>>) {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let expiry = input.given("expirationTimestamp").map(Value::as_str);
    if expiry.is_some_and(|expiry| !digits(expiry)) {
        broken.push(Broken::new(Check::Expiry, 45, Row::NumbersLoosely));
    } else if expiry.is_some_and(|expiry| expiry.parse::<u64>().is_err()) {
        // Too many to be a moment.
        broken.push(Broken::new(Check::Expiry, 49, Row::NumbersLoosely));
    }
    if let Some(creation) = input.given("creationTimestamp")
        && creation.as_str().len() != 13
    {
        broken.push(Broken {
            place: Check::CreationLength,
            code: None,
            tag: None,
            row: Row::CreationLength,
        });
    }
}

fn templates(input: &Input, broken: &mut Vec<Broken<Check>>) {
    let total = |names: &[&str]| -> usize {
        let given = names.iter().filter_map(|name| input.given(name));
        given.map(|value| 4 + units(value.as_str())).sum()
    };
    let (detail, tag) = if input.is_merchant() {
        ("merchantID", "30")
    } else {
        ("accountInformation", "29")
    };
    let account = ["bakongAccountID", detail, "acquiringBank"];
    let labels: Vec<&str> = TEXTS[5..10].iter().map(|(name, _)| *name).collect();
    for (place, tag, names) in [
        (Check::AccountTemplate, tag, &account[..]),
        (Check::LabelTemplate, "62", &labels[..]),
    ] {
        if total(names) > 99 {
            broken.push(Broken {
                place,
                code: None,
                tag: Some(tag),
                row: Row::TemplateOver99,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn input(more: &[(&str, Value)]) -> Input {
        let mut input = Input::default();
        input.set("kind", Value::text("individual"));
        input.set("bakongAccountID", Value::text("a@b"));
        input.set("merchantName", Value::text("x"));
        for (name, value) in more {
            input.set(name, value.clone());
        }
        input
    }

    fn refused(more: &[(&str, Value)], official: &Json) -> (Option<u64>, Option<Row>) {
        let wanted = wanted(&input(more), official).unwrap();
        match wanted.answer {
            Answer::Refused { code, .. } => (code, wanted.row),
            other => panic!("{other:?}"),
        }
    }

    fn written() -> Json {
        json!({"qr": "0002", "md5": "d4", "verified": {"valid": true}})
    }

    #[test]
    fn without_a_row_the_sdk_s_answer_is_wanted() {
        let bytes = wanted(&input(&[]), &written()).unwrap();
        assert_eq!(bytes.row, None);
        assert!(
            bytes
                .answer
                .is_given_by(&json!({"qr": "0002", "md5": "d4"}))
        );
        assert_eq!(refused(&[], &json!({"code": 7})), (Some(7), None));
        assert!(wanted(&input(&[]), &json!({"exception": "TypeError"})).is_err());
        assert!(wanted(&input(&[]), &json!({"looped": true})).is_err());
        let unverified = json!({"qr": "x", "md5": "y", "verified": {"valid": false, "code": 8}});
        assert!(wanted(&input(&[]), &unverified).is_err());
    }

    #[test]
    fn a_rule_of_ours_counts_only_where_it_comes_first() {
        let short = ("merchantCategoryCode", Value::text("5"));
        let short = std::slice::from_ref(&short);
        assert_eq!(
            refused(short, &written()),
            (Some(51), Some(Row::ShortCategory))
        );
        // The amount is checked after the category, the account before it.
        assert_eq!(
            refused(short, &json!({"code": 4})),
            (Some(51), Some(Row::ShortCategory))
        );
        assert_eq!(refused(short, &json!({"code": 6})), (Some(6), None));
    }

    #[test]
    fn amounts_are_exact() {
        let usd = ("currency", Value::text("USD"));
        for (amount, untyped) in [
            (Value::text("1.10"), false),
            (Value::text("0.000"), false),
            (Value::text("1.100"), true),
            (Value::number("1.100"), false),
            (Value::number("1.10000000000000000001"), true),
            (Value::number("1e3"), false),
            (Value::number("1e21"), true),
            (Value::text("1e3"), true),
            (Value::text("NaN"), true),
        ] {
            let input = input(&[usd.clone(), ("amount", amount.clone())]);
            assert_eq!(amount_is_untyped(&input), untyped, "{amount:?}");
        }
    }
}
