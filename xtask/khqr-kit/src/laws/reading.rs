//! The reader of khqr-core and the naive reader agree on every text.

use khqr_core::{AccountKind, Error, Khqr, KhqrFields, Md5Handle, Payload, Printable, Timestamp};

use super::error_is_sound;
use crate::naive::{Code, Defect, amount, payload};

/// Compares how both readers parse `text` as a payload and as a code, and verify it at several times: near its expiry
/// and at the limits of the time type.
pub fn readers_agree(text: &str) {
    let parsed = Payload::parse(text);
    assert_eq!(
        checked(text, parsed).map(drop),
        payload(text).map(drop),
        "{text:?}"
    );
    let (fast, naive) = (Khqr::parse(text), Code::read(text));
    match (&fast, &naive) {
        (Ok(khqr), Ok(code)) => {
            assert_eq!(Ok(khqr.payload()), parsed);
            getters_agree(khqr, code);
            fields_agree(khqr, code);
            verdicts_agree(khqr, code);
        }
        _ => assert_eq!(
            checked(text, fast).map(drop),
            naive.clone().map(drop),
            "{text:?}"
        ),
    }
}

fn checked<T>(text: &str, result: Result<T, Error>) -> Result<T, Defect> {
    result.map_err(|error| {
        error_is_sound(text, error);
        error.into()
    })
}

fn getters_agree(khqr: &Khqr<'_>, code: &Code) {
    let text = khqr.text();
    assert_eq!(Md5Handle::of(text), khqr.md5());
    let (name, bank) = (khqr.account().name(), khqr.account().bank());
    assert_eq!(format!("{name}@{bank}"), khqr.account().as_str());
    assert_eq!(
        checked(text, khqr.point_of_initiation()),
        code.point_of_initiation()
    );
    assert_eq!(checked(text, khqr.currency()), code.currency());
    assert_eq!(checked(text, khqr.amount()), code.amount());
    assert_eq!(
        checked(text, khqr.created_at()).map(millis),
        code.created_at()
    );
    assert_eq!(
        checked(text, khqr.expires_at()).map(millis),
        code.expires_at()
    );
    if let Ok(Some(read)) = khqr.amount() {
        let written = read.payload_text().to_string();
        assert_eq!(
            written,
            amount::written(read.minor_units(), read.currency())
        );
    }
}

fn millis(moment: Option<Timestamp>) -> Option<u64> {
    moment.map(Timestamp::as_millis)
}

/// Returns each text getter with the path of the field that it must return.
pub(super) fn texts<'a>(khqr: &Khqr<'a>) -> Vec<(&'static str, Option<&'a str>)> {
    let mut texts = vec![
        ("00", khqr.payload_format_indicator()),
        ("01", khqr.point_of_initiation_text()),
        ("15", khqr.union_pay_account()),
        ("52", khqr.merchant_category_code()),
        ("53", khqr.currency_text()),
        ("54", khqr.amount_text()),
        ("58", khqr.country_code()),
        ("59", khqr.merchant_name()),
        ("60", khqr.merchant_city()),
        ("61", khqr.postal_code()),
        ("62/01", khqr.bill_number()),
        ("62/02", khqr.mobile_number()),
        ("62/03", khqr.store_label()),
        ("62/07", khqr.terminal_label()),
        ("62/08", khqr.purpose_of_transaction()),
        ("64/00", khqr.language_preference()),
        ("64/01", khqr.merchant_name_alternate_language()),
        ("64/02", khqr.merchant_city_alternate_language()),
        ("99/00", khqr.created_at_text()),
        ("99/01", khqr.expires_at_text()),
    ];
    texts.extend(match khqr.account_kind() {
        AccountKind::Individual => [
            ("29/00", Some(khqr.account().as_str())),
            ("29/01", khqr.account_information()),
            ("29/02", khqr.acquiring_bank()),
            ("30/01", khqr.merchant_id()),
        ],
        AccountKind::Merchant => [
            ("30/00", Some(khqr.account().as_str())),
            ("30/01", khqr.merchant_id()),
            ("30/02", khqr.acquiring_bank()),
            ("29/01", khqr.account_information()),
        ],
    });
    texts
}

fn fields_agree(khqr: &Khqr<'_>, code: &Code) {
    let text = khqr.text();
    for (path, value) in texts(khqr) {
        assert_eq!(value, code.get(path), "{path} of {text:?}");
        let printed = value.map(|value| Printable(value).to_string());
        assert!(!printed.is_some_and(|printed| printed.contains(char::is_control)));
    }
    let account = |sub: &str| code.get(&format!("{}/{sub}", code.account_tag));
    let KhqrFields {
        merchant_type,
        bakong_account_id,
        acquiring_bank,
        crc,
        ..
    } = khqr.to_fields();
    assert_eq!(merchant_type, code.account_tag);
    assert_eq!(Some(bakong_account_id), account("00"));
    assert_eq!(acquiring_bank, account("02"));
    assert_eq!(crc, &text[text.len() - 4..]);
    assert_eq!(crc.to_uppercase(), khqr.crc().to_string());
    let fields = khqr.to_fields();
    for (path, value) in [
        ("29/01", fields.account_information),
        ("30/01", fields.merchant_id),
        ("62/01", fields.bill_number),
        ("62/02", fields.mobile_number),
        ("62/03", fields.store_label),
        ("62/07", fields.terminal_label),
        ("62/08", fields.purpose_of_transaction),
        ("64/00", fields.language_preference),
        ("64/01", fields.merchant_name_alternate_language),
        ("64/02", fields.merchant_city_alternate_language),
        ("99/00", fields.creation_timestamp),
        ("99/01", fields.expiration_timestamp),
        ("00", fields.payload_format_indicator),
        ("01", fields.point_of_initiation_method),
        ("15", fields.union_pay_merchant),
        ("52", fields.merchant_category_code),
        ("53", fields.transaction_currency),
        ("54", fields.transaction_amount),
        ("58", fields.country_code),
        ("59", fields.merchant_name),
        ("60", fields.merchant_city),
    ] {
        assert_eq!(value, code.get(path), "{path} of {text:?}");
    }
}

fn verdicts_agree(khqr: &Khqr<'_>, code: &Code) {
    let text = khqr.text();
    let expiry = code.expires_at().ok().flatten().unwrap_or_default();
    let around = [expiry.saturating_sub(1), expiry, expiry.saturating_add(1)];
    for now in [[0, 1_795_000_000_000, u64::MAX], around].concat() {
        let fast = khqr.verify(Timestamp::from_millis(now)).map(|payable| {
            let expires_at = payable.expires_at.map(Timestamp::as_millis);
            (payable.currency, payable.amount, expires_at)
        });
        assert_eq!(checked(text, fast), code.verify(now), "at {now}: {text:?}");
    }
}
