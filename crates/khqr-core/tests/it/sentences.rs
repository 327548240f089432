//! What people and logs get to see: names of fields, sentences of errors, `Debug`.

use khqr_core::{
    AccountId, Amount, Crc, Currency, Error, ErrorKind, Khqr, KhqrBuilder, Md5Handle, Payload,
    PayloadAmount, Tag, TagPath, Timestamp,
};

use crate::{CREATED, payable, read, sealed};

#[test]
fn every_field_of_khqr_has_its_name() {
    for (path, name) in [
        ("00", "payload format indicator"),
        ("01", "point of initiation method"),
        ("15", "UnionPay merchant account"),
        ("29", "individual account"),
        ("30", "merchant account"),
        ("29/00", "Bakong account"),
        ("30/00", "Bakong account"),
        ("29/01", "account information"),
        ("30/01", "merchant id"),
        ("29/02", "acquiring bank"),
        ("30/02", "acquiring bank"),
        ("52", "merchant category code"),
        ("53", "transaction currency"),
        ("54", "transaction amount"),
        ("55", "tip or convenience indicator"),
        ("56", "fixed convenience fee"),
        ("57", "convenience fee in per cent"),
        ("58", "country code"),
        ("59", "merchant name"),
        ("60", "merchant city"),
        ("61", "postal code"),
        ("62", "additional data"),
        ("62/01", "bill number"),
        ("62/02", "mobile number"),
        ("62/03", "store label"),
        ("62/07", "terminal label"),
        ("62/08", "purpose of transaction"),
        ("63", "CRC"),
        ("64", "language template"),
        ("64/00", "language preference"),
        ("64/01", "merchant name in the second language"),
        ("64/02", "merchant city in the second language"),
        ("99", "timestamps"),
        ("99/00", "creation timestamp"),
        ("99/01", "expiration timestamp"),
    ] {
        let path: TagPath = path.parse().unwrap();
        assert_eq!(path.name(), Some(name), "{path}");
    }
    for path in [
        "02", "29/03", "62/04", "64/03", "99/02", "40", "40/00", "59/00",
    ] {
        assert_eq!(path.parse::<TagPath>().unwrap().name(), None, "{path}");
    }
    let path = Tag::ADDITIONAL_DATA.sub(Tag::CRC);
    assert_eq!(
        (path.top(), path.sub()),
        (Tag::ADDITIONAL_DATA, Some(Tag::CRC))
    );
}

#[track_caller]
fn says(error: Error, sentence: &str) {
    assert_eq!(error.to_string(), sentence);
}

fn of(text: &str) -> Error {
    let verdict = Khqr::parse(text).and_then(|khqr| khqr.verify(CREATED));
    verdict.unwrap_err()
}

#[test]
fn errors_say_what_where_and_what_to_do() {
    says(
        of(""),
        "CRC (tag 63): missing; a code must end in 6304 and four hexadecimal digits, and nothing after them",
    );
    says(
        of("0002016304FFFF"),
        "CRC (tag 63) at byte 6: the checksum does not match the text; the code was changed or misread",
    );
    says(
        of(&sealed("000201")),
        "individual account (tag 29): missing; this is not a Bakong payment code",
    );
    says(of(&sealed("ab01x")), "byte 0: a tag must be two digits");
    says(
        of(&sealed("590xA")),
        "merchant name (tag 59) at byte 2: a length must be two digits",
    );
    says(
        of(&sealed("5902A")),
        "merchant name (tag 59) at byte 0: the value ends before its length says; was the code cut off?",
    );
    says(
        of(&sealed("59")),
        "byte 0: stray characters where a field should start",
    );
    says(
        of(&sealed("5901😀")),
        "merchant name (tag 59) at byte 0: the length ends in the middle of a character",
    );
    says(
        of(&sealed("6304ABCD")),
        "CRC (tag 63) at byte 0: the checksum must be the last field",
    );
    says(
        of(&sealed("7701a7701b")),
        "tag 77 at byte 5: stands more than once",
    );
    says(
        of(&sealed("29070003a@b30070003a@b")),
        "merchant account (tag 30) at byte 11: an individual account (29) and a merchant account (30) stand \
         in one code",
    );
    says(
        of(&sealed("29050001x")),
        "Bakong account (tag 29/00) at byte 4: must be name@bank, with one @ and without spaces",
    );
    says(
        of(&"0".repeat(7_090)),
        "the text is longer than a QR code can hold",
    );
}

#[test]
fn verdicts_say_what_where_and_what_to_do() {
    let with = |tag: &str, value: &str| of(&payable(&[(tag, Some(value))]));
    let without = |tag: &str| of(&payable(&[(tag, None)]));
    says(
        without("54"),
        "transaction amount (tag 54): missing; a dynamic code must say an amount",
    );
    says(
        without("99"),
        "timestamps (tag 99): missing; a code with an amount must say when it expires",
    );
    says(without("59"), "merchant name (tag 59): missing");
    says(
        with("00", "02"),
        "payload format indicator (tag 00) at byte 0: must be 01",
    );
    says(
        with("01", "13"),
        "point of initiation method (tag 01) at byte 6: must be 11 (static) or 12 (dynamic)",
    );
    says(
        with("52", "59x9"),
        "merchant category code (tag 52) at byte 30: must be four digits",
    );
    says(
        with("53", "764"),
        "transaction currency (tag 53) at byte 38: must be KHR (116) or USD (840)",
    );
    says(
        with("54", "1,5"),
        "transaction amount (tag 54) at byte 45: not a plain decimal number; write it like 10000 or 1.10, \
         without signs or commas",
    );
    says(
        with("54", "1.555"),
        "transaction amount (tag 54) at byte 45: finer than the currency; KHR has no decimals, USD has two",
    );
    says(
        with("54", "0"),
        "transaction amount (tag 54) at byte 45: zero; a code to be paid needs an amount above zero",
    );
    says(
        with("58", "TH"),
        "country code (tag 58) at byte 53: must be KH",
    );
    says(with("59", ""), "merchant name (tag 59) at byte 59: empty");
    says(
        with("59", "a\nb"),
        "merchant name (tag 59) at byte 59: holds a control character, such as a line break",
    );
    says(
        with("60", "a city of some length"),
        "merchant city (tag 60) at byte 68: longer than 15 characters (most emoji count two)",
    );
    let times = |times: &str| with("99", times);
    says(
        times("0013179500000000001011795"),
        "timestamps (tag 99) at byte 108: stray characters where a field should start",
    );
    says(
        times("00131795000000000"),
        "expiration timestamp (tag 99/01) at byte 82: missing; a code with an amount must say when it expires",
    );
    says(
        times("001317950000000000113179500000000x"),
        "expiration timestamp (tag 99/01) at byte 103: must be digits only",
    );
    says(
        times("0013179500000000001041795"),
        "expiration timestamp (tag 99/01) at byte 103: must be milliseconds, exactly 13 digits",
    );
    says(
        times("0013179500000000001010"),
        "expiration timestamp (tag 99/01) at byte 103: must not be zero",
    );
    says(
        times("0013179500000000001131794999999999"),
        "expiration timestamp (tag 99/01) at byte 103: before the code was created",
    );
    says(
        times("0013179499999999801131794999999999"),
        "expiration timestamp (tag 99/01) at byte 103: the code has expired",
    );
}

#[test]
fn what_cannot_be_written_is_told() {
    let account = AccountId::new("a@b").unwrap();
    let builder = KhqrBuilder::individual(account, "A");
    let usd = builder.union_pay_account("1").static_code(Currency::Usd);
    says(
        usd.unwrap_err(),
        "UnionPay merchant account (tag 15): a UnionPay account takes KHR only, the code is in USD",
    );
    let large = Amount::parse("18446744073709551616", Currency::Khr);
    says(large.unwrap_err(), "transaction amount (tag 54): too large");
    let draft = builder.static_code(Currency::Khr).unwrap();
    says(
        draft.write_to_slice(&mut []).unwrap_err(),
        "the buffer is too small, 71 bytes are needed",
    );
    let text = draft.to_string();
    let other = read(&text).with_amount(Amount::us_cents(1), CREATED, CREATED);
    says(
        other.unwrap_err(),
        "transaction amount (tag 54): the amount is in another currency than the code",
    );
    says(
        "1.50".parse::<Amount>().unwrap_err(),
        "must be a number and its currency, such as 10000 KHR or 1.10 USD",
    );
    let long = PayloadAmount::from_text("12345678901234", Currency::Khr);
    says(
        long.unwrap_err(),
        "transaction amount (tag 54): longer than 13 characters",
    );
    says(
        "x".parse::<Md5Handle>().unwrap_err(),
        "an MD5 must be 32 hexadecimal digits",
    );
    says(
        "x".parse::<Crc>().unwrap_err(),
        "a CRC must be four hexadecimal digits",
    );
    says(
        "x".parse::<Timestamp>().unwrap_err(),
        "must be a number of milliseconds since 1970",
    );
    says(
        Error::new(ErrorKind::NotAllowed),
        "a value that KHQR does not allow here",
    );
    let template = Error::new(ErrorKind::TemplateTooLong).in_field(Tag::ADDITIONAL_DATA);
    says(
        template,
        "additional data (tag 62): its fields are longer than 99 characters together; shorten one of them",
    );
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
fn columns_can_be_aligned() {
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
fn texts_are_borrowed() {
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
