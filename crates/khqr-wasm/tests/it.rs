//! The WebAssembly half without JavaScript: the recorded answers of NBC's SDK and of khqr-core.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::path::Path;

use khqr_core::{Error, Khqr, Timestamp};
use khqr_kit::{SdkInput, Value};
use khqr_wasm::request::{
    self, Field, MERCHANT, MINOR_UNITS, NUMBER_EXPIRY, Request, SDK, TEXT_CURRENCY,
};
use khqr_wasm::{answer, exports};
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// A request as JavaScript sends it: the fields by their index, and the flags.
#[derive(Default)]
struct Packed {
    fields: BTreeMap<usize, String>,
    flags: u32,
}

impl Packed {
    fn of<'a>(flags: u32, fields: impl IntoIterator<Item = (Field, &'a str)>) -> Self {
        let mut packed = Self {
            flags,
            ..Self::default()
        };
        for (field, text) in fields {
            let text = text.replace('\0', "\u{1}");
            packed.fields.insert(field as usize, text);
            packed.flags |= 1 << field as usize;
        }
        packed
    }

    fn text(&self) -> String {
        let field = |index| self.fields.get(&index).map_or("", String::as_str);
        let fields: Vec<&str> = (0..=Field::CreatedAt as usize).map(field).collect();
        fields.join("\0")
    }

    fn write(&self, now: u64) -> Result<String, Error> {
        let text = self.text();
        let request = Request::new(&text, self.flags).unwrap();
        request::draft(&request, Timestamp::from_millis(now)).map(|draft| draft.to_text())
    }
}

/// The request that `js/sdk.js` makes of an input. `None` if a number has another notation in JavaScript.
fn packed(input: &SdkInput) -> Option<Packed> {
    let detail = if input.is_merchant() {
        "merchantID"
    } else {
        "accountInformation"
    };
    let names = [
        (Field::Account, "bakongAccountID"),
        (Field::MerchantName, "merchantName"),
        (Field::MerchantCity, "merchantCity"),
        (Field::AccountDetail, detail),
        (Field::AcquiringBank, "acquiringBank"),
        (Field::Currency, "currency"),
        (Field::Amount, "amount"),
        (Field::BillNumber, "billNumber"),
        (Field::MobileNumber, "mobileNumber"),
        (Field::StoreLabel, "storeLabel"),
        (Field::TerminalLabel, "terminalLabel"),
        (Field::Purpose, "purposeOfTransaction"),
        (Field::Language, "languagePreference"),
        (Field::AlternateName, "merchantNameAlternateLanguage"),
        (Field::AlternateCity, "merchantCityAlternateLanguage"),
        (Field::UnionPay, "upiMerchantAccount"),
        (Field::CategoryCode, "merchantCategoryCode"),
        (Field::ExpiresAt, "expirationTimestamp"),
        (Field::CreatedAt, "creationTimestamp"),
    ];
    let mut flags = SDK | if input.is_merchant() { MERCHANT } else { 0 };
    let mut fields = Vec::new();
    for (field, name) in names {
        let Some(value) = input.given(name) else {
            continue;
        };
        let mut text = value.as_str();
        match value {
            Value::Number(number) if number == "0" => continue,
            Value::Number(number) => {
                let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
                if !is_plain || number.len() > 15 {
                    return None;
                }
                if field == Field::ExpiresAt {
                    flags |= NUMBER_EXPIRY;
                }
            }
            Value::Text(_) if field == Field::Currency => {
                // The recorded inputs have letters, which the SDK does not accept.
                text = match text {
                    "KHR" => "116",
                    "USD" => "840",
                    other => other,
                };
                flags |= TEXT_CURRENCY;
            }
            Value::Text(_) => {}
        }
        fields.push((field, text));
    }
    if !fields.iter().any(|(field, _)| *field == Field::Currency) {
        fields.push((Field::Currency, "116"));
    }
    Some(Packed::of(flags, fields))
}

/// The recorded inputs, times and answers of one function.
fn recorded(function: &str) -> Vec<(String, u64, Json)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../khqr-core/tests/vectors");
    let text = std::fs::read_to_string(folder.join(format!("{function}.jsonl"))).unwrap();
    let vectors = text.lines().map(|line| {
        let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(line).unwrap();
        let number = serde_json::from_str(fields["now"].get()).unwrap();
        let ours = serde_json::from_str(fields["ours"].get()).unwrap();
        (fields["input"].get().to_owned(), number, ours)
    });
    vectors.collect()
}

/// The code, the kind, the tag and the offset of an error as JavaScript sees them.
fn parts(answer: &str) -> Vec<&str> {
    answer
        .strip_prefix('\0')
        .unwrap()
        .split('\0')
        .take(4)
        .collect()
}

fn recorded_parts(error: &Json) -> Vec<String> {
    let part = |name: &str| match &error[name] {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    ["code", "kind", "tag", "offset"].map(part).into()
}

#[test]
fn writing_gives_the_recorded_answers() {
    let mut compared = 0;
    for (input, now, ours) in recorded("generate") {
        let Some(packed) = packed(&SdkInput::from_json(&input).unwrap()) else {
            continue;
        };
        compared += 1;
        match packed.write(now) {
            Ok(text) => assert_eq!(ours["qr"], text, "{input}"),
            Err(error) => {
                let answer = answer::error(error, "");
                assert_eq!(parts(&answer), recorded_parts(&ours["error"]), "{input}");
            }
        }
    }
    assert!(compared > 250, "only {compared} inputs");
}

#[test]
fn verifying_gives_the_recorded_answers() {
    for (input, now, ours) in recorded("verify") {
        let text: String = serde_json::from_str(&input).unwrap();
        let (high, low) = (
            u32::try_from(now >> 32).unwrap(),
            u32::try_from(now & 0xFFFF_FFFF).unwrap(),
        );
        let answer = exports::verify(&text, high, low);
        let valid = ours["valid"] == true;
        if valid {
            assert!(!answer.starts_with('\0'), "{text}");
            continue;
        }
        let [code, kind, tag, _] = parts(&answer)[..] else {
            panic!("{answer:?}");
        };
        let recorded = recorded_parts(&ours["error"]);
        assert_eq!([code, kind, tag], recorded[..3], "{text}");
    }
}

const SHOP: [(Field, &str); 3] = [
    (Field::Account, "a@b"),
    (Field::MerchantName, "n"),
    (Field::Currency, "USD"),
];
const NOW: u64 = 1_795_000_000_000;

fn amount_text(flags: u32, amount: &str) -> Result<Option<String>, String> {
    let payment = [(Field::Amount, amount), (Field::ExpiresAt, "1795000600000")];
    let packed = Packed::of(flags, SHOP.into_iter().chain(payment));
    let text = packed
        .write(NOW)
        .map_err(|error| error.kind().name().to_owned())?;
    Ok(Khqr::parse(&text).unwrap().amount_text().map(str::to_owned))
}

#[test]
fn an_amount_has_one_text_unless_the_sdk_is_imitated() {
    let own = |amount| amount_text(0, amount).unwrap();
    assert_eq!(own("5.00").as_deref(), Some("5"));
    assert_eq!(own("5.1").as_deref(), Some("5.10"));
    assert_eq!(amount_text(0, "0"), Err("AmountZero".to_owned()));
    assert_eq!(
        amount_text(MINOR_UNITS, "510").unwrap().as_deref(),
        Some("5.10")
    );
    for (amount, kind) in [
        ("", "AmountSyntax"),
        ("+1", "AmountSyntax"),
        ("1.0", "AmountSyntax"),
    ] {
        assert_eq!(
            amount_text(MINOR_UNITS, amount),
            Err(kind.to_owned()),
            "{amount}"
        );
    }
    let too_large = "184467440737095516160";
    assert_eq!(
        amount_text(MINOR_UNITS, too_large),
        Err("AmountTooLarge".to_owned())
    );
}

#[test]
fn the_sdk_has_currencies_as_numbers_and_zero_as_no_amount() {
    let sdk = |currency, amount| {
        let fields = [
            SHOP[0],
            SHOP[1],
            (Field::Currency, currency),
            (Field::Amount, amount),
        ];
        Packed::of(SDK | TEXT_CURRENCY, fields).write(NOW)
    };
    let text = sdk("840", "0.00").unwrap();
    assert_eq!(Khqr::parse(&text).unwrap().amount_text(), None);
    assert_eq!(sdk("USD", "0").unwrap_err().sdk_code(), Some(28));
    assert_eq!(sdk("dollar", "0").unwrap_err().sdk_code(), Some(19));
}

#[test]
fn a_request_with_too_few_or_too_many_fields_is_not_read() {
    let text = Packed::of(0, SHOP).text();
    assert!(Request::new(&text, 0).is_some());
    assert!(Request::new(&(text.clone() + "\0"), 0).is_none());
    assert!(Request::new(text.strip_suffix('\0').unwrap(), 0).is_none());
}

/// JavaScript replaces the separator by U+0001, so both must cause the same error in every field.
#[test]
fn every_field_rejects_all_control_characters_alike() {
    let all = [
        Field::Account,
        Field::MerchantName,
        Field::MerchantCity,
        Field::AccountDetail,
        Field::AcquiringBank,
        Field::Currency,
        Field::Amount,
        Field::BillNumber,
        Field::MobileNumber,
        Field::StoreLabel,
        Field::TerminalLabel,
        Field::Purpose,
        Field::Language,
        Field::AlternateName,
        Field::AlternateCity,
        Field::UnionPay,
        Field::CategoryCode,
        Field::ExpiresAt,
        Field::CreatedAt,
    ];
    let valid = [
        "a@b",
        "n",
        "c",
        "d",
        "e",
        "KHR",
        "5",
        "f",
        "g",
        "h",
        "i",
        "j",
        "km",
        "k",
        "l",
        "m",
        "5999",
        "1795000600000",
        "1795000000000",
    ];
    for sdk in [0, SDK] {
        for (index, field) in all.into_iter().enumerate() {
            let error = |control: &str| {
                let mut values = valid.map(str::to_owned);
                if sdk != 0 {
                    "116".clone_into(&mut values[5]);
                }
                values[index].push_str(control);
                let fields: Vec<_> = all
                    .into_iter()
                    .zip(values.iter().map(String::as_str))
                    .collect();
                Packed::of(sdk, fields).write(NOW).unwrap_err()
            };
            assert_eq!(error("\u{1}"), error("\u{7f}"), "{field:?}");
        }
    }
}

/// The other half of the promise that unsafe code is only in what `#[wasm_bindgen]` generates; the lint is the first.
#[test]
fn only_the_exports_allow_unsafe_code_and_no_file_writes_any() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        let keywords =
            code.flat_map(|line| line.split(|c: char| !(c.is_alphanumeric() || c == '_')));
        assert_eq!(
            keywords.filter(|word| *word == "unsafe").count(),
            usize::from(path.ends_with("exports.rs")),
            "{path:?}"
        );
        assert_eq!(
            text.contains("allow(unsafe_code"),
            path.ends_with("exports.rs"),
            "{path:?}"
        );
    }
}
