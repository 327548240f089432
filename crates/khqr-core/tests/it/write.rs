//! Written codes equal those of the official SDK byte for byte: `bakong-khqr` 1.0.20 generated these texts and MD5s
//! from the same input, with its clock at `CREATED`.

use khqr_core::{
    AccountId, Amount, Currency, Error, ErrorKind, KhqrBuilder, KhqrDraft, Md5Handle, Timestamp,
};

use crate::{CREATED, EXPIRES, account, read, text_of};

fn usd(cents: u64) -> Amount {
    Amount::us_cents(cents)
}

#[track_caller]
fn is(draft: &KhqrDraft<'_>, text: &str, md5: &str) {
    let written = text_of(draft);
    assert_eq!(written, text);
    assert_eq!(draft.to_string(), text);
    assert_eq!(draft.len(), text.len());
    assert_eq!(Md5Handle::of(&written).to_string(), md5);
    assert_eq!(read(&written).verify(CREATED).map(drop), Ok(()));
}

#[test]
fn static_codes() {
    is(
        &KhqrBuilder::individual(account(), "Sokha")
            .static_code(Currency::Khr)
            .unwrap(),
        "00020101021129140010sokha@devb5204599953031165802KH5905Sokha6010Phnom Penh6304E891",
        "a9bc61256b2a2c7d0a410c2415e84168",
    );
    is(
        &KhqrBuilder::individual(account(), "Sokha")
            .merchant_city("Siem Reap")
            .account_information("85512233455")
            .acquiring_bank("Dev Bank")
            .static_code(Currency::Usd)
            .unwrap(),
        "00020101021129410010sokha@devb0111855122334550208Dev Bank5204599953038405802KH5905Sokha\
         6009Siem Reap63046BC7",
        "216b8f6b7ac4dd6e387b24b8268a2a94",
    );
}

#[test]
fn dynamic_codes_with_every_form_of_amount() {
    let builder = KhqrBuilder::individual(account(), "Sokha Coffee");
    is(
        &builder
            .bill_number("INV-2041")
            .dynamic_code(Amount::riel(10_000), CREATED, EXPIRES)
            .unwrap(),
        "00020101021229140010sokha@devb5204599953031165405100005802KH5912Sokha Coffee6010Phnom Penh\
         62120108INV-20419934001317950000000000113179500060000063046965",
        "aef22de654f760851556c420ad74424f",
    );
    is(
        &builder.dynamic_code(usd(500), CREATED, EXPIRES).unwrap(),
        "00020101021229140010sokha@devb520459995303840540155802KH5912Sokha Coffee6010Phnom Penh\
         993400131795000000000011317950006000006304AB30",
        "54bca60672cd3027ee22627158713ee8",
    );
    is(
        &builder.dynamic_code(usd(110), CREATED, EXPIRES).unwrap(),
        "00020101021229140010sokha@devb52045999530384054041.105802KH5912Sokha Coffee6010Phnom Penh\
         9934001317950000000000113179500060000063043BD1",
        "74eac0442eeea62a76863ce1bbe0cb9e",
    );
}

#[test]
fn a_merchant_s_code_with_every_field() {
    is(
        &KhqrBuilder::merchant(
            AccountId::new("khqr@devb").unwrap(),
            "123456",
            "Dev Bank",
            "John Smith",
        )
        .merchant_city("PHNOM PENH")
        .union_pay_account("1234567812345678ABCDEFGHIJKLMNO")
        .merchant_category_code("5814")
        .bill_number("#12345")
        .mobile_number("85512233455")
        .store_label("Coffee Shop")
        .terminal_label("Cashier_1")
        .purpose_of_transaction("Buy coffee")
        .second_language("km", "ចន ស្មីន", Some("ភ្នំពេញ"))
        .dynamic_code(Amount::riel(50_000), CREATED, EXPIRES)
        .unwrap(),
        "00020101021215311234567812345678ABCDEFGHIJKLMNO30350009khqr@devb01061234560208Dev Bank\
         5204581453031165405500005802KH5910John Smith6010PHNOM PENH62670106#12345021185512233455\
         0311Coffee Shop0709Cashier_10810Buy coffee64290002km0108ចន ស្មីន0207ភ្នំពេញ\
         99340013179500000000001131795000600000630432B2",
        "194f304fe5fc7824206f88cd623fe00c",
    );
}

#[test]
fn an_emoji_counts_as_two() {
    is(
        &KhqrBuilder::individual(account(), "Coffee 😀☕")
            .merchant_city("ភ្នំពេញ")
            .dynamic_code(usd(1_234_567_890), CREATED, EXPIRES)
            .unwrap(),
        "00020101021229140010sokha@devb520459995303840541112345678.905802KH5910Coffee 😀☕6007ភ្នំពេញ\
         99340013179500000000001131795000600000630486C7",
        "6dd694f47f4ce21de5b44ddb9e508d18",
    );
}

#[test]
fn invalid_values_are_rejected_with_the_sdk_s_code() {
    let builder = KhqrBuilder::individual(account(), "Sokha");
    let long = "abcdefghijklmnopqrstuvwxyz0123456";
    let second = |language, name, city| builder.second_language(language, name, city);
    for (builder, code) in [
        (builder.account_information(long), 35),
        (builder.acquiring_bank(""), 31),
        (builder.acquiring_bank(long), 33),
        (builder.merchant_category_code("5"), 51),
        (builder.merchant_category_code("59999"), 18),
        (builder.union_pay_account("1"), 44),
        (builder.union_pay_account(long), 43),
        (builder.merchant_city(long), 21),
        (builder.merchant_city("a\nb"), 21),
        (builder.bill_number(long), 10),
        (builder.mobile_number(long), 34),
        (builder.store_label(long), 11),
        (builder.terminal_label(long), 12),
        (builder.purpose_of_transaction(long), 42),
        (second("k", "x", None), 38),
        (second("km", "", None), 39),
        (second("km", long, None), 40),
        (second("km", "x", Some(long)), 41),
    ] {
        let error = builder.static_code(Currency::Usd).unwrap_err();
        assert_eq!(error.sdk_code(), Some(code), "{error}");
    }
    for (id, bank, code) in [("", "Dev Bank", 30), (long, "Dev Bank", 32), ("1", "", 31)] {
        let builder = KhqrBuilder::merchant(account(), id, bank, "Sokha");
        let draft = builder.static_code(Currency::Khr);
        assert_eq!(draft.map_err(Error::sdk_code), Err(Some(code)));
    }
    let early = Timestamp::from_millis(CREATED.as_millis() - 1);
    for (amount, expires, code) in [
        (usd(0), EXPIRES, 4),
        (usd(10_000_000_000_001), EXPIRES, 4),
        (usd(1), Timestamp::from_millis(999_999_999_999), 49),
        (usd(1), early, 50),
    ] {
        let draft = builder.dynamic_code(amount, CREATED, expires);
        assert_eq!(draft.map_err(Error::sdk_code), Err(Some(code)));
    }
}

#[test]
fn the_longest_code_fits_the_longest_buffer() {
    let khmer = "ក".repeat(31);
    let account = format!("{}@{}", &khmer[..60], &khmer[..33]);
    let draft = KhqrBuilder::individual(AccountId::new(&account).unwrap(), &khmer[..75])
        .acquiring_bank(&khmer)
        .account_information(&khmer[..60])
        .merchant_city(&khmer[..45])
        .union_pay_account(&khmer)
        .bill_number(&khmer[..75])
        .mobile_number(&khmer[..75])
        .store_label(&khmer[..75])
        .terminal_label(&khmer[..24])
        .second_language("ខម", &khmer[..75], Some(&khmer[..45]))
        .dynamic_code(Amount::riel(9_999_999_999_999), CREATED, EXPIRES)
        .unwrap();
    let text = text_of(&draft);
    assert!(text.len() > 900, "{}", text.len());
    // The values in the documentation.
    assert_eq!(KhqrDraft::MAX_LEN, 1_224);
    assert_eq!(khqr_core::KhqrRewrite::MAX_GROWTH, 61);
    assert_eq!(draft.len(), text.len());
    assert_eq!(draft.to_string(), text);
    assert!(read(&text).verify(CREATED).is_ok());
}

#[test]
fn the_error_of_a_small_buffer_has_the_needed_length() {
    let draft = KhqrBuilder::individual(account(), "Sokha")
        .static_code(Currency::Khr)
        .unwrap();
    let mut buffer = [0; 81];
    let error = draft.write_to_slice(&mut buffer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BufferTooSmall { needed: 82 });
    assert!(draft.write_to_slice(&mut [0; 82]).is_ok());
}
