//! Nothing allocates, with or without the feature `alloc`, until a `String` is asked for.
//!
//! A test binary of its own, since naming `allocation_counter` replaces the allocator. It counts by
//! thread, so tests beside each other do not mix.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use std::fmt::{self, Write};
use std::hint::black_box;

use allocation_counter::measure;
use khqr_core::{
    AccountId, Amount, Crc, Currency, Khqr, KhqrBuilder, KhqrDraft, Md5Handle, Payload, Printable,
    TagPath, Timestamp,
};

const CREATED: Timestamp = Timestamp::from_millis(1_795_000_000_000);
const EXPIRES: Timestamp = Timestamp::from_millis(1_795_000_600_000);

/// How often `run` allocates. A string made beside it has to be seen, or a counter that sees nothing
/// would pass every test.
fn allocations<T>(run: impl FnOnce() -> T) -> u64 {
    let seen = measure(|| {
        drop(black_box(String::from("control")));
        drop(black_box(run()));
    });
    let others = seen.count_total.checked_sub(1);
    others.expect("the counter does not count")
}

/// A code with everything in it, whatever its scripts.
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
fn text_that_is_owned_allocates() {
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
        let getters = allocations(|| {
            let khqr = Khqr::parse(text).unwrap();
            black_box((khqr.merchant_name(), khqr.bill_number(), khqr.account()));
            (khqr.amount(), khqr.currency(), khqr.expires_at())
        });
        assert_eq!(getters, 0);
    });
}

#[test]
fn refusing() {
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
fn checksum_and_md5() {
    with_text(|text| {
        assert_eq!(allocations(|| Crc::of(text.as_bytes())), 0);
        assert_eq!(allocations(|| Md5Handle::of(text)), 0);
        assert_eq!(allocations(|| Khqr::parse(text).unwrap().md5()), 0);
    });
}

#[test]
fn printing_into_a_fixed_buffer() {
    let error = Khqr::parse("0002010103110163041234").unwrap_err();
    let handle = Md5Handle::of("text");
    with_text(|text| {
        let printed = allocations(|| {
            let mut page = Page::default();
            write!(
                page,
                "{error} {error:?} {:?}",
                error.tag().map(TagPath::name)
            )
            .unwrap();
            write!(page, "{handle} {} {EXPIRES}", Printable(text)).unwrap();
            write!(page, "{}", draft()).unwrap();
            assert!(page.len > text.len());
        });
        assert_eq!(printed, 0);
    });
}

/// Room to print into.
struct Page {
    bytes: [u8; 4_096],
    len: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            bytes: [0; 4_096],
            len: 0,
        }
    }
}

impl Write for Page {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
