//! Adding an amount to a parsed code.

use khqr_core::{Amount, Currency, ErrorKind, KhqrBuilder, KhqrRewrite, PayloadAmount, Timestamp};

use crate::{CREATED, EXPIRES, NBC_SAMPLE, account, payable, read, sealed, text_of};

fn written(rewrite: &KhqrRewrite<'_>) -> String {
    let mut buffer = [0; 1024];
    let text = rewrite.write_to_slice(&mut buffer).unwrap();
    assert_eq!(text.len(), rewrite.len());
    assert_eq!(text, rewrite.to_string());
    #[cfg(feature = "alloc")]
    assert_eq!(text, rewrite.to_text());
    text.to_owned()
}

#[track_caller]
fn becomes(body: &str, wanted: &str) {
    let text = sealed(body);
    let rewrite = read(&text)
        .with_amount(Amount::riel(5000), CREATED, EXPIRES)
        .unwrap();
    let found = written(&rewrite);
    assert_eq!(found, sealed(wanted));
    assert_eq!(read(&found).amount(), Ok(Some(Amount::riel(5000))));
    assert_eq!(read(&found).expires_at(), Ok(Some(EXPIRES)));
}

const TIMES: &str = "99340013179500000000001131795000600000";

#[test]
fn a_static_code_becomes_the_sdk_s_dynamic_one() {
    let builder = KhqrBuilder::merchant(account(), "123456", "Dev Bank", "ហាងកាហ្វេ")
        .bill_number("INV-1")
        .second_language("km", "សុខា", None);
    let printed = text_of(&builder.static_code(Currency::Usd).unwrap());
    for text in ["1.50", "5", "5.00", "05"] {
        let amount = PayloadAmount::from_text(text, Currency::Usd).unwrap();
        let rewrite = read(&printed)
            .with_amount(amount, CREATED, EXPIRES)
            .unwrap();
        let dynamic = builder.dynamic_code(amount, CREATED, EXPIRES).unwrap();
        assert_eq!(written(&rewrite), text_of(&dynamic));
    }
}

#[test]
fn unknown_fields_keep_their_position() {
    becomes(
        "00020139120004ACLB0100520459995802KH53031165905Sokha6005Takeo29140010sokha@devb620899046011",
        &format!(
            "00020101021239120004ACLB0100520459995802KH530311654045000\
             5905Sokha6005Takeo29140010sokha@devb620899046011{TIMES}"
        ),
    );
}

#[test]
fn existing_fields_are_replaced_in_place() {
    becomes(
        "99070003abc54029829140010sokha@devb0102115303116",
        &format!("{TIMES}5404500029140010sokha@devb0102125303116"),
    );
}

#[test]
fn without_a_format_indicator_tag_01_comes_first() {
    becomes(
        "29140010sokha@devb5303116",
        &format!("01021229140010sokha@devb530311654045000{TIMES}"),
    );
}

#[test]
fn other_fields_of_tag_99_are_kept() {
    becomes(
        "29140010sokha@devb53031169924001317950000000000203xyz",
        "01021229140010sokha@devb530311654045000994100131795000000000011317950006000000203xyz",
    );
}

#[test]
fn an_old_code_becomes_payable_with_an_expiry() {
    let khqr = read(NBC_SAMPLE);
    assert!(khqr.verify(CREATED).is_err());
    let amount = khqr.amount().unwrap().unwrap();
    let text = written(&khqr.with_amount(amount, CREATED, EXPIRES).unwrap());
    assert!(read(&text).verify(EXPIRES).is_ok());
    assert_eq!(
        &text[..text.len() - TIMES.len() - 8],
        &NBC_SAMPLE[..NBC_SAMPLE.len() - 21 - 8]
    );
}

#[test]
fn invalid_payments_are_rejected() {
    let cents = Amount::us_cents;
    let printed = payable(&[("54", None), ("99", None), ("01", Some("11"))]);
    let full = payable(&[("99", Some(&format!("0262{}", "x".repeat(62))))]);
    let no_currency = sealed("29140010sokha@devb");
    let short = Timestamp::from_millis(1_795_000_600);
    let large = cents(1_000_000_000_000_010);
    for (text, amount, created, expires, wanted) in [
        (
            &printed,
            Amount::riel(1),
            CREATED,
            EXPIRES,
            ErrorKind::CurrencyDiffers,
        ),
        (&printed, cents(0), CREATED, EXPIRES, ErrorKind::AmountZero),
        (
            &printed,
            large,
            CREATED,
            EXPIRES,
            ErrorKind::TooLong { max: 13 },
        ),
        (
            &printed,
            cents(1),
            EXPIRES,
            CREATED,
            ErrorKind::ExpiresBeforeCreation,
        ),
        (
            &printed,
            cents(1),
            CREATED,
            short,
            ErrorKind::WrongLength { expected: 13 },
        ),
        (
            &full,
            cents(1),
            CREATED,
            EXPIRES,
            ErrorKind::TemplateTooLong,
        ),
        (&no_currency, cents(1), CREATED, EXPIRES, ErrorKind::Missing),
    ] {
        let rewrite = read(text).with_amount(amount, created, expires);
        assert_eq!(rewrite.unwrap_err().kind(), wanted);
    }
}

#[test]
fn a_text_longer_than_a_qr_code_is_rejected() {
    let mut body = "29140010sokha@devb5303116".to_owned();
    // Unknown fields of 301 bytes each, and one field for the remaining bytes.
    for tag in 65..88 {
        body.push_str(&format!("{tag}99{}", "ក".repeat(99)));
    }
    let grown = "010212".len() + "54045000".len() + TIMES.len();
    let with_rest = |len: usize| {
        let rest = len - body.len() - 8;
        sealed(&format!("{body}89{:02}{}", rest - 4, "x".repeat(rest - 4)))
    };
    let fits = with_rest(7_089 - grown);
    let rewrite = read(&fits)
        .with_amount(Amount::riel(5000), CREATED, EXPIRES)
        .unwrap();
    assert_eq!(rewrite.len(), 7_089);
    let too_long = with_rest(7_089 - grown + 1);
    let error = read(&too_long)
        .with_amount(Amount::riel(5000), CREATED, EXPIRES)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TextTooLong);
}

#[test]
fn a_small_buffer_is_left_unchanged() {
    let printed = payable(&[("54", None), ("99", None)]);
    let khqr = read(&printed);
    let rewrite = khqr.with_amount(Amount::us_cents(1), CREATED, EXPIRES);
    let rewrite = rewrite.unwrap();
    let mut buffer = vec![b'-'; rewrite.len() - 1];
    let error = rewrite.write_to_slice(&mut buffer).unwrap_err();
    let needed = u16::try_from(rewrite.len()).unwrap();
    assert_eq!(error.kind(), ErrorKind::BufferTooSmall { needed });
    assert!(buffer.iter().all(|byte| *byte == b'-'));
}
