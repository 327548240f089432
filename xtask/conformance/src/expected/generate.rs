//! The expected result of writing a code.
//!
//! The SDK and khqr-core check the fields in the same fixed order. A rule that the SDK lacks counts only if it comes
//! before the rule for which the SDK rejected the input.

use khqr_core::ErrorKind;
use khqr_kit::naive::{account_defect, length};
use khqr_kit::sdk_input::{LABELS, TEXTS, longest};
use khqr_kit::{SdkInput, Value};
use serde_json::Value as Json;

use super::number::{plain_decimal, without_exponent, zeros};
use super::{Answer, Expected, Violation, first_violation};
use crate::deviation::Deviation;

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

/// Returns the expected result, or why the SDK's answer cannot be explained.
pub(crate) fn expected(input: &SdkInput, official: &Json) -> Result<Expected, String> {
    let sdk_error = sdk_error(input, official)?;
    if let Some(expected) = first_violation(violations(input), sdk_error) {
        return Ok(expected);
    }
    let text = |name: &str| official[name].as_str().unwrap_or_default().to_owned();
    let answer = match sdk_error {
        Some((_, code)) => Answer::error(code),
        None if official["verified"]["valid"] == true => Answer::Code {
            qr: text("qr"),
            md5: text("md5"),
        },
        None => {
            let verified = &official["verified"];
            return Err(format!(
                "no deviation explains why the SDK rejects its own text: {verified}"
            ));
        }
    };
    Ok(Expected {
        answer,
        deviation: None,
    })
}

/// Returns the check for which the SDK rejected the input, and its code.
fn sdk_error(input: &SdkInput, official: &Json) -> Result<Option<(Check, u64)>, String> {
    if official["qr"].is_string() {
        return Ok(None);
    }
    let Some(code) = official["code"].as_u64() else {
        // An exception has no code, so a deviation must explain it.
        let explains =
            |violation: &Violation<Check>| violation.deviation == Deviation::ExceptionAsCode;
        return if violations(input).iter().any(explains) {
            Ok(None)
        } else {
            Err("no deviation explains the SDK's exception".to_owned())
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
        _ => return Err(format!("no rule of the SDK gives {code} when generating")),
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

/// Returns all violations of rules that the SDK lacks.
fn violations(input: &SdkInput) -> Vec<Violation<Check>> {
    let mut found = Vec::new();
    let unused = if input.is_merchant() {
        "accountInformation"
    } else {
        "merchantID"
    };
    for (name, _) in TEXTS.iter().filter(|(name, _)| *name != unused) {
        let (check, code) = check_of(name);
        if input
            .text(name)
            .is_some_and(|text| text.contains(char::is_control))
        {
            found.push(Violation::new(check, code, Deviation::ControlCharacter));
        }
    }
    let upi = input.text("upiMerchantAccount").unwrap_or_default();
    if length(upi) > longest("upiMerchantAccount") {
        found.push(Violation::new(Check::Upi, 43, Deviation::UpiLength));
    }
    account(input, &mut found);
    // The SDK treats the number 0 as missing, like an empty text.
    let category = input
        .given("merchantCategoryCode")
        .filter(|code| **code != Value::number("0"));
    if category.is_some_and(|code| length(code.as_str()) < 4) {
        found.push(Violation::new(
            Check::Category,
            51,
            Deviation::ShortCategory,
        ));
    }
    if amount_is_not_exact(input) {
        found.push(Violation::new(Check::Amount, 4, Deviation::AmountTyped));
    }
    language(input, &mut found);
    if is_dynamic(input) {
        times(input, &mut found);
    }
    templates(input, &mut found);
    found
}

fn account(input: &SdkInput, found: &mut Vec<Violation<Check>>) {
    match input.get("bakongAccountID") {
        Some(Value::Number(_)) => {
            found.push(Violation::new(
                Check::Account,
                3,
                Deviation::ExceptionAsCode,
            ));
        }
        Some(Value::Text(text)) if account_defect(text) == Some(ErrorKind::AccountShape) => {
            let deviation = if text.contains(char::is_control) {
                Deviation::ControlCharacter
            } else {
                Deviation::AccountShape
            };
            found.push(Violation::new(Check::Account, 3, deviation));
        }
        _ => {}
    }
}

/// Returns the amount as a plain decimal. For a JSON number, the value counts, not the notation.
fn plain_amount(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => plain_decimal(text).map(|_| text.clone()),
        Value::Number(number) => without_exponent(number),
    }
}

fn amount_is_not_exact(input: &SdkInput) -> bool {
    let Some(value) = input.given("amount") else {
        return false;
    };
    let plain = plain_amount(value);
    let Some((whole, decimals)) = plain.as_deref().and_then(plain_decimal) else {
        return true;
    };
    match value {
        // An amount of zero means a static code, in any notation.
        _ if zeros(whole) && zeros(decimals) => false,
        // JavaScript writes larger numbers with an exponent.
        Value::Number(_) if whole.len() > 21 => true,
        _ if !input.is_usd() => !zeros(decimals),
        Value::Text(_) => decimals.len() > 2,
        Value::Number(_) => decimals.trim_end_matches('0').len() > 2,
    }
}

fn is_dynamic(input: &SdkInput) -> bool {
    input.given("amount").is_some_and(|amount| {
        let plain = plain_amount(amount);
        let parts = plain.as_deref().and_then(plain_decimal);
        !parts.is_some_and(|(whole, decimals)| zeros(whole) && zeros(decimals))
    })
}

fn language(input: &SdkInput, found: &mut Vec<Violation<Check>>) {
    let name = input.given("merchantNameAlternateLanguage").is_some();
    let city = input.given("merchantCityAlternateLanguage").is_some();
    let Some(language) = input.text("languagePreference") else {
        if name {
            found.push(Violation::new(
                Check::Language,
                37,
                Deviation::ExceptionAsCode,
            ));
        } else if city {
            found.push(Violation::new(Check::Language, 37, Deviation::CityOnly));
        }
        return;
    };
    if name && length(language) == 1 {
        found.push(Violation::new(
            Check::Language,
            38,
            Deviation::ShortLanguage,
        ));
    } else if name && language.contains(char::is_control) {
        found.push(Violation::new(
            Check::Language,
            38,
            Deviation::ControlCharacter,
        ));
    }
}

fn times(input: &SdkInput, found: &mut Vec<Violation<Check>>) {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let expiry = input.given("expirationTimestamp").map(Value::as_str);
    if expiry.is_some_and(|expiry| !digits(expiry)) {
        found.push(Violation::new(Check::Expiry, 45, Deviation::NumbersLoosely));
    } else if expiry.is_some_and(|expiry| expiry.parse::<u64>().is_err()) {
        // The number needs more than 64 bits.
        found.push(Violation::new(Check::Expiry, 49, Deviation::NumbersLoosely));
    }
    if let Some(creation) = input.given("creationTimestamp")
        && creation.as_str().len() != 13
    {
        found.push(Violation {
            rank: Check::CreationLength,
            code: None,
            tag: None,
            deviation: Deviation::CreationLength,
        });
    }
}

fn templates(input: &SdkInput, found: &mut Vec<Violation<Check>>) {
    let total = |names: &[&str]| -> usize {
        let given = names.iter().filter_map(|name| input.given(name));
        given.map(|value| 4 + length(value.as_str())).sum()
    };
    let (detail, tag) = if input.is_merchant() {
        ("merchantID", "30")
    } else {
        ("accountInformation", "29")
    };
    let account = ["bakongAccountID", detail, "acquiringBank"];
    for (rank, tag, names) in [
        (Check::AccountTemplate, tag, &account[..]),
        (Check::LabelTemplate, "62", &LABELS[..]),
    ] {
        if total(names) > 99 {
            found.push(Violation {
                rank,
                code: None,
                tag: Some(tag),
                deviation: Deviation::TemplateOver99,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn input(more: &[(&str, Value)]) -> SdkInput {
        let mut input = SdkInput::default();
        input.set("kind", Value::text("individual"));
        input.set("bakongAccountID", Value::text("a@b"));
        input.set("merchantName", Value::text("x"));
        for (name, value) in more {
            input.set(name, value.clone());
        }
        input
    }

    fn error(more: &[(&str, Value)], official: &Json) -> (Option<u64>, Option<Deviation>) {
        let expected = expected(&input(more), official).unwrap();
        match expected.answer {
            Answer::Error { code, .. } => (code, expected.deviation),
            other => panic!("{other:?}"),
        }
    }

    fn written() -> Json {
        json!({"qr": "0002", "md5": "d4", "verified": {"valid": true}})
    }

    #[test]
    fn without_a_deviation_the_answer_of_the_sdk_is_expected() {
        let code = expected(&input(&[]), &written()).unwrap();
        assert_eq!(code.deviation, None);
        assert!(code.answer.matches(&json!({"qr": "0002", "md5": "d4"})));
        assert_eq!(error(&[], &json!({"code": 7})), (Some(7), None));
        assert!(expected(&input(&[]), &json!({"exception": "TypeError"})).is_err());
        assert!(expected(&input(&[]), &json!({"looped": true})).is_err());
        let unverified = json!({"qr": "x", "md5": "y", "verified": {"valid": false, "code": 8}});
        assert!(expected(&input(&[]), &unverified).is_err());
    }

    #[test]
    fn a_rule_that_the_sdk_lacks_counts_only_if_it_comes_first() {
        let short = [("merchantCategoryCode", Value::text("5"))];
        let category = (Some(51), Some(Deviation::ShortCategory));
        assert_eq!(error(&short, &written()), category);
        // The amount is checked after the category, and the account before it.
        assert_eq!(error(&short, &json!({"code": 4})), category);
        assert_eq!(error(&short, &json!({"code": 6})), (Some(6), None));
    }

    #[test]
    fn amounts_must_be_exact() {
        for (amount, inexact) in [
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
            let input = input(&[("currency", Value::text("USD")), ("amount", amount.clone())]);
            assert_eq!(amount_is_not_exact(&input), inexact, "{amount:?}");
        }
    }
}
