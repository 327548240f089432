//! A vending machine's image: it makes a code, reads and verifies it, and takes its MD5. No allocator
//! is there, so that an allocation anywhere in khqr-core would not link.

#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use khqr_core::{
    AccountId, Amount, Currency, Error, Khqr, KhqrBuilder, KhqrDraft, Md5Handle, Payable, Timestamp,
};
use panic_halt as _;

// The compiler must not know what goes in, nor that nobody looks at what comes out.
#[entry]
fn main() -> ! {
    let now = Timestamp::from_millis(black_box(1_795_000_000_000));
    let mut buffer = [0; KhqrDraft::MAX_LEN];
    loop {
        let checked = make(black_box("sokha@devb"), now, &mut buffer)
            .and_then(|text| read(black_box(text), now));
        black_box(checked).ok();
    }
}

fn make<'b>(account: &str, now: Timestamp, buffer: &'b mut [u8]) -> Result<&'b str, Error> {
    KhqrBuilder::individual(AccountId::new(account)?, black_box("Sokha Coffee"))
        .bill_number(black_box("INV-2026-2041"))
        .dynamic_code(
            Amount::from_minor_units(black_box(10_000), Currency::Khr),
            now,
            Timestamp::from_millis(now.as_millis().saturating_add(600_000)),
        )?
        .write_to_slice(buffer)
}

fn read(text: &str, now: Timestamp) -> Result<(Khqr<'_>, Payable, Md5Handle), Error> {
    let khqr = Khqr::parse(text)?;
    let payable = khqr.verify(now)?;
    Ok((khqr, payable, khqr.md5()))
}
