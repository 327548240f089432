//! What a code says.

use khqr_core::{
    AccountKind, Amount, Currency, Error, ErrorKind, Khqr, PointOfInitiation, Tag, Timestamp,
};

use crate::{CREATED, NBC_SAMPLE, payable, read, sealed};

#[test]
fn every_field_of_the_nbc_sample_is_read() {
    let khqr = read(NBC_SAMPLE);
    assert_eq!(khqr.account_kind(), AccountKind::Merchant);
    assert_eq!(khqr.account().as_str(), "khqr@devb");
    assert_eq!(khqr.merchant_id(), Some("123456"));
    assert_eq!(khqr.account_information(), None);
    assert_eq!(khqr.acquiring_bank(), Some("Dev Bank"));
    assert_eq!(khqr.payload_format_indicator(), Some("01"));
    assert_eq!(
        khqr.point_of_initiation(),
        Ok(Some(PointOfInitiation::Dynamic))
    );
    assert_eq!(
        khqr.union_pay_account(),
        Some("1234567812345678ABCDEFGHIJKLMNO")
    );
    assert_eq!(khqr.merchant_category_code(), Some("5999"));
    assert_eq!(khqr.currency(), Ok(Currency::Usd));
    assert_eq!(
        khqr.amount(),
        Ok(Some(Amount::from_minor_units(10_000, Currency::Usd)))
    );
    assert_eq!(khqr.amount_text(), Some("100"));
    assert_eq!(khqr.country_code(), Some("KH"));
    assert_eq!(khqr.merchant_name(), Some("John Smith"));
    assert_eq!(khqr.merchant_city(), Some("PHNOM PENH"));
    assert_eq!(khqr.postal_code(), None);
    assert_eq!(khqr.bill_number(), Some("#12345"));
    assert_eq!(khqr.mobile_number(), Some("85512233455"));
    assert_eq!(khqr.store_label(), Some("Coffee Shop"));
    assert_eq!(khqr.terminal_label(), Some("Cashier_1"));
    assert_eq!(khqr.purpose_of_transaction(), Some("Buy coffee"));
    assert_eq!(khqr.language_preference(), Some("km"));
    assert_eq!(khqr.merchant_name_alternate_language(), Some("ចន ស្មីន"));
    assert_eq!(khqr.merchant_city_alternate_language(), Some("ភ្នំពេញ"));
    assert_eq!(
        khqr.created_at(),
        Ok(Some(Timestamp::from_millis(1_688_022_515_354)))
    );
    assert_eq!(khqr.expires_at(), Ok(None));
    assert_eq!(khqr.crc().to_string(), "A367");
    assert_eq!(khqr.text(), NBC_SAMPLE);
}

#[test]
fn fields_may_come_in_any_order_and_unknown_ones_are_kept() {
    // ACLEDA prints 58 before 53 and its own network in 39.
    let text = sealed("0002015802KH29140010sokha@devb39200004ABCD0108whatever53031166005Takeo");
    let khqr = read(&text);
    assert_eq!(khqr.merchant_city(), Some("Takeo"));
    assert_eq!(khqr.merchant_name(), None);
    let other = khqr
        .payload()
        .fields()
        .find(|field| field.tag().number() == 39);
    assert_eq!(
        other.map(khqr_core::Field::value),
        Some("0004ABCD0108whatever")
    );
}

#[track_caller]
fn refused(text: &str, kind: ErrorKind, tag: &str, offset: Option<usize>) {
    let error: Error = Khqr::parse(text).unwrap_err();
    let found = error.tag().map_or(String::new(), |tag| tag.to_string());
    assert_eq!(
        (error.kind(), found.as_str(), error.offset()),
        (kind, tag, offset)
    );
}

#[test]
fn what_leaves_open_who_is_paid_is_refused() {
    let twice = payable(&[("62", Some("0103abc"))]);
    assert!(Khqr::parse(&twice).is_ok());
    let body = &twice[..twice.len() - 8];
    let len = Some(body.len());
    for second in ["29130009thief@bnk", "5303116", "540199", "5905Other"] {
        let tag = &second[..2];
        let kind = ErrorKind::Repeated;
        let second = format!("{tag}{:02}{}", second.len() - 4, &second[4..]);
        refused(&sealed(&format!("{body}{second}")), kind, tag, len);
    }
    let kind = ErrorKind::TwoAccounts;
    refused(
        &sealed(&format!("{body}30130009thief@bnk")),
        kind,
        "30",
        len,
    );
    let text = sealed("29280010sokha@devb0010thief@devb");
    refused(&text, ErrorKind::Repeated, "29/00", Some(18));
    let text = sealed("29140010sokha@devb62100101a0101b");
    refused(&text, ErrorKind::Repeated, "62/01", Some(27));
}

#[test]
fn an_amount_that_is_none_in_any_currency_is_told_of_the_amount() {
    let text = sealed("29140010sokha@devb5303764541412345678901234");
    let error = read(&text).amount().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLong { max: 13 });
    let text = sealed("29140010sokha@devb530376454011");
    let error = read(&text).amount().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedCurrency);
}

#[test]
fn a_tip_or_fee_is_read_and_no_more() {
    let text = payable(&[("55", Some("02")), ("56", Some("500")), ("57", Some("1.5"))]);
    let khqr = read(&text);
    assert_eq!(khqr.tip_or_convenience_indicator(), Some("02"));
    assert_eq!(khqr.convenience_fee_fixed(), Some("500"));
    assert_eq!(khqr.convenience_fee_percentage(), Some("1.5"));
    assert!(khqr.verify(CREATED).is_ok());
    let text = payable(&[]);
    assert_eq!(read(&text).tip_or_convenience_indicator(), None);
}

#[test]
fn templates_must_be_well_formed() {
    refused(
        &sealed("29140011sokha@devb"),
        ErrorKind::Truncated,
        "29/00",
        Some(4),
    );
    refused(
        &sealed("29160010sokha@devb01"),
        ErrorKind::Trailing,
        "29",
        Some(18),
    );
    refused(
        &sealed("29140010sokha@devb62041234"),
        ErrorKind::Truncated,
        "62/12",
        Some(22),
    );
    refused(
        &sealed("29140010sokha@devb64041x00"),
        ErrorKind::TagNotDigits,
        "64",
        Some(22),
    );
}

#[test]
fn a_code_without_a_bakong_account_is_no_khqr() {
    refused(&sealed("0002015802TH"), ErrorKind::Missing, "29", None);
    refused(
        &sealed("29080004PPAY"),
        ErrorKind::AccountShape,
        "29/00",
        Some(4),
    );
    refused(&sealed("29060102ab"), ErrorKind::Missing, "29/00", Some(0));
    let error = Khqr::parse(&sealed("0002015802TH")).unwrap_err();
    assert_eq!(error.sdk_code(), Some(5));
    assert_eq!(
        error.tag().map(khqr_core::TagPath::top),
        Some(Tag::INDIVIDUAL)
    );
    assert!(
        error.to_string().contains("not a Bakong payment code"),
        "{error}"
    );
}
