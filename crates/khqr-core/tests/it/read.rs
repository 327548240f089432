//! The fields of a parsed code.

use khqr_core::{
    AccountKind, Amount, Currency, ErrorKind, Field, PointOfInitiation, Tag, Timestamp,
};

use crate::{CREATED, NBC_SAMPLE, error_of, payable, read, sealed, summary};

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
fn fields_have_any_order_and_unknown_ones_are_kept() {
    // ACLEDA prints tag 58 before tag 53, and the fields of its own network in tag 39.
    let text = sealed("0002015802KH29140010sokha@devb39200004ABCD0108whatever53031166005Takeo");
    let khqr = read(&text);
    assert_eq!(khqr.merchant_city(), Some("Takeo"));
    assert_eq!(khqr.merchant_name(), None);
    let other = khqr.payload().field(Tag::new(39).unwrap());
    assert_eq!(other.map(Field::value), Some("0004ABCD0108whatever"));
}

#[test]
fn the_length_of_an_amount_is_checked_before_the_currency() {
    let kind = |text: &str| read(text).amount().unwrap_err().kind();
    let long = sealed("29140010sokha@devb5303764541412345678901234");
    assert_eq!(kind(&long), ErrorKind::TooLong { max: 13 });
    let short = sealed("29140010sokha@devb530376454011");
    assert_eq!(kind(&short), ErrorKind::UnsupportedCurrency);
}

#[test]
fn a_tip_or_fee_is_read_but_not_checked() {
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
fn malformed_templates_and_missing_accounts_are_rejected() {
    for (body, wanted, offset) in [
        ("29140011sokha@devb", "Truncated | 29/00 | 8", Some(4)),
        ("29160010sokha@devb01", "Trailing | 29 | 8", Some(18)),
        (
            "29140010sokha@devb62041234",
            "Truncated | 62/12 | 8",
            Some(22),
        ),
        (
            "29140010sokha@devb64041x00",
            "TagNotDigits | 64 | 8",
            Some(22),
        ),
        ("0002015802TH", "Missing | 29 | 5", None),
        ("29080004PPAY", "AccountShape | 29/00 | 3", Some(4)),
        ("29060102ab", "Missing | 29/00 | 1", Some(0)),
    ] {
        let error = error_of(&sealed(body));
        assert_eq!(summary(error), wanted, "{body}");
        assert_eq!(error.offset(), offset, "{body}");
    }
}
