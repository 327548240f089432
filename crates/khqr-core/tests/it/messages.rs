//! Output for people and logs: field names, error messages, `Debug`.

use khqr_core::{
    AccountId, Amount, Crc, Currency, Error, ErrorKind, Khqr, KhqrBuilder, Md5Handle, Payload,
    PayloadAmount, Tag, TagPath, Timestamp,
};

use crate::{CREATED, error_of, payable, read, sealed};

#[test]
fn known_fields_have_a_name() {
    let name = |path: &str| path.parse::<TagPath>().unwrap().name();
    assert_eq!(name("59"), Some("merchant name"));
    assert_eq!(name("29/01"), Some("account information"));
    assert_eq!(name("30/01"), Some("merchant id"));
    for unknown in "02 29/03 62/04 64/03 99/02 40 40/00 59/00".split(' ') {
        assert_eq!(name(unknown), None, "{unknown}");
    }
    let path = Tag::ADDITIONAL_DATA.sub(Tag::CRC);
    assert_eq!(path.top(), Tag::ADDITIONAL_DATA);
    assert_eq!(path.sub(), Some(Tag::CRC));
}

/// Compares the messages of errors with `wanted`, which has one message on each line.
#[track_caller]
fn read_as(errors: impl IntoIterator<Item = Error>, wanted: &str) {
    let messages: String = errors
        .into_iter()
        .map(|error| format!("\n{error}"))
        .collect();
    assert_eq!(messages + "\n", wanted);
}

#[test]
fn messages_of_parsing_errors() {
    let texts = [
        String::new(),
        "0002016304FFFF".to_owned(),
        sealed("000201"),
        sealed("ab01x"),
        sealed("590xA"),
        sealed("5902A"),
        sealed("59"),
        sealed("5901😀"),
        sealed("6304ABCD"),
        sealed("7701a7701b"),
        sealed("29070003a@b30070003a@b"),
        sealed("29050001x"),
        "0".repeat(7_090),
    ];
    read_as(
        texts.iter().map(|text| error_of(text)),
        "
CRC (tag 63): missing; a code must end with 6304 and four hexadecimal digits
CRC (tag 63) at byte 6: the checksum does not match the text; the code was changed or misread
individual account (tag 29): missing; this is not a Bakong payment code
byte 0: a tag must be two digits
merchant name (tag 59) at byte 2: a length must be two digits
merchant name (tag 59) at byte 0: the value is shorter than its length; check that the code was not cut off
byte 0: unexpected characters where a field should start
merchant name (tag 59) at byte 0: the length ends inside a character
CRC (tag 63) at byte 0: the checksum must be the last field
tag 77 at byte 5: the field occurs more than once
merchant account (tag 30) at byte 11: the code has both an individual account (29) and a merchant account (30)
Bakong account (tag 29/00) at byte 4: must be name@bank, with one @ and without spaces
the text is longer than a QR code can hold
",
    );
}

#[test]
fn messages_of_verification_errors() {
    let changes = [
        ("54", None),
        ("99", None),
        ("59", None),
        ("00", Some("02")),
        ("01", Some("13")),
        ("52", Some("59x9")),
        ("53", Some("764")),
        ("54", Some("1,5")),
        ("54", Some("1.555")),
        ("54", Some("0")),
        ("58", Some("TH")),
        ("59", Some("")),
        ("59", Some("a\nb")),
        ("60", Some("a city of some length")),
        ("64", Some("0003kmx0101a")),
        ("99", Some("0013179500000000001011795")),
        ("99", Some("00131795000000000")),
        ("99", Some("001317950000000000113179500000000x")),
        ("99", Some("0013179500000000001041795")),
        ("99", Some("0013179500000000001010")),
        ("99", Some("0013179500000000001131794999999999")),
        ("99", Some("0013179499999999801131794999999999")),
    ];
    read_as(
        changes.map(|change| error_of(&payable(&[change]))),
        "
transaction amount (tag 54): missing; a dynamic code must state an amount
timestamps (tag 99): missing; a code with an amount must have an expiry
merchant name (tag 59): missing
payload format indicator (tag 00) at byte 0: must be 01
point of initiation method (tag 01) at byte 6: must be 11 (static) or 12 (dynamic)
merchant category code (tag 52) at byte 30: must be four digits
transaction currency (tag 53) at byte 38: must be KHR (116) or USD (840)
transaction amount (tag 54) at byte 45: not a plain decimal number; write 10000 or 1.10, without signs or commas
transaction amount (tag 54) at byte 45: too many decimals; KHR has none, USD has two
transaction amount (tag 54) at byte 45: must be above zero
country code (tag 58) at byte 53: must be KH
merchant name (tag 59) at byte 59: empty
merchant name (tag 59) at byte 59: contains a control character, such as a line break
merchant city (tag 60) at byte 68: longer than 15 characters (most emoji count as two)
language preference (tag 64/00) at byte 124: must be exactly 2 characters
timestamps (tag 99) at byte 108: unexpected characters where a field should start
expiration timestamp (tag 99/01) at byte 82: missing; a code with an amount must have an expiry
expiration timestamp (tag 99/01) at byte 103: must be a time in milliseconds, 13 digits
expiration timestamp (tag 99/01) at byte 103: must be a time in milliseconds, 13 digits
expiration timestamp (tag 99/01) at byte 103: must be a time in milliseconds, 13 digits
expiration timestamp (tag 99/01) at byte 103: must not be before the creation of the code
expiration timestamp (tag 99/01) at byte 103: the code has expired
",
    );
}

#[test]
fn messages_of_writing_and_of_text_forms() {
    let builder = KhqrBuilder::individual(AccountId::new("a@b").unwrap(), "A");
    let usd = builder.union_pay_account("1").static_code(Currency::Usd);
    let draft = builder.static_code(Currency::Khr).unwrap();
    let text = draft.to_string();
    let other = read(&text).with_amount(Amount::us_cents(1), CREATED, CREATED);
    read_as(
        [
            usd.unwrap_err(),
            Amount::parse("18446744073709551616", Currency::Khr).unwrap_err(),
            draft.write_to_slice(&mut []).unwrap_err(),
            other.unwrap_err(),
            "1.50".parse::<Amount>().unwrap_err(),
            PayloadAmount::from_text("12345678901234", Currency::Khr).unwrap_err(),
            "x".parse::<Md5Handle>().unwrap_err(),
            "x".parse::<Crc>().unwrap_err(),
            "x".parse::<Timestamp>().unwrap_err(),
            Timestamp::parse_rfc3339("today").unwrap_err(),
            Error::new(ErrorKind::NotAllowed),
            Error::new(ErrorKind::NotDigits),
            Error::new(ErrorKind::TemplateTooLong).in_field(Tag::ADDITIONAL_DATA),
        ],
        "
UnionPay merchant account (tag 15): a UnionPay account is valid in KHR only; the code is in USD
transaction amount (tag 54): too large
the buffer is too small; 71 bytes are needed
transaction amount (tag 54): the amount and the code have different currencies
expected a number and its currency, such as 10000 KHR or 1.10 USD
transaction amount (tag 54): longer than 13 characters
an MD5 must be 32 hexadecimal digits
a CRC must be four hexadecimal digits
must be a number of milliseconds since 1970
must be a time from 1970 to 9999 such as 2026-11-18T11:06:40Z
KHQR does not allow this value
must contain digits only
additional data (tag 62): its fields have more than 99 characters in total; shorten one of them
",
    );
}

#[test]
fn the_sdk_code_of_an_error_depends_on_its_field() {
    let [account, method, creation]: [TagPath; 3] =
        ["29/00", "01", "99/00"].map(|path| path.parse().unwrap());
    for (kind, path, code) in [
        (ErrorKind::ControlCharacter, account, 3),
        (ErrorKind::TooLong { max: 32 }, account, 6),
        (ErrorKind::Empty, method, 48),
        (ErrorKind::TooLong { max: 2 }, method, 17),
        (ErrorKind::Empty, creation, 8),
    ] {
        let error = Error::new(kind).in_field(path);
        assert_eq!(error.sdk_code(), Some(code), "{error}");
    }
}

#[test]
fn debug_shows_the_value() {
    let text = sealed("5901A");
    let payload = Payload::parse(&text).unwrap();
    let field = payload.fields().next().unwrap();
    for (shown, wanted) in [
        (format!("{:?}", Tag::CRC), "Tag(63)"),
        (format!("{:?}", TagPath::from(Tag::CRC)), "TagPath(63)"),
        (format!("{:?}", Crc::of(b"123456789")), "Crc(29B1)"),
        (
            format!("{:?}", Md5Handle::of("")),
            "Md5Handle(d41d8cd98f00b204e9800998ecf8427e)",
        ),
        (
            format!("{field:?}"),
            "Field { tag: Tag(59), value: \"A\", offset: 0 }",
        ),
    ] {
        assert_eq!(shown, wanted);
    }
    assert!(format!("{:?}", payload.fields()).starts_with("[Field { tag: Tag(59)"));
    let text = payable(&[]);
    assert_eq!(format!("{:?}", read(&text)), format!("Khqr({text:?})"));
}

#[test]
fn values_are_padded() {
    let amount = Amount::riel(500);
    assert_eq!(
        format!("{amount:>10}|{:>6}|", amount.payload_text()),
        "   500 KHR|   500|"
    );
    let cents = PayloadAmount::from_text("5.0", Currency::Usd).unwrap();
    assert_eq!(format!("{cents:<6}|{:>4}|", Tag::CRC), "5.00  |  63|");
    assert_eq!(
        format!(
            "{:>5}|{:<6}|",
            Currency::Usd,
            AccountId::new("a@b").unwrap()
        ),
        "  USD|a@b   |"
    );
}

#[test]
fn texts_convert_without_copying() {
    let text = payable(&[]);
    let khqr = read(&text);
    assert_eq!(khqr.as_ref(), text);
    assert_eq!(khqr.payload().as_ref(), text);
    assert_eq!(Khqr::try_from(text.as_str()), Ok(khqr));
    assert_eq!(Payload::try_from(text.as_str()), Ok(khqr.payload()));
    assert_eq!(Khqr::try_from(khqr.payload()), Ok(khqr));
    let id = AccountId::try_from("a@b").unwrap();
    assert_eq!((id.as_ref(), id.name(), id.bank()), ("a@b", "a", "b"));
    #[cfg(feature = "alloc")]
    {
        let owned = khqr_core::AccountIdBuf::from(id);
        assert_eq!(
            (owned.as_ref(), owned.as_str(), owned.as_id()),
            ("a@b", "a@b", id)
        );
        assert_eq!(
            (owned.to_string(), "a@b".parse().as_ref()),
            ("a@b".to_owned(), Ok(&owned))
        );
    }
}
