//! One test for each row of `DEVIATIONS.md`, in its order.

use khqr_core::{
    AccountId, Amount, Currency, Error, Field, Fields, KhqrBuilder, Payload, PayloadAmount, Tag,
    Timestamp,
};

use crate::{
    CREATED, account, error_of, payable, read, rejects, rejects_changes, sealed, summary, unsealed,
};

#[test]
fn an_invalid_length_in_a_template_is_an_error() {
    for (value, wanted) in [
        ("01x2abc", "LengthNotDigits | 62/01 | 8"),
        ("0105abc", "Truncated | 62/01 | 8"),
        ("0102abc", "Trailing | 62 | 8"),
    ] {
        rejects(&payable(&[("62", Some(value))]), wanted);
    }
}

#[test]
fn a_numeric_account_and_a_name_without_a_language_have_codes() {
    let error = AccountId::new("85512345678").unwrap_err();
    assert_eq!(error.sdk_code(), Some(3));
    rejects_changes("64 | 0103abc | Missing | 64/00 | 37");
}

#[test]
fn the_error_of_a_long_template_names_it() {
    let long = "abcdefghijklmnopqrstuvwxy";
    let builder = KhqrBuilder::individual(account(), "Sokha")
        .bill_number(long)
        .mobile_number(long)
        .store_label(long);
    let with_label = |label| builder.terminal_label(label).static_code(Currency::Khr);
    assert!(with_label("12345678").is_ok());
    let error = with_label("123456789").unwrap_err();
    assert_eq!(summary(error), "TemplateTooLong | 62 | none");

    let id = "abcdefghijklmnopqrstuvwxyz@12345";
    let error = KhqrBuilder::individual(AccountId::new(id).unwrap(), "Sokha")
        .account_information(id)
        .acquiring_bank(id)
        .static_code(Currency::Khr)
        .unwrap_err();
    assert_eq!(summary(error), "TemplateTooLong | 29 | none");
}

#[test]
fn amounts_are_plain_decimals() {
    for text in "NaN|abc|1,000|1e+21|0x10|១០០|+5| 5|-5|.5|5.".split('|') {
        for currency in [Currency::Khr, Currency::Usd] {
            let amount = PayloadAmount::from_text(text, currency);
            assert_eq!(amount.map_err(Error::sdk_code), Err(Some(4)), "{text}");
        }
    }
}

#[test]
fn an_amount_of_zero_is_rejected() {
    let builder = KhqrBuilder::individual(account(), "Sokha");
    let error = builder.dynamic_code(Amount::riel(0), CREATED, CREATED);
    assert_eq!(summary(error.unwrap_err()), "AmountZero | 54 | 4");
}

#[test]
fn an_empty_text_is_rejected() {
    let builder = KhqrBuilder::individual(account(), "Sokha");
    for (builder, wanted) in [
        (builder.bill_number(""), "Empty | 62/01 | 10"),
        (builder.merchant_city(""), "Empty | 60 | 27"),
    ] {
        let error = builder.static_code(Currency::Khr).unwrap_err();
        assert_eq!(summary(error), wanted);
    }
}

#[test]
fn an_expiry_is_digits() {
    let digits = "1795000000001";
    for text in [
        "1.795e12",
        " 1795000000001",
        "0x1A1EE4F9600",
        "1795000000001 ",
    ] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
        let times = format!("0013{CREATED}01{:02}{text}", text.len());
        let text = payable(&[("99", Some(&times))]);
        rejects(&text, "NotDigits | 99/01 | 45");
    }
    for more in ["0", "012345678901"] {
        let times = format!("0013{CREATED}01{}{digits}{more}", 13 + more.len());
        let text = payable(&[("99", Some(&times))]);
        rejects(&text, "WrongLength { expected: 13 } | 99/01 | 49");
    }
}

#[test]
fn a_written_creation_time_has_thirteen_digits() {
    let early = Timestamp::from_millis(999_999_999_999);
    let builder = KhqrBuilder::individual(account(), "Sokha");
    let error = builder.dynamic_code(Amount::riel(1), early, CREATED);
    let wanted = "WrongLength { expected: 13 } | 99/00 | none";
    assert_eq!(summary(error.unwrap_err()), wanted);
}

#[test]
fn a_category_code_has_four_digits() {
    let builder = KhqrBuilder::individual(account(), "Sokha");
    for (value, wanted) in [
        ("5", "NotDigits | 52 | 51"),
        ("599", "NotDigits | 52 | 51"),
        ("59x9", "NotDigits | 52 | 51"),
        ("05999", "TooLong { max: 4 } | 52 | 18"),
    ] {
        let builder = builder.merchant_category_code(value);
        let error = builder.static_code(Currency::Khr).unwrap_err();
        assert_eq!(summary(error), wanted, "{value}");
        rejects(&payable(&[("52", Some(value))]), wanted);
    }
}

#[test]
fn an_account_is_name_at_bank() {
    for id in "@|user@|@bank|a@b@c|a b@c|a@b\t|a@\u{a0}b|a\u{7f}@b|user".split('|') {
        let error = AccountId::new(id).unwrap_err();
        assert_eq!(summary(error), "AccountShape | 29/00 | 3", "{id:?}");
        let value = format!("00{:02}{id}", id.encode_utf16().count());
        rejects(
            &payable(&[("29", Some(&value))]),
            "AccountShape | 29/00 | 3",
        );
    }
}

#[test]
fn a_second_city_needs_a_language() {
    rejects_changes(
        "
64 | 0209Siem Reap | Missing | 64/00 | 37
64 | 00000209Siem Reap | Empty | 64/00 | 38
",
    );
}

#[test]
fn a_language_has_two_characters() {
    let wanted = "WrongLength { expected: 2 } | 64/00 | 38";
    rejects(&payable(&[("64", Some("0001k0103abc"))]), wanted);
    let builder = KhqrBuilder::individual(account(), "Sokha").second_language("k", "abc", None);
    let error = builder.static_code(Currency::Khr).unwrap_err();
    assert_eq!(summary(error), wanted);
}

#[test]
fn a_union_pay_account_has_31_characters_in_writing_and_99_in_reading() {
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
fn control_characters_are_rejected_with_the_code_of_the_field() {
    for name in ["a\nb", "a\u{1b}[2J", "a\u{85}b"] {
        let wanted = "ControlCharacter | 59 | 7";
        rejects(&payable(&[("59", Some(name))]), wanted);
        let error = KhqrBuilder::individual(account(), name).static_code(Currency::Khr);
        assert_eq!(summary(error.unwrap_err()), wanted);
    }
    rejects_changes("64 | 0002k\t0103abc | ControlCharacter | 64/00 | 38");
    rejects_changes("62 | 0103a\tb | ControlCharacter | 62/01 | 10");
}

#[test]
fn repeated_fields_are_rejected() {
    let code = payable(&[]);
    let body = unsealed(&code);
    for (second, wanted, at) in [
        ("29130009thief@bnk", "Repeated | 29 | 8", 0),
        ("30130009thief@bnk", "TwoAccounts | 30 | 8", 0),
        ("5303116", "Repeated | 53 | 8", 0),
        ("540299", "Repeated | 54 | 8", 0),
        ("5905Other", "Repeated | 59 | 8", 0),
        ("7701a7701a", "Repeated | 77 | 8", 5),
        ("62100101a0101b", "Repeated | 62/01 | 8", 9),
        ("62109901a9901b", "Repeated | 62/99 | 8", 9),
    ] {
        let text = sealed(&format!("{body}{second}"));
        rejects(&text, wanted);
        assert_eq!(error_of(&text).offset(), Some(body.len() + at), "{second}");
    }
    let text = sealed("29280010sokha@devb0010thief@devb");
    rejects(&text, "Repeated | 29/00 | 8");
    assert_eq!(error_of(&text).offset(), Some(18));
}

#[test]
fn a_length_is_two_digits() {
    for length in ["5x", "+5", " 5", "5 ", "٠5"] {
        let text = payable(&[]).replace("5905Sokha", &format!("59{length}Sokha"));
        let error = error_of(&sealed(unsealed(&text)));
        assert_eq!(error.sdk_code(), Some(8), "{length}");
    }
}

#[test]
fn the_expiry_of_every_code_with_an_amount_is_checked() {
    let late = Timestamp::from_millis(1_800_000_000_000);
    for method in [Some("12"), Some("11"), None] {
        let text = payable(&[("01", method)]);
        let error = read(&text).verify(late).unwrap_err();
        assert_eq!(error.sdk_code(), Some(46), "{method:?}");
    }
    // The SDK checks the expiry only if tag 01 precedes tag 99; this text has the reverse order.
    let moved = payable(&[("01", None)]);
    let text = sealed(&format!("{}010212", unsealed(&moved)));
    assert_eq!(read(&text).verify(late).unwrap_err().sdk_code(), Some(46));
}

#[test]
fn an_amount_needs_an_expiry() {
    for method in [Some("12"), Some("11"), None] {
        let created = format!("0013{CREATED}");
        let text = payable(&[("01", method), ("99", Some(&created))]);
        rejects(&text, "Missing | 99/01 | 45");
    }
}

#[test]
fn values_are_checked() {
    rejects_changes(
        "
54 | 1.5x | AmountSyntax | 54 | 4
54 | 0 | AmountZero | 54 | 4
54 | 0.00 | AmountZero | 54 | 4
00 | 02 | NotAllowed | 00 | 8
52 | 599 | NotDigits | 52 | 51
58 | TH | NotAllowed | 58 | 8
99 | 0003abc01131795000600000 | NotDigits | 99/00 | 8
",
    );
    let riel = |amount| payable(&[("53", Some("116")), ("54", Some(amount))]);
    rejects(&riel("100.5"), "AmountPrecision | 54 | 4");
    let text = riel("100.00");
    let asked = read(&text).verify(CREATED).unwrap();
    assert_eq!(asked.amount, Some(Amount::riel(100)));
}

#[test]
fn a_template_consists_of_fields() {
    rejects_changes(
        "
62 | 1234 | Truncated | 62/12 | 8
64 | 1234 | Truncated | 64/12 | 8
99 | 1234 | Truncated | 99/12 | 8
",
    );
}

#[test]
fn a_tag_is_two_digits() {
    for field in ["ab03xyz", "+703xyz", " 703xyz"] {
        let text = sealed(&format!("{}{field}", unsealed(&payable(&[]))));
        rejects(&text, "TagNotDigits |  | 8");
    }
}

#[test]
fn parsing_requires_a_checksum_and_an_account() {
    let changed = payable(&[]).replace("Sokha", "Sokhe");
    rejects(&changed, "CrcMismatch | 63 | 8");
    let prompt_pay = sealed("00020101021129370016A000000677010111011300668123456785802TH5303764");
    rejects(&prompt_pay, "AccountShape | 29/00 | 3");
    let payload = Payload::parse(&prompt_pay).unwrap();
    let account = payload.field(Tag::INDIVIDUAL).and_then(Field::template);
    let values: Vec<&str> = account.into_iter().flatten().map(Field::value).collect();
    assert_eq!(values, ["A000000677010111", "0066812345678"]);
    // The template holds only a field that KHQR does not define.
    let text = payable(&[("62", Some("9903abc"))]);
    let fields = read(&text).to_fields();
    assert_eq!((fields.bill_number, fields.terminal_label), (None, None));
}

#[test]
fn a_long_merchant_id_has_one_code() {
    let id = "1".repeat(33);
    let value = format!("0010sokha@devb0133{id}0203ABA");
    let wanted = "TooLong { max: 32 } | 30/01 | 32";
    rejects(&payable(&[("29", None), ("30", Some(&value))]), wanted);
    let draft = KhqrBuilder::merchant(account(), &id, "ABA", "Sokha").static_code(Currency::Khr);
    assert_eq!(summary(draft.unwrap_err()), wanted);
}

#[test]
fn the_encoding_is_exact() {
    let code = payable(&[]);
    let body = unsealed(&code);
    for (field, wanted) in [
        ("5701😀", "SplitCharacter | 57 | 8"),
        ("5705abc", "Truncated | 57 | 8"),
        ("6304ABCD", "CrcNotLast | 63 | 8"),
    ] {
        rejects(&sealed(&format!("{body}{field}")), wanted);
    }
    let mut long = body.to_owned();
    for tag in 65..89 {
        long.push_str(&format!("{tag}99{}", "ក".repeat(99)));
    }
    rejects(&sealed(&long), "TextTooLong |  | 8");
}

#[test]
fn the_account_is_checked_before_the_other_fields() {
    let text = payable(&[("29", Some("0004@dev")), ("00", Some("0123")), ("54", None)]);
    rejects(&text, "AccountShape | 29/00 | 3");
}

#[test]
fn a_short_text_and_one_without_a_checksum_lack_a_field() {
    rejects(&sealed(""), "Missing | 29 | 5");
    rejects("00020101021229140010sokha@devb", "Missing | 63 | 24");
}

#[test]
fn the_tree_keeps_the_order_of_the_text() {
    // The SDK returns 53, 62, 99 before 00, no template in 64, and "a" twice.
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
fn an_error_has_reason_field_and_position() {
    let text = payable(&[("59", Some("a name of more than twenty-five"))]);
    let error = error_of(&text);
    assert_eq!(summary(error), "TooLong { max: 25 } | 59 | 7");
    assert_eq!(error.offset(), text.find("5931"));
    assert_eq!(error.sdk_message(), Some("Merchant Name Length is invalid"));
}
