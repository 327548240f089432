//! A test for each row of `DEVIATIONS.md`, in its order: what this crate does where the official SDK does
//! something else.

use khqr_core::{
    AccountId, Amount, Currency, Error, ErrorKind, Field, Fields, Khqr, KhqrBuilder, Payload,
    PayloadAmount, Tag, Timestamp,
};

use crate::{CREATED, payable, read, sealed};

/// Why a code is not read, or may not be paid at [`CREATED`]: the kind, the field, the SDK's number.
fn refusal(text: &str) -> (ErrorKind, String, Option<u8>) {
    let verdict = Khqr::parse(text).and_then(|khqr| khqr.verify(CREATED));
    seen(verdict.expect_err("not payable"))
}

fn seen(error: Error) -> (ErrorKind, String, Option<u8>) {
    let tag = error.tag().map_or(String::new(), |tag| tag.to_string());
    (error.kind(), tag, error.sdk_code())
}

fn account() -> AccountId<'static> {
    AccountId::new("sokha@devb").unwrap()
}

#[test]
fn a_bad_length_in_a_template_ends_in_an_error() {
    for value in ["01x2abc", "0105abc", "0102abc"] {
        let (_, tag, code) = refusal(&payable(&[("62", Some(value))]));
        assert!(tag.starts_with("62"), "{value}: {tag}");
        assert_eq!(code, Some(8), "{value}");
    }
}

#[test]
fn a_numeric_account_and_a_name_without_its_language_have_numbers() {
    assert_eq!(
        AccountId::new("85512345678").map_err(Error::sdk_code),
        Err(Some(3))
    );
    let text = payable(&[("64", Some("0103abc"))]);
    assert_eq!(
        refusal(&text),
        (ErrorKind::Missing, "64/00".into(), Some(37))
    );
}

#[test]
fn a_template_of_a_hundred_is_named() {
    let long = "abcdefghijklmnopqrstuvwxy";
    let draft = KhqrBuilder::individual(account(), "Sokha")
        .bill_number(long)
        .mobile_number(long)
        .store_label(long)
        .terminal_label(long)
        .static_code(Currency::Khr);
    let error = seen(draft.unwrap_err());
    assert_eq!(error, (ErrorKind::TemplateTooLong, "62".into(), None));
}

#[test]
fn amounts_are_plain_decimals() {
    for text in [
        "NaN",
        "abc",
        "1,000",
        "1e+21",
        "0x10",
        "១០០",
        "+5",
        " 5",
        "-5",
        ".5",
        "5.",
    ] {
        for currency in [Currency::Khr, Currency::Usd] {
            let amount = PayloadAmount::from_text(text, currency);
            assert_eq!(amount.map_err(Error::sdk_code), Err(Some(4)), "{text}");
        }
    }
}

#[test]
fn an_expiry_is_digits() {
    for text in [
        "1.795e12",
        " 1795000000001",
        "0x1A1EE4F9600",
        "1795000000001 ",
        "+1795000000001",
    ] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
        let times = format!("0013{CREATED}01{:02}{text}", text.len());
        let (kind, tag, code) = refusal(&payable(&[("99", Some(&times))]));
        assert_eq!((kind, code), (ErrorKind::NotDigits, Some(45)), "{text}");
        assert_eq!(tag, "99/01");
    }
}

#[test]
fn an_expiry_of_too_many_digits_is_too_long() {
    for digits in ["17950000000010", "1234567890123456789012345"] {
        let times = format!("0013{CREATED}01{:02}{digits}", digits.len());
        let wanted = ErrorKind::WrongLength { expected: 13 };
        let found = refusal(&payable(&[("99", Some(&times))]));
        assert_eq!(found, (wanted, "99/01".into(), Some(49)), "{digits}");
    }
}

#[test]
fn a_creation_has_thirteen_digits_when_written() {
    let amount = Amount::from_minor_units(1, Currency::Khr);
    let early = Timestamp::from_millis(999_999_999_999);
    let draft = KhqrBuilder::individual(account(), "Sokha").dynamic_code(amount, early, CREATED);
    let wanted = ErrorKind::WrongLength { expected: 13 };
    assert_eq!(seen(draft.unwrap_err()), (wanted, "99/00".into(), None));
}

#[test]
fn a_category_code_has_four_digits() {
    let builder = KhqrBuilder::individual(account(), "Sokha");
    for (value, number) in [("5", 51), ("599", 51), ("59x9", 51), ("05999", 18)] {
        let draft = builder
            .merchant_category_code(value)
            .static_code(Currency::Khr);
        assert_eq!(draft.map_err(Error::sdk_code), Err(Some(number)), "{value}");
        let (_, tag, code) = refusal(&payable(&[("52", Some(value))]));
        assert_eq!((tag.as_str(), code), ("52", Some(number)), "{value}");
    }
}

#[test]
fn an_account_is_name_at_bank() {
    for id in [
        "@",
        "user@",
        "@bank",
        "a@b@c",
        "a b@c",
        "a@b\t",
        "a@\u{a0}b",
        "a\u{7f}@b",
    ] {
        assert_eq!(
            AccountId::new(id).map_err(Error::sdk_code),
            Err(Some(3)),
            "{id:?}"
        );
        let value = format!("00{:02}{id}", id.encode_utf16().count());
        let (kind, tag, _) = refusal(&payable(&[("29", Some(&value))]));
        assert_eq!(
            (kind, tag.as_str()),
            (ErrorKind::AccountShape, "29/00"),
            "{id:?}"
        );
    }
}

#[test]
fn a_second_language_with_a_city_only_lacks_its_language() {
    let text = payable(&[("64", Some("0209Siem Reap"))]);
    assert_eq!(
        refusal(&text),
        (ErrorKind::Missing, "64/00".into(), Some(37))
    );
}

#[test]
fn an_empty_language_beside_a_city_is_too_short() {
    let text = payable(&[("64", Some("00000209Siem Reap"))]);
    assert_eq!(refusal(&text), (ErrorKind::Empty, "64/00".into(), Some(38)));
}

#[test]
fn a_language_has_two_characters() {
    let text = payable(&[("64", Some("0001k0103abc"))]);
    let wanted = ErrorKind::WrongLength { expected: 2 };
    assert_eq!(refusal(&text), (wanted, "64/00".into(), Some(38)));
    let builder = KhqrBuilder::individual(account(), "Sokha").second_language("k", "abc", None);
    assert_eq!(
        builder.static_code(Currency::Khr).map_err(Error::sdk_code),
        Err(Some(38))
    );
}

#[test]
fn a_union_pay_account_is_written_with_31_and_read_with_99() {
    let digits = "1".repeat(99);
    let write = |len: usize| {
        let builder = KhqrBuilder::individual(account(), "Sokha").union_pay_account(&digits[..len]);
        builder
            .static_code(Currency::Khr)
            .map(|_| ())
            .map_err(Error::sdk_code)
    };
    assert_eq!((write(31), write(32)), (Ok(()), Err(Some(43))));
    let text = payable(&[("15", Some(&digits))]);
    assert!(read(&text).verify(CREATED).is_ok());
}

#[test]
fn control_characters_are_refused_by_their_field() {
    for (value, code) in [("a\nb", 7), ("a\u{1b}[2J", 7), ("a\u{85}b", 7)] {
        let text = payable(&[("59", Some(value))]);
        assert_eq!(
            refusal(&text),
            (ErrorKind::ControlCharacter, "59".into(), Some(code))
        );
        let draft = KhqrBuilder::individual(account(), value).static_code(Currency::Khr);
        assert_eq!(draft.map_err(Error::sdk_code), Err(Some(code)));
    }
    let text = payable(&[("64", Some("0002k\t0103abc"))]);
    assert_eq!(
        refusal(&text),
        (ErrorKind::ControlCharacter, "64/00".into(), Some(38))
    );
    let text = payable(&[("62", Some("0103a\tb"))]);
    assert_eq!(
        refusal(&text),
        (ErrorKind::ControlCharacter, "62/01".into(), Some(10))
    );
}

#[test]
fn nothing_may_stand_twice() {
    let body = payable(&[]);
    let body = &body[..body.len() - 8];
    for (second, kind) in [
        ("29130009thief@bnk", ErrorKind::Repeated),
        ("30130009thief@bnk", ErrorKind::TwoAccounts),
        ("5303116", ErrorKind::Repeated),
        ("540299", ErrorKind::Repeated),
        ("7701a7701a", ErrorKind::Repeated),
        ("62100101a0101b", ErrorKind::Repeated),
        ("62109901a9901b", ErrorKind::Repeated),
    ] {
        let (found, _, code) = refusal(&sealed(&format!("{body}{second}")));
        assert_eq!((found, code), (kind, Some(8)), "{second}");
    }
}

#[test]
fn a_length_is_two_digits() {
    for length in ["5x", "+5", " 5", "5 ", "٠5"] {
        let text = payable(&[]).replace("5905Sokha", &format!("59{length}Sokha"));
        let (_, _, code) = refusal(&sealed(&text[..text.len() - 8]));
        assert_eq!(code, Some(8), "{length}");
    }
}

#[test]
fn an_expiry_counts_wherever_there_is_an_amount() {
    let late = Timestamp::from_millis(1_800_000_000_000);
    for method in [Some("12"), Some("11"), None] {
        let text = payable(&[("01", method)]);
        let error = read(&text).verify(late).unwrap_err();
        assert_eq!(error.sdk_code(), Some(46), "{method:?}");
    }
    // The times before tag 01.
    let moved = payable(&[("01", None)]);
    let text = sealed(&format!("{}010212", &moved[..moved.len() - 8]));
    assert_eq!(read(&text).verify(late).unwrap_err().sdk_code(), Some(46));
}

#[test]
fn an_amount_needs_an_expiry() {
    for method in [Some("12"), Some("11"), None] {
        let created = format!("0013{CREATED}");
        let text = payable(&[("01", method), ("99", Some(&created))]);
        let (kind, tag, code) = refusal(&text);
        assert_eq!(
            (kind, tag.as_str(), code),
            (ErrorKind::Missing, "99/01", Some(45))
        );
    }
}

#[test]
fn values_are_checked() {
    for (tag, value, code) in [
        ("54", "1.5x", 4),
        ("54", "0", 4),
        ("54", "0.00", 4),
        ("00", "02", 8),
        ("52", "599", 51),
        ("58", "TH", 8),
        ("99", "0003abc01131795000600000", 8),
    ] {
        let (_, found, number) = refusal(&payable(&[(tag, Some(value))]));
        assert!(found.starts_with(tag), "{tag}: {found}");
        assert_eq!(number, Some(code), "{tag} {value}");
    }
    let riel = |amount| payable(&[("53", Some("116")), ("54", Some(amount))]);
    assert_eq!(refusal(&riel("100.5")).0, ErrorKind::AmountPrecision);
    let text = riel("100.00");
    let hundred = Amount::from_minor_units(100, Currency::Khr);
    assert_eq!(
        read(&text).verify(CREATED).map(|payable| payable.amount),
        Ok(Some(hundred))
    );
}

#[test]
fn a_template_is_fields() {
    for tag in ["62", "64", "99"] {
        let (_, found, code) = refusal(&payable(&[(tag, Some("1234"))]));
        assert!(found.starts_with(tag), "{tag}: {found}");
        assert_eq!(code, Some(8), "{tag}");
    }
}

#[test]
fn a_tag_is_two_digits() {
    for field in ["ab03xyz", "+703xyz", " 703xyz"] {
        let body = payable(&[]);
        let text = sealed(&format!("{}{field}", &body[..body.len() - 8]));
        assert_eq!(refusal(&text).0, ErrorKind::TagNotDigits, "{field}");
    }
}

#[test]
fn reading_needs_the_checksum_and_an_account() {
    let text = payable(&[]);
    let changed = text.replace("Sokha", "Sokhe");
    assert_eq!(
        refusal(&changed),
        (ErrorKind::CrcMismatch, "63".into(), Some(8))
    );
    let prompt_pay = sealed("00020101021129370016A000000677010111011300668123456785802TH5303764");
    assert_eq!(refusal(&prompt_pay).0, ErrorKind::AccountShape);
    let payload = Payload::parse(&prompt_pay).unwrap();
    let account = payload.field(Tag::INDIVIDUAL).and_then(Field::template);
    let values: Vec<&str> = account.into_iter().flatten().map(Field::value).collect();
    assert_eq!(values, ["A000000677010111", "0066812345678"]);
}

#[test]
fn a_merchant_id_has_one_number_for_too_long() {
    let id = "1".repeat(33);
    let value = format!("0010sokha@devb0133{id}0203ABA");
    let text = payable(&[("29", None), ("30", Some(&value))]);
    let wanted = ErrorKind::TooLong { max: 32 };
    assert_eq!(refusal(&text), (wanted, "30/01".into(), Some(32)));
    let draft = KhqrBuilder::merchant(account(), &id, "ABA", "Sokha").static_code(Currency::Khr);
    assert_eq!(draft.map_err(Error::sdk_code), Err(Some(32)));
}

#[test]
fn the_form_of_a_text_is_exact() {
    let body = payable(&[]);
    let body = &body[..body.len() - 8];
    for (field, kind) in [
        ("5701😀", ErrorKind::SplitCharacter),
        ("5705abc", ErrorKind::Truncated),
        ("6304ABCD", ErrorKind::CrcNotLast),
    ] {
        let (found, _, code) = refusal(&sealed(&format!("{body}{field}")));
        assert_eq!((found, code), (kind, Some(8)), "{field}");
    }
    let mut long = body.to_owned();
    for tag in 65..89 {
        long.push_str(&format!("{tag}99{}", "ក".repeat(99)));
    }
    assert_eq!(refusal(&sealed(&long)).0, ErrorKind::TextTooLong);
}

#[test]
fn what_is_short_or_unsealed_is_told_what_it_lacks() {
    assert_eq!(
        refusal(&sealed("")),
        (ErrorKind::Missing, "29".into(), Some(5))
    );
    let unsealed = "00020101021229140010sokha@devb";
    assert_eq!(
        refusal(unsealed),
        (ErrorKind::Missing, "63".into(), Some(24))
    );
}

#[test]
fn a_template_of_unknown_fields_says_nothing_that_is_known() {
    let text = payable(&[("62", Some("9903abc"))]);
    let fields = read(&text).to_fields();
    assert_eq!((fields.bill_number, fields.terminal_label), (None, None));
}

#[test]
fn the_account_is_refused_before_what_stands_before_it() {
    let text = payable(&[("29", Some("0004@dev")), ("00", Some("0123")), ("54", None)]);
    assert_eq!(
        refusal(&text),
        (ErrorKind::AccountShape, "29/00".into(), Some(3))
    );
}

#[test]
fn the_tree_has_the_order_of_the_text_and_to_each_its_own() {
    // The SDK gives 53, 62, 99 before 00, no template in 64, and "a" twice.
    let text = sealed("9901x530376400020164050101b621850050001a0705Till2");
    let payload = Payload::parse(&text).unwrap();
    let tags = |fields: Fields<'_>| fields.map(|field| field.tag().number()).collect::<Vec<_>>();
    assert_eq!(tags(payload.fields()), [99, 53, 0, 64, 62, 63]);
    let template = |tag| payload.field(tag).and_then(Field::template).unwrap();
    assert_eq!(tags(template(Tag::LANGUAGE_TEMPLATE)), [1]);
    let till = template(Tag::ADDITIONAL_DATA).last();
    assert_eq!(till.map(Field::value), Some("Till2"));
}

#[test]
fn an_error_says_reason_field_and_place() {
    let text = payable(&[("59", Some("a name of more than twenty-five"))]);
    let error = read(&text).verify(CREATED).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLong { max: 25 });
    assert_eq!(
        error.tag().map(|tag| tag.to_string()).as_deref(),
        Some("59")
    );
    assert_eq!(error.offset(), text.find("5931"));
    assert_eq!(error.sdk_message(), Some("Merchant Name Length is invalid"));
    assert!(
        error.to_string().contains("merchant name (tag 59)"),
        "{error}"
    );
}
