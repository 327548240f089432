//! The codes that the benches parse and write. `black_box` hides the inputs from the optimizer.

#![allow(clippy::expect_used, reason = "an invalid input stops the bench")]

use std::hint::black_box;

use khqr_core::{AccountId, Amount, KhqrBuilder, KhqrDraft, Timestamp};

pub(crate) const CREATED: Timestamp = Timestamp::from_millis(1_795_000_000_000);
const EXPIRES: Timestamp = Timestamp::from_millis(1_795_000_600_000);

/// A typical dynamic code of a shop: ASCII, a bill number, both times. 157 bytes, the same code as in `peers/`.
pub(crate) fn ascii() -> KhqrDraft<'static> {
    let account = AccountId::new(black_box("sokha@devb")).expect("valid account");
    KhqrBuilder::individual(account, black_box("Sokha Coffee"))
        .bill_number(black_box("INV-2026-2041"))
        .dynamic_code(
            Amount::riel(black_box(10_000)),
            black_box(CREATED),
            black_box(EXPIRES),
        )
        .expect("valid code")
}

/// A merchant's code with names in Khmer, where lengths in characters and in bytes differ.
pub(crate) fn khmer() -> KhqrDraft<'static> {
    let account = AccountId::new(black_box("sokha@devb")).expect("valid account");
    KhqrBuilder::merchant(
        account,
        black_box("123456"),
        "Dev Bank",
        black_box("ហាងកាហ្វេ សុខា"),
    )
    .merchant_city("ភ្នំពេញ")
    .second_language("km", "ចន ស្មីន", Some("ភ្នំពេញ"))
    .dynamic_code(
        Amount::us_cents(black_box(150)),
        black_box(CREATED),
        black_box(EXPIRES),
    )
    .expect("valid code")
}
