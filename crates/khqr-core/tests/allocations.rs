//! Only the functions that return a `String` allocate, with or without the feature `alloc`.
//!
//! This is a separate test binary because `allocation_counter` replaces the global allocator. The crate counts per
//! thread, so parallel tests do not affect each other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "an unexpected value fails the test"
)]

use std::hint::black_box;
use std::io::Write;

use allocation_counter::measure;
use khqr_core::{
    AccountId, Amount, Crc, Currency, Khqr, KhqrBuilder, KhqrDraft, Md5Handle, Payload, Printable,
    TagPath, Timestamp,
};

const CREATED: Timestamp = Timestamp::from_millis(1_795_000_000_000);
const EXPIRES: Timestamp = Timestamp::from_millis(1_795_000_600_000);

/// Returns how many times `run` allocates. A control allocation proves that the counter works.
fn allocations<T>(run: impl FnOnce() -> T) -> u64 {
    let seen = measure(|| {
        drop(black_box(String::from("control")));
        drop(black_box(run()));
    });
    let others = seen.count_total.checked_sub(1);
    others.expect("the control allocation was not counted")
}

/// A code that has every field, with texts in several scripts.
fn draft() -> KhqrDraft<'static> {
    KhqrBuilder::merchant(
        AccountId::new("sokha@devb").unwrap(),
        "123456",
        "Dev Bank",
        "ហាងកាហ្វេ សុខា",
    )
    .merchant_city("ភ្នំពេញ")
    .bill_number("INV-2041 😀")
    .mobile_number("85512345678")
    .store_label("Riverside")
    .terminal_label("Till 2")
    .purpose_of_transaction("Coffee")
    .second_language("km", "ចន ស្មីន", Some("ភ្នំពេញ"))
    .dynamic_code(
        Amount::from_minor_units(150, Currency::Usd),
        CREATED,
        EXPIRES,
    )
    .unwrap()
}

fn with_text(run: impl FnOnce(&str)) {
    let mut buffer = [0; KhqrDraft::MAX_LEN];
    run(draft().write_to_slice(&mut buffer).unwrap());
}

#[test]
fn the_counter_counts() {
    assert_eq!(
        measure(|| drop(black_box(String::from("one")))).count_total,
        1
    );
    assert_eq!(allocations(|| String::from("one")), 1);
    assert_eq!(allocations(|| ()), 0);
}

#[cfg(feature = "alloc")]
#[test]
fn an_owned_text_allocates() {
    assert_ne!(allocations(|| draft().to_text()), 0);
}

#[test]
fn writing_to_a_slice() {
    let mut buffer = [0; KhqrDraft::MAX_LEN];
    assert_eq!(
        allocations(|| draft().write_to_slice(&mut buffer).unwrap().len()),
        0
    );
    assert_eq!(
        allocations(|| draft().write_to_slice(&mut [0; 10]).is_err()),
        0
    );
}

#[test]
fn reading_and_verifying() {
    with_text(|text| {
        assert_eq!(
            allocations(|| Khqr::parse(text).unwrap().verify(CREATED).unwrap()),
            0
        );
        assert_eq!(
            allocations(|| Payload::parse(text).unwrap().fields().count()),
            0
        );
        assert_eq!(allocations(|| Crc::of(text.as_bytes())), 0);
        assert_eq!(allocations(|| Khqr::parse(text).unwrap().md5()), 0);
        assert_eq!(allocations(|| Khqr::parse_scanned(text).unwrap().md5()), 0);
        let getters = allocations(|| {
            let khqr = Khqr::parse(text).unwrap();
            black_box((khqr.merchant_name(), khqr.bill_number(), khqr.account()));
            (khqr.amount(), khqr.currency(), khqr.expires_at())
        });
        assert_eq!(getters, 0);
    });
}

#[test]
fn errors() {
    with_text(|text| {
        let truncated = &text[..text.len() - 1];
        assert_eq!(allocations(|| Khqr::parse(truncated).unwrap_err()), 0);
        let khqr = Khqr::parse(text).unwrap();
        let late = Timestamp::from_millis(u64::MAX);
        assert_eq!(allocations(|| khqr.verify(late).unwrap_err()), 0);
    });
    assert_eq!(allocations(|| AccountId::new("nobody").unwrap_err()), 0);
}

#[test]
fn printing_into_a_fixed_buffer() {
    let error = Khqr::parse("0002010103110163041234").unwrap_err();
    let handle = Md5Handle::of("text");
    with_text(|text| {
        let mut buffer = [0; 4_096];
        let printed = allocations(|| {
            let mut page = &mut buffer[..];
            let name = error.tag().map(TagPath::name);
            write!(page, "{error} {error:?} {name:?}").unwrap();
            write!(page, "{handle} {} {EXPIRES}", Printable(text)).unwrap();
            write!(page, "{} {:#}", EXPIRES.rfc3339(), Amount::us_cents(150)).unwrap();
            write!(page, "{}", draft()).unwrap();
            assert!(page.len() < 4_096 - text.len());
        });
        assert_eq!(printed, 0);
    });
}
