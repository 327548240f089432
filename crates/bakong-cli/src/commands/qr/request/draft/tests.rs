//! Compares the errors and codes with those of the official SDK.

use khqr_core::{Khqr, Md5Handle};
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn text(line: &str) -> Result<String, Refusal> {
    let request = CodeRequest::parse(line)?;
    Ok(draft(&request, NOW)?.to_text())
}

/// The refusal of a valid dynamic code to which these fields are added.
#[track_caller]
fn refusal(more: &[(&str, Value)]) -> Value {
    let mut line = json!({
        "kind": "individual", "bakongAccountID": "sokha@devb", "merchantName": "Sokha",
        "amount": 5, "expirationTimestamp": 1_795_000_600_000_u64,
    });
    for (key, value) in more {
        line[*key] = value.clone();
    }
    serde_json::to_value(text(&line.to_string()).unwrap_err()).unwrap()
}

#[track_caller]
fn code(more: &[(&str, Value)]) -> u64 {
    refusal(more)["code"].as_u64().unwrap()
}

#[test]
fn codes_equal_those_of_the_sdk() {
    // Generated with bakong-khqr 1.0.20 at this time.
    for (line, qr, md5) in [
        (
            r#"{"kind":"individual","bakongAccountID":"sokha@devb","merchantName":"Sokha"}"#,
            "00020101021129140010sokha@devb5204599953031165802KH5905Sokha6010Phnom Penh6304E891",
            "a9bc61256b2a2c7d0a410c2415e84168",
        ),
        (
            r#"{"kind":"individual","bakongAccountID":"sokha@devb","merchantName":"ហាងកាហ្វេ","merchantCity":"ភ្នំពេញ","amount":10000,"expirationTimestamp":1795000600000,"accountInformation":"012345678","acquiringBank":"Dev Bank"}"#,
            "00020101021229390010sokha@devb01090123456780208Dev Bank5204599953031165405100005802KH5909ហាងកាហ្វេ6007ភ្នំពេញ99340013179500000000001131795000600000630435E4",
            "66d0f757ca6a4209cd1b266108de3c90",
        ),
        (
            r#"{"kind":"individual","bakongAccountID":"sokha@devb","merchantName":"😀","currency":"840","amount":"5.00","expirationTimestamp":1795000600000}"#,
            "00020101021229140010sokha@devb52045999530384054045.005802KH5902😀6010Phnom Penh9934001317950000000000113179500060000063044167",
            "e08237e921e9b1416e8109c0253f790f",
        ),
        (
            r#"{"kind":"individual","bakongAccountID":"sokha@devb","merchantName":"Sokha","currency":840,"amount":5.00,"expirationTimestamp":1.7950006e12}"#,
            "00020101021229140010sokha@devb520459995303840540155802KH5905Sokha6010Phnom Penh993400131795000000000011317950006000006304954A",
            "d70c9490cf98e286eedcf9a6700127c2",
        ),
        (
            r#"{"kind":"merchant","bakongAccountID":"sokha@devb","merchantName":"Sokha","merchantCity":"","merchantID":"1","acquiringBank":"D","amount":"0.00","expirationTimestamp":5,"billNumber":null,"storeLabel":0,"merchantCategoryCode":"","upiMerchantAccount":"1234567812345678ABCDEFGHIJKLMNO"}"#,
            "00020101021115311234567812345678ABCDEFGHIJKLMNO30240010sokha@devb010110201D5204599953031165802KH5905Sokha6010Phnom Penh6304E703",
            "634a1c498f42f127007d5aaf05244bc8",
        ),
    ] {
        assert_eq!(text(line).as_deref(), Ok(qr), "{line}");
        assert_eq!(Md5Handle::of(qr).to_string(), md5);
    }
}

#[test]
fn errors_are_reported_in_the_order_of_the_sdk() {
    let long = || json!("x".repeat(100));
    // Each field with an invalid value, the SDK's code for it, and a valid value. All fields start invalid and are
    // corrected one after the other.
    let faults: [(&str, Value, u64, Value); 20] = [
        ("upiMerchantAccount", long(), 43, json!("1")),
        ("bakongAccountID", json!("nobody"), 3, json!("a@b")),
        ("merchantID", json!(null), 30, json!("1")),
        ("acquiringBank", long(), 33, json!("Dev")),
        ("merchantCategoryCode", json!("5"), 51, json!(5999)),
        ("currency", json!("riel"), 19, json!(840)),
        // UnionPay accounts are not allowed in dollars.
        ("upiMerchantAccount", json!("1"), 44, json!(null)),
        ("amount", json!("5,00"), 4, json!("5.00")),
        ("merchantName", json!(0), 2, json!("Sokha")),
        ("merchantCity", long(), 21, json!("")),
        ("billNumber", long(), 10, json!(1)),
        ("mobileNumber", long(), 34, json!(1)),
        ("storeLabel", long(), 11, json!(1)),
        ("terminalLabel", long(), 12, json!(1)),
        ("purposeOfTransaction", long(), 42, json!(1)),
        ("languagePreference", json!(null), 37, json!("km")),
        ("merchantNameAlternateLanguage", long(), 40, json!("x")),
        ("merchantCityAlternateLanguage", long(), 41, json!("x")),
        (
            "expirationTimestamp",
            json!(null),
            45,
            json!(1_795_000_600_000_u64),
        ),
        ("creationTimestamp", json!("yesterday"), 8, json!(null)),
    ];
    let mut fields = vec![("kind", json!("merchant"))];
    for (key, wrong, ..) in &faults {
        fields.retain(|(name, _)| name != key);
        fields.push((key, wrong.clone()));
    }
    fields.retain(|(name, _)| *name != "upiMerchantAccount");
    fields.push(("upiMerchantAccount", long()));
    for (key, _, code, right) in faults {
        let refusal = refusal(&fields);
        assert_eq!(
            refusal["code"].as_u64().unwrap_or_default(),
            code,
            "{key}: {refusal}"
        );
        fields.retain(|(name, _)| *name != key);
        fields.push((key, right));
    }
}

#[test]
fn amounts_are_exact() {
    let amount = |amount: &str, currency: &str| {
        let line = format!(
            r#"{{"kind":"individual","bakongAccountID":"a@b","merchantName":"A","amount":{amount},
            "currency":"{currency}","expirationTimestamp":1795000600000}}"#
        );
        match text(&line) {
            Ok(text) => Khqr::parse(&text)
                .unwrap()
                .amount_text()
                .unwrap_or("none")
                .to_owned(),
            Err(refusal) => serde_json::to_value(refusal).unwrap()["code"].to_string(),
        }
    };
    for (said, khr, usd) in [
        ("5", "5", "5"),
        ("5.00", "5", "5"),
        ("\"5.00\"", "5", "5.00"),
        ("\"05\"", "5", "05"),
        ("1.1", "4", "1.10"),
        ("1e3", "1000", "1000"),
        ("\"1e3\"", "4", "4"),
        ("0.1000000000000000000001", "4", "4"),
        ("9999999999999", "9999999999999", "9999999999999"),
        ("9999999999.99", "4", "9999999999.99"),
        ("10000000000000", "4", "4"),
        ("1e99999", "4", "4"),
        ("1e-99999", "4", "4"),
        ("-5", "4", "4"),
        ("\"-5\"", "4", "4"),
        ("\"abc\"", "4", "4"),
        ("0", "none", "none"),
        ("-0.0e7", "none", "none"),
        ("\"0\"", "none", "none"),
        ("\"00.000\"", "none", "none"),
        ("\"0.\"", "4", "4"),
        ("\"\"", "none", "none"),
        ("null", "none", "none"),
        ("false", "none", "none"),
    ] {
        assert_eq!(
            [amount(said, "KHR"), amount(said, "USD")],
            [khr, usd],
            "{said}"
        );
    }
}

#[test]
fn invalid_times_have_the_codes_of_the_sdk() {
    let expiry = |said| code(&[("expirationTimestamp", said)]);
    for (said, code) in [
        (json!(0), 45),
        (json!("0"), 45),
        (json!("soon"), 45),
        (json!(" 1795000600000"), 45),
        (json!(123), 49),
        (json!("179500060000000000000000000"), 49),
        (json!(1.5), 49),
        (json!(-5), 49),
        (json!(-179_500_060_000_i64), 50),
        (json!(1_794_999_999_999_u64), 50),
    ] {
        assert_eq!(expiry(said.clone()), code, "{said}");
    }
    let refused = refusal(&[("creationTimestamp", json!(5))]);
    assert_eq!(
        (&refused["code"], &refused["tag"]),
        (&json!(null), &json!("99/00"))
    );
    let at = r#"{"kind":"individual","bakongAccountID":"a@b","merchantName":"A","amount":5,
        "creationTimestamp":"1795000000007","expirationTimestamp":1795000000007}"#;
    assert!(text(at).unwrap().contains(concat!(
        "99340013",
        "1795000000007",
        "0113",
        "1795000000007",
        "6304"
    )));
}

#[test]
fn currencies_are_names_or_numbers() {
    for (said, number) in [
        (json!("KHR"), "5303116"),
        (json!("116"), "5303116"),
        (json!(""), "5303116"),
        (json!("usd"), "5303840"),
        (json!(840), "5303840"),
    ] {
        let line = json!({
            "kind": "individual", "bakongAccountID": "a@b", "merchantName": "A", "currency": said,
        });
        assert!(text(&line.to_string()).unwrap().contains(number), "{line}");
    }
    assert_eq!(code(&[("currency", json!("EUR"))]), 28);
    assert_eq!(code(&[("currency", json!(1160))]), 28);
    assert_eq!(code(&[("currency", json!("1160"))]), 19);
}

#[test]
fn unknown_repeated_and_mistyped_fields_are_refused() {
    let kind = |line| text(line).unwrap_err().kind();
    assert_eq!(kind(r#"{"expirationTimestmp":5}"#), "UnknownField");
    assert_eq!(kind(r#"{"merchantName":["A"]}"#), "WrongType");
    assert_eq!(kind(r#"{"amount":true}"#), "WrongType");
    assert_eq!(kind(r#"{"billNumber":1.5}"#), "WrongType");
    assert_eq!(kind(r#"{"amount":5,"amount":null}"#), "RepeatedField");
    assert_eq!(kind(r#"{"amount":5,"amoun\u0074":7}"#), "RepeatedField");
    assert_eq!(kind("[]"), "NotJson");
    assert_eq!(kind("{} {}"), "NotJson");
    assert_eq!(kind(""), "NotJson");
    // Invalid JSON takes precedence over an unknown field.
    assert_eq!(kind(r#"{"nonsense":5,"#), "NotJson");
    assert_eq!(kind("{}"), "Missing");
    assert_eq!(
        (kind(r#"{"kind":"shop"}"#), code(&[("kind", json!("shop"))])),
        ("NotAllowed", 5)
    );
}

#[test]
fn numbers_and_escapes_become_text() {
    let line = r#"{"kind":"individual","bakongAccountID":"a\u0040b","merchantName":"\ud83d\ude00 \"A\"",
        "billNumber":12e1,"mobileNumber":855123456789012345678}"#;
    let text = text(line).unwrap();
    let khqr = Khqr::parse(&text).unwrap();
    assert_eq!(khqr.merchant_name(), Some("😀 \"A\""));
    assert_eq!(khqr.bill_number(), Some("120"));
    assert_eq!(khqr.mobile_number(), Some("855123456789012345678"));
    assert_eq!(code(&[("bakongAccountID", json!(123))]), 3);
    assert_eq!(
        refusal(&[("kind", json!("merchant")), ("bakongAccountID", json!(""))])["tag"],
        "30/00"
    );
}
