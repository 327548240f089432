//! A firmware image that writes a code, reads and verifies it, and computes its MD5. It has no allocator, so it does not
//! link if khqr-core allocates.

#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use khqr_core::{
    AccountId, Amount, Currency, Error, Khqr, KhqrBuilder, KhqrDraft, Md5Handle, Payable, Timestamp,
};
use panic_halt as _;

// `black_box` keeps the compiler from evaluating the code at compile time or removing it.
#[entry]
fn main() -> ! {
    let now = Timestamp::from_millis(black_box(1_795_000_000_000));
    let mut buffer = [0; KhqrDraft::MAX_LEN];
    loop {
        let checked = write(black_box("sokha@devb"), now, &mut buffer)
            .and_then(|text| read(black_box(text), now));
        black_box(checked).ok();
    }
}

fn write<'b>(account: &str, now: Timestamp, buffer: &'b mut [u8]) -> Result<&'b str, Error> {
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
