//! Verification: payable codes, and the reasons why a code is not payable.

use khqr_core::{Amount, Currency, Timestamp};

use crate::{
    CREATED, EXPIRES, NBC_SAMPLE, payable, read, rejects, rejects_changes, sealed, summary,
    unsealed,
};

#[test]
fn the_nbc_sample_can_be_parsed_but_not_paid() {
    rejects(NBC_SAMPLE, "Missing | 99/01 | 45");
}

#[test]
fn a_dynamic_code_is_payable_until_it_expires() {
    let text = payable(&[]);
    let khqr = read(&text);
    let asked = khqr.verify(EXPIRES).unwrap();
    assert_eq!(asked.currency, Currency::Usd);
    assert_eq!(asked.amount, Some(Amount::us_cents(150)));
    assert_eq!(asked.expires_at, Some(EXPIRES));
    assert_eq!(khqr.verify(CREATED), Ok(asked));
    let late = Timestamp::from_millis(EXPIRES.as_millis() + 1);
    let error = khqr.verify(late).unwrap_err();
    assert_eq!(summary(error), "Expired | 99/01 | 46");
}

#[test]
fn a_static_code_is_always_payable() {
    // Up to SDK 1.0.17, static codes had a creation time.
    for times in [None, Some("00131688022515354")] {
        let text = payable(&[("01", Some("11")), ("54", None), ("99", times)]);
        let asked = read(&text).verify(EXPIRES).unwrap();
        assert_eq!((asked.amount, asked.expires_at), (None, None));
    }
}

#[test]
fn each_broken_rule_has_its_reason_and_the_sdk_s_code() {
    rejects_changes(
        "
00 | 02 | NotAllowed | 00 | 8
00 | absent | Missing | 00 | 23
01 | 13 | NotAllowed | 01 | 48
01 | \u{200b}\u{200b} | NotAllowed | 01 | 48
01 | 123 | TooLong { max: 2 } | 01 | 17
15 | a\u{7} | ControlCharacter | 15 | 43
29 | 0010sokha@devb0200 | Empty | 29/02 | 31
52 | 599 | NotDigits | 52 | 51
52 | 59990 | TooLong { max: 4 } | 52 | 18
52 | absent | Missing | 52 | 25
53 | 764 | UnsupportedCurrency | 53 | 28
53 | ចន | UnsupportedCurrency | 53 | 28
53 | 0840 | TooLong { max: 3 } | 53 | 19
53 | absent | Missing | 53 | 9
54 | 0 | AmountZero | 54 | 4
54 | 0.00 | AmountZero | 54 | 4
54 | 1.234 | AmountPrecision | 54 | 4
54 | 1e3 | AmountSyntax | 54 | 4
54 | 12345678901.23 | TooLong { max: 13 } | 54 | 4
54 | absent | Missing | 54 | 47
58 | TH | NotAllowed | 58 | 8
58 | absent | Missing | 58 | 26
59 | Abcdefghijklmnopqrstuvwxyz | TooLong { max: 25 } | 59 | 7
59 |  | Empty | 59 | 2
59 | So\u{1b}kha | ControlCharacter | 59 | 7
60 | Abcdefghijklmnopqrstuvwxyz | TooLong { max: 15 } | 60 | 21
60 | absent | Missing | 60 | 27
62 | 0100 | Empty | 62/01 | 10
62 | 0226Abcdefghijklmnopqrstuvwxyz | TooLong { max: 25 } | 62/02 | 34
62 | 0303a\tb | ControlCharacter | 62/03 | 11
62 | 0826Abcdefghijklmnopqrstuvwxyz0126Abcdefghijklmnopqrstuvwxyz | TooLong { max: 25 } | 62/01 | 10
64 | 0102ab | Missing | 64/00 | 37
64 | 0207abcdefg | Missing | 64/00 | 37
64 | 0001k0102ab | WrongLength { expected: 2 } | 64/00 | 38
64 | 00000101a | Empty | 64/00 | 38
64 | 0002km | Missing | 64/01 | 39
64 | 0002km0126Abcdefghijklmnopqrstuvwxyz | TooLong { max: 25 } | 64/01 | 40
64 | 0002km0101a0216Abcdefghijklmnop | TooLong { max: 15 } | 64/02 | 41
99 | absent | Missing | 99 | 45
99 | 00131795000000000 | Missing | 99/01 | 45
99 | 0003abc | Missing | 99/01 | 45
99 | 001317950000000000100 | Empty | 99/01 | 45
99 | 0013179500000000001130000000000000 | NotAllowed | 99/01 | 45
99 | 0003abc01131795000600000 | NotDigits | 99/00 | 8
99 | 0013179500000000001131794999999Z99 | NotDigits | 99/01 | 45
99 | 001317950000000000112179500060000 | WrongLength { expected: 13 } | 99/01 | 49
99 | 0013179500000000001221234567890123456789012 | WrongLength { expected: 13 } | 99/01 | 49
99 | 0013179500000000001131794999999999 | ExpiresBeforeCreation | 99/01 | 50
99 | 0013179400000000001131794999999999 | Expired | 99/01 | 46
",
    );
}

#[test]
fn values_at_a_limit_are_valid() {
    let long = "x".repeat(99);
    for (tag, value) in [
        ("15", &long[..]),
        ("15", ""),
        ("54", "1234567890.12"),
        ("59", &long[..25]),
        ("59", "អ្នកលក់កាហ្វេ"),
        ("60", &long[..15]),
        ("62", "0125abcdefghijklmnopqrstuvwxy"),
        ("64", "0000"),
        // Like the SDK, `verify` accepts a timestamp with a leading zero.
        ("99", "00131795000000000011401795000600000"),
    ] {
        let text = payable(&[(tag, Some(value))]);
        assert_eq!(read(&text).verify(CREATED).map(drop), Ok(()), "{text}");
    }
}

#[test]
fn the_first_broken_field_in_the_text_is_reported() {
    // 60 precedes 59, and both are too long.
    let text = payable(&[("59", None), ("60", Some("0123456789abcdef"))]);
    let text = sealed(&format!(
        "{}59260123456789abcdef0123456789",
        unsealed(&text)
    ));
    rejects(&text, "TooLong { max: 15 } | 60 | 21");
}

#[test]
fn an_amount_before_an_invalid_currency_is_checked_first() {
    let head = "00020101021229140010sokha@devb52045999";
    let tail = "5802KH5905Sokha6010Phnom Penh99340013179500000000001131795000600000";
    for (amount, kind) in [
        ("5400", "Empty"),
        ("541412345678901234", "TooLong { max: 13 }"),
        ("5402-1", "AmountSyntax"),
    ] {
        for currency in ["5300", "5303764", "53041160"] {
            let text = sealed(&format!("{head}{amount}{currency}{tail}"));
            rejects(&text, &format!("{kind} | 54 | 4"));
        }
    }
    // The allowed precision depends on the currency, so it is not checked if the currency is unknown.
    let text = sealed(&format!("{head}54051.1115303764{tail}"));
    rejects(&text, "UnsupportedCurrency | 53 | 28");
}
