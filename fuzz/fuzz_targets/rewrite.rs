//! Reads a code, writes it and reads it again. Rebuilds a payable code with the builder. Adds payments to every code:
//! its own payment, those of the input, and two fixed ones.

#![no_main]

use bakong_fuzz::{each_text, laws, lines};
use khqr_kit::naive::writer::{Money, Payment};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut payments = vec![
        payment(Money::Units(9_999_999_999_999), 0),
        payment(Money::Text("05.1".to_owned()), 600_000),
    ];
    payments.extend(
        std::str::from_utf8(bytes)
            .into_iter()
            .flat_map(lines::payments),
    );
    each_text(bytes, |text| {
        laws::rewriting_keeps_the_code(text, &payments)
    });
});

fn payment(amount: Money, life: u64) -> Payment {
    Payment {
        amount,
        created: 1_795_000_000_000,
        expires: 1_795_000_000_000 + life,
    }
}
