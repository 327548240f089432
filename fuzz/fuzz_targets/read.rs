//! Reads any text as a payload and as a KHQR, because anyone can print a code. This target is the fastest,
//! because it checks only the assertions below and does not use the naive twin.

#![no_main]

use bakong_fuzz::each_text;
use khqr_core::{Amount, Error, ErrorKind, Field, Khqr, Payload, Printable, Timestamp};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| each_text(bytes, read));

fn read(text: &str) {
    let payload = Payload::parse(text);
    match &payload {
        Ok(payload) => check_payload(text, *payload),
        Err(error) => check_error(text, *error),
    }
    match Khqr::parse(text) {
        Ok(khqr) => {
            assert_eq!(Ok(khqr.payload()), payload, "a KHQR is a payload");
            check_getters(text, &khqr);
            check_verify(text, &khqr);
        }
        Err(error) => check_error(text, error),
    }
}

fn check_payload(text: &str, payload: Payload<'_>) {
    assert_eq!(payload.text(), text);
    assert!(text.to_uppercase().ends_with(&payload.crc().to_string()));
    let whole: String = payload.fields().map(Field::encoded).collect();
    assert_eq!(whole, text, "the joined fields are the text");
    for field in payload.fields() {
        let (encoded, value) = (field.encoded(), field.value());
        assert!(text[field.offset()..].starts_with(encoded));
        assert_eq!(encoded, format!("{}{}{value}", field.tag(), &encoded[2..4]));
        let first = payload.field(field.tag()).expect("a field of the payload");
        assert!(first.offset() <= field.offset());
    }
}

fn check_getters(text: &str, khqr: &Khqr<'_>) {
    assert_eq!(khqr.text(), text);
    assert_eq!(khqr.md5().to_string().parse(), Ok(khqr.md5()));
    let account = khqr.account();
    assert_eq!(
        format!("{}@{}", account.name(), account.bank()),
        account.as_str()
    );
    let texts = [
        Some(account.as_str()),
        khqr.account_information(),
        khqr.merchant_id(),
        khqr.acquiring_bank(),
        khqr.payload_format_indicator(),
        khqr.union_pay_account(),
        khqr.merchant_category_code(),
        khqr.amount_text(),
        khqr.country_code(),
        khqr.merchant_name(),
        khqr.merchant_city(),
        khqr.postal_code(),
        khqr.bill_number(),
        khqr.mobile_number(),
        khqr.store_label(),
        khqr.terminal_label(),
        khqr.purpose_of_transaction(),
        khqr.language_preference(),
        khqr.merchant_name_alternate_language(),
        khqr.merchant_city_alternate_language(),
    ];
    for value in texts.into_iter().flatten() {
        assert!(text.contains(value), "a getter borrows from the text");
        assert!(!Printable(value).to_string().contains(char::is_control));
    }
    check_result(text, khqr.point_of_initiation());
    check_result(text, khqr.currency());
    check_result(text, khqr.created_at());
    check_result(text, khqr.expires_at());
    if let Some(Some(amount)) = check_result(text, khqr.amount()) {
        let written = amount.payload_text().to_string();
        assert_eq!(written.len(), amount.payload_text().len());
        assert_eq!(Amount::parse(&written, amount.currency()), Ok(amount));
    }
}

fn check_verify(text: &str, khqr: &Khqr<'_>) {
    let expiry = khqr
        .expires_at()
        .ok()
        .flatten()
        .map_or(0, Timestamp::as_millis);
    let moments = [0, expiry, expiry.saturating_add(1), u64::MAX];
    let verdicts = moments.map(|moment| khqr.verify(Timestamp::from_millis(moment)));
    for verdict in verdicts {
        check_result(text, verdict);
    }
    for (earlier, later) in verdicts.iter().zip(&verdicts[1..]) {
        let expired = later.is_err_and(|error| error.kind() == ErrorKind::Expired);
        assert!(
            earlier == later || expired,
            "time changes a verdict to `expired` only"
        );
    }
    if verdicts[0].is_ok() {
        assert!(khqr.currency().is_ok() && khqr.merchant_name().is_some());
        let amount = khqr.amount().expect("a verified amount is valid");
        assert!(amount.is_none_or(|amount| !amount.is_zero()));
        assert!(amount.is_none() || expiry > 0, "an amount has an expiry");
        // A code is payable until its expiry, inclusive. A code without an amount does not expire.
        let payable = verdicts.map(|verdict| verdict.is_ok());
        assert_eq!(payable, [true, true, amount.is_none(), amount.is_none()]);
    }
}

fn check_result<T>(text: &str, result: Result<T, Error>) -> Option<T> {
    result.map_err(|error| check_error(text, error)).ok()
}

fn check_error(text: &str, error: Error) {
    assert!(
        error.offset().is_none_or(|at| text.get(at..).is_some()),
        "the offset of an error is a character boundary"
    );
    let sentence = error.to_string();
    assert!(!sentence.is_empty() && !sentence.contains(char::is_control));
    let _ = error.sdk_code();
}
