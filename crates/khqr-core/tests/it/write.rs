//! Codes are the official SDK's to the byte. The texts and handles here were made by `bakong-khqr`
//! 1.0.20 from the same input, its clock held at `CREATED`.

use khqr_core::{
    AccountId, Amount, Currency, ErrorKind, KhqrBuilder, KhqrDraft, Md5Handle, Timestamp,
};

use crate::{CREATED, EXPIRES, read, text_of};

fn account() -> AccountId<'static> {
    AccountId::new("sokha@devb").unwrap()
}

fn usd(cents: u64) -> Amount {
    Amount::from_minor_units(cents, Currency::Usd)
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
fn dynamic_codes_in_every_form_of_amount() {
    let builder = KhqrBuilder::individual(account(), "Sokha Coffee");
    is(
        &builder
            .bill_number("INV-2041")
            .dynamic_code(
                Amount::from_minor_units(10_000, Currency::Khr),
                CREATED,
                EXPIRES,
            )
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
        .dynamic_code(
            Amount::from_minor_units(50_000, Currency::Khr),
            CREATED,
            EXPIRES,
        )
        .unwrap(),
        "00020101021215311234567812345678ABCDEFGHIJKLMNO30350009khqr@devb01061234560208Dev Bank\
         5204581453031165405500005802KH5910John Smith6010PHNOM PENH62670106#12345021185512233455\
         0311Coffee Shop0709Cashier_10810Buy coffee64290002km0108ចន ស្មីន0207ភ្នំពេញ\
         99340013179500000000001131795000600000630432B2",
        "194f304fe5fc7824206f88cd623fe00c",
    );
}

#[test]
fn an_emoji_counts_two() {
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
fn what_khqr_does_not_allow_is_refused_with_the_sdk_s_code() {
    let builder = KhqrBuilder::individual(account(), "Sokha");
    let long = "abcdefghijklmnopqrstuvwxyz0123456";
    let code = |draft: Result<KhqrDraft<'_>, khqr_core::Error>| draft.unwrap_err().sdk_code();
    let statically = |builder: KhqrBuilder<'static, _>| code(builder.static_code(Currency::Usd));
    assert_eq!(statically(builder.account_information(long)), Some(35));
    assert_eq!(statically(builder.acquiring_bank("")), Some(31));
    assert_eq!(statically(builder.acquiring_bank(long)), Some(33));
    assert_eq!(statically(builder.merchant_category_code("5")), Some(51));
    assert_eq!(
        statically(builder.merchant_category_code("59999")),
        Some(18)
    );
    assert_eq!(statically(builder.union_pay_account("1")), Some(44));
    assert_eq!(statically(builder.union_pay_account(long)), Some(43));
    assert_eq!(statically(builder.merchant_city(long)), Some(21));
    assert_eq!(statically(builder.merchant_city("a\nb")), Some(21));
    assert_eq!(statically(builder.bill_number(long)), Some(10));
    assert_eq!(statically(builder.mobile_number(long)), Some(34));
    assert_eq!(statically(builder.store_label(long)), Some(11));
    assert_eq!(statically(builder.terminal_label(long)), Some(12));
    assert_eq!(statically(builder.purpose_of_transaction(long)), Some(42));
    assert_eq!(
        statically(builder.second_language("k", "x", None)),
        Some(38)
    );
    assert_eq!(
        statically(builder.second_language("km", "", None)),
        Some(39)
    );
    assert_eq!(
        statically(builder.second_language("km", long, None)),
        Some(40)
    );
    assert_eq!(
        statically(builder.second_language("km", "x", Some(long))),
        Some(41)
    );
    let merchant = |id, bank| {
        code(KhqrBuilder::merchant(account(), id, bank, "Sokha").static_code(Currency::Khr))
    };
    assert_eq!(merchant("", "Dev Bank"), Some(30));
    assert_eq!(merchant(long, "Dev Bank"), Some(32));
    assert_eq!(merchant("1", ""), Some(31));
    let dynamic = |amount, created, expires| {
        code(builder.dynamic_code(amount, created, Timestamp::from_millis(expires)))
    };
    assert_eq!(dynamic(usd(0), CREATED, EXPIRES.as_millis()), Some(4));
    let large = usd(10_000_000_000_001);
    assert_eq!(dynamic(large, CREATED, EXPIRES.as_millis()), Some(4));
    assert_eq!(dynamic(usd(1), CREATED, 999_999_999_999), Some(49));
    assert_eq!(dynamic(usd(1), CREATED, CREATED.as_millis() - 1), Some(50));
}

#[test]
fn a_template_of_a_hundred_is_refused_by_name() {
    let twenty_five = "abcdefghijklmnopqrstuvwxy";
    let builder = KhqrBuilder::individual(account(), "Sokha")
        .bill_number(twenty_five)
        .mobile_number(twenty_five)
        .store_label(twenty_five);
    assert!(
        builder
            .terminal_label("12345678")
            .static_code(Currency::Khr)
            .is_ok()
    );
    let error = builder
        .terminal_label("123456789")
        .static_code(Currency::Khr)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TemplateTooLong);
    assert_eq!(
        error.tag().map(|tag| tag.to_string()).as_deref(),
        Some("62")
    );
}

#[test]
fn an_account_template_of_a_hundred_is_refused_too() {
    let thirty_two = "abcdefghijklmnopqrstuvwxyz@12345";
    let error = KhqrBuilder::individual(AccountId::new(thirty_two).unwrap(), "Sokha")
        .account_information(thirty_two)
        .acquiring_bank(thirty_two)
        .static_code(Currency::Khr)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TemplateTooLong);
    assert_eq!(
        error.tag().map(|tag| tag.to_string()).as_deref(),
        Some("29")
    );
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
        .dynamic_code(
            Amount::from_minor_units(9_999_999_999_999, Currency::Khr),
            CREATED,
            EXPIRES,
        )
        .unwrap();
    let text = text_of(&draft);
    assert!(text.len() > 900, "{}", text.len());
    // As its documentation says.
    assert_eq!(KhqrDraft::MAX_LEN, 1_224);
    assert_eq!(khqr_core::KhqrRewrite::MAX_GROWTH, 61);
    assert_eq!(draft.len(), text.len());
    assert_eq!(draft.to_string(), text);
    assert!(read(&text).verify(CREATED).is_ok());
}

#[test]
fn a_buffer_too_small_is_told_how_large_it_must_be() {
    let draft = KhqrBuilder::individual(account(), "Sokha")
        .static_code(Currency::Khr)
        .unwrap();
    let mut buffer = [0; 81];
    let error = draft.write_to_slice(&mut buffer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BufferTooSmall { needed: 82 });
    assert!(draft.write_to_slice(&mut [0; 82]).is_ok());
}
