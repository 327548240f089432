//! The codes that the benches read and write, made of inputs that the compiler does not see.

#![allow(clippy::expect_used, reason = "a bench that cannot run should stop")]

use std::hint::black_box;

use khqr_core::{AccountId, Amount, Currency, KhqrBuilder, KhqrDraft, Timestamp};

pub(crate) const CREATED: Timestamp = Timestamp::from_millis(1_795_000_000_000);
const EXPIRES: Timestamp = Timestamp::from_millis(1_795_000_600_000);

/// A shop's dynamic code as most are: ASCII, a bill number, both times. The 157 bytes of `peers/`.
pub(crate) fn ascii() -> KhqrDraft<'static> {
    let account = AccountId::new(black_box("sokha@devb")).expect("an account");
    KhqrBuilder::individual(account, black_box("Sokha Coffee"))
        .bill_number(black_box("INV-2026-2041"))
        .dynamic_code(
            Amount::from_minor_units(black_box(10_000), Currency::Khr),
            black_box(CREATED),
            black_box(EXPIRES),
        )
        .expect("a code")
}

/// The same with names in Khmer, so that lengths and bytes differ.
pub(crate) fn khmer() -> KhqrDraft<'static> {
    let account = AccountId::new(black_box("sokha@devb")).expect("an account");
    KhqrBuilder::merchant(
        account,
        black_box("123456"),
        "Dev Bank",
        black_box("ហាងកាហ្វេ សុខា"),
    )
    .merchant_city("ភ្នំពេញ")
    .second_language("km", "ចន ស្មីន", Some("ភ្នំពេញ"))
    .dynamic_code(
        Amount::from_minor_units(black_box(150), Currency::Usd),
        black_box(CREATED),
        black_box(EXPIRES),
    )
    .expect("a code")
}
