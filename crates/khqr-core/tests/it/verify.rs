//! Whether a code may be paid.

use khqr_core::{Amount, Currency, ErrorKind, Timestamp};

use crate::{CREATED, EXPIRES, NBC_SAMPLE, payable, read, sealed};

#[track_caller]
fn refused(text: &str, kind: ErrorKind, tag: &str, code: u8) {
    let error = read(text).verify(CREATED).unwrap_err();
    // It points at the tag of the field, or for a missing one at its template's.
    if let Some(offset) = error.offset() {
        let (top, sub) = tag.split_once('/').unwrap_or((tag, tag));
        let expected = if kind == ErrorKind::Missing { top } else { sub };
        assert!(
            text[offset..].starts_with(expected),
            "{tag} at {offset}: {text}"
        );
    }
    let found = error.tag().map_or(String::new(), |tag| tag.to_string());
    assert_eq!(
        (error.kind(), found.as_str(), error.sdk_code()),
        (kind, tag, Some(code)),
        "{text}"
    );
}

#[test]
fn the_nbc_sample_reads_and_cannot_be_paid() {
    refused(NBC_SAMPLE, ErrorKind::Missing, "99/01", 45);
}

#[test]
fn a_code_may_be_paid_up_to_its_expiry() {
    let text = payable(&[]);
    let khqr = read(&text);
    assert_eq!(khqr.verify(CREATED).map(drop), Ok(()));
    assert_eq!(khqr.verify(EXPIRES).map(drop), Ok(()));
    let late = Timestamp::from_millis(EXPIRES.as_millis() + 1);
    let error = khqr.verify(late).unwrap_err();
    assert_eq!(
        (error.kind(), error.sdk_code()),
        (ErrorKind::Expired, Some(46))
    );
}

#[test]
fn a_static_code_may_always_be_paid() {
    let text = payable(&[("01", Some("11")), ("54", None), ("99", None)]);
    assert_eq!(read(&text).verify(EXPIRES).map(drop), Ok(()));
    // Until SDK 1.0.17 static codes carried their creation.
    let text = payable(&[
        ("01", Some("11")),
        ("54", None),
        ("99", Some("00131688022515354")),
    ]);
    assert_eq!(read(&text).verify(EXPIRES).map(drop), Ok(()));
}

#[test]
fn each_rule_has_its_reason_and_the_sdk_s_code() {
    use ErrorKind as K;
    let name26 = "Abcdefghijklmnopqrstuvwxyz";
    for (tag, value, kind, at, code) in [
        ("00", Some("02"), K::NotAllowed, "00", 8),
        ("00", None, K::Missing, "00", 23),
        ("01", Some("13"), K::NotAllowed, "01", 48),
        ("01", Some("123"), K::TooLong { max: 2 }, "01", 17),
        ("29", Some("0010sokha@devb0200"), K::Empty, "29/02", 31),
        ("52", Some("599"), K::NotDigits, "52", 51),
        ("52", Some("59990"), K::TooLong { max: 4 }, "52", 18),
        ("52", None, K::Missing, "52", 25),
        ("53", Some("764"), K::UnsupportedCurrency, "53", 28),
        ("53", Some("0840"), K::TooLong { max: 3 }, "53", 19),
        ("53", None, K::Missing, "53", 9),
        ("54", Some("0"), K::AmountZero, "54", 4),
        ("54", Some("0.00"), K::AmountZero, "54", 4),
        ("54", Some("1.234"), K::AmountPrecision, "54", 4),
        ("54", Some("1e3"), K::AmountSyntax, "54", 4),
        (
            "54",
            Some("12345678901.23"),
            K::TooLong { max: 13 },
            "54",
            4,
        ),
        ("54", None, K::Missing, "54", 47),
        ("58", Some("TH"), K::NotAllowed, "58", 8),
        ("58", None, K::Missing, "58", 26),
        ("59", Some(name26), K::TooLong { max: 25 }, "59", 7),
        ("59", Some(""), K::Empty, "59", 2),
        ("59", Some("So\u{1b}kha"), K::ControlCharacter, "59", 7),
        ("60", Some(name26), K::TooLong { max: 15 }, "60", 21),
        ("60", None, K::Missing, "60", 27),
        ("62", Some("0100"), K::Empty, "62/01", 10),
        (
            "62",
            Some("0226Abcdefghijklmnopqrstuvwxyz"),
            K::TooLong { max: 25 },
            "62/02",
            34,
        ),
        ("62", Some("0303a\tb"), K::ControlCharacter, "62/03", 11),
        ("64", Some("0102ab"), K::Missing, "64/00", 37),
        ("64", Some("0207abcdefg"), K::Missing, "64/00", 37),
        (
            "64",
            Some("0001k0102ab"),
            K::WrongLength { expected: 2 },
            "64/00",
            38,
        ),
        ("64", Some("0002km"), K::Missing, "64/01", 39),
        ("01", Some("\u{200b}\u{200b}"), K::NotAllowed, "01", 48),
        ("53", Some("ចន"), K::UnsupportedCurrency, "53", 28),
        (
            "62",
            Some("0826Abcdefghijklmnopqrstuvwxyz0126Abcdefghijklmnopqrstuvwxyz"),
            K::TooLong { max: 25 },
            "62/01",
            10,
        ),
        ("64", Some("00000101a"), K::Empty, "64/00", 38),
        (
            "64",
            Some("0002km0126Abcdefghijklmnopqrstuvwxyz"),
            K::TooLong { max: 25 },
            "64/01",
            40,
        ),
        (
            "64",
            Some("0002km0101a0216Abcdefghijklmnop"),
            K::TooLong { max: 15 },
            "64/02",
            41,
        ),
        ("15", Some("a\u{7}"), K::ControlCharacter, "15", 43),
        ("99", Some("001317950000000000100"), K::Empty, "99/01", 45),
        (
            "99",
            Some("0013179500000000001130000000000000"),
            K::NotAllowed,
            "99/01",
            45,
        ),
        (
            "99",
            Some("0003abc01131795000600000"),
            K::NotDigits,
            "99/00",
            8,
        ),
        ("99", None, K::Missing, "99", 45),
        ("99", Some("00131795000000000"), K::Missing, "99/01", 45),
        (
            "99",
            Some("0013179500000000001131794999999Z99"),
            K::NotDigits,
            "99/01",
            45,
        ),
        (
            "99",
            Some("001317950000000000112179500060000"),
            K::WrongLength { expected: 13 },
            "99/01",
            49,
        ),
        (
            "99",
            Some("0013179500000000001131794999999999"),
            K::ExpiresBeforeCreation,
            "99/01",
            50,
        ),
        (
            "99",
            Some("0013179400000000001131794999999999"),
            K::Expired,
            "99/01",
            46,
        ),
    ] {
        refused(&payable(&[(tag, value)]), kind, at, code);
    }
}

#[test]
fn limits_are_reached_before_they_are_passed() {
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
        // A leading zero, which the SDK takes.
        ("99", "00131795000000000011401795000600000"),
    ] {
        let text = payable(&[(tag, Some(value))]);
        assert_eq!(read(&text).verify(CREATED).map(drop), Ok(()), "{text}");
    }
}

#[test]
fn what_may_be_paid_says_what_it_asks_for() {
    let text = payable(&[]);
    let asked = read(&text).verify(CREATED).unwrap();
    let amount = Amount::from_minor_units(150, Currency::Usd);
    assert_eq!(
        (asked.currency, asked.amount),
        (Currency::Usd, Some(amount))
    );
    assert_eq!(asked.expires_at, Some(EXPIRES));
    let text = payable(&[("01", Some("11")), ("54", None)]);
    let asked = read(&text).verify(CREATED).unwrap();
    assert_eq!((asked.amount, asked.expires_at), (None, None));
}

#[test]
fn the_first_broken_field_of_the_text_is_reported() {
    // 60 stands before 59 here, and both are too long.
    let text = payable(&[("59", None), ("60", Some("0123456789abcdef"))]);
    let body = text[..text.len() - 8].to_owned();
    refused(
        &sealed(&format!("{body}59260123456789abcdef0123456789")),
        ErrorKind::TooLong { max: 15 },
        "60",
        21,
    );
}

#[test]
fn the_expiry_counts_wherever_there_is_an_amount() {
    let text = payable(&[
        ("01", None),
        ("99", Some("0013179400000000001131794999999999")),
    ]);
    refused(&text, ErrorKind::Expired, "99/01", 46);
    let text = payable(&[("01", Some("11")), ("99", Some("00131795000000000"))]);
    refused(&text, ErrorKind::Missing, "99/01", 45);
}

#[test]
fn an_amount_before_a_currency_that_is_none_is_looked_at_first() {
    let head = "00020101021229140010sokha@devb52045999";
    let tail = "5802KH5905Sokha6010Phnom Penh99340013179500000000001131795000600000";
    for (amount, kind) in [
        ("", ErrorKind::Empty),
        ("12345678901234", ErrorKind::TooLong { max: 13 }),
        ("-1", ErrorKind::AmountSyntax),
    ] {
        let field = format!("54{:02}{amount}", amount.len());
        for currency in ["5300", "5303764", "53041160"] {
            let text = sealed(&format!("{head}{field}{currency}{tail}"));
            refused(&text, kind, "54", 4);
        }
    }
    // What only a currency could tell, it does not tell.
    let text = sealed(&format!("{head}54051.1115303764{tail}"));
    refused(&text, ErrorKind::UnsupportedCurrency, "53", 28);
}

#[test]
fn the_expiry_is_asked_for_before_the_creation_is_read() {
    let text = payable(&[("99", Some("0003abc"))]);
    refused(&text, ErrorKind::Missing, "99/01", 45);
    // More digits than a moment has.
    let digits = "1234567890123456789012";
    let times = format!("001317950000000000122{digits}");
    let text = payable(&[("99", Some(&times))]);
    refused(&text, ErrorKind::WrongLength { expected: 13 }, "99/01", 49);
}
