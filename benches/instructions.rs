//! Instruction counts of each step under valgrind. They do not depend on the load of the machine, so a
//! change of 1 % is visible.

#![allow(
    missing_docs,
    unused_qualifications,
    reason = "gungraun's macros generate undocumented items with full paths"
)]
#![allow(clippy::expect_used, reason = "an invalid input stops the bench")]

mod codes;

use std::hint::black_box;

use codes::CREATED;
use gungraun::{library_benchmark, library_benchmark_group, main};
use khqr_core::{Crc, Error, Khqr, KhqrDraft, Md5Handle, Payable, Payload};

// The text is leaked, because its deallocation would be counted.
fn ascii() -> &'static str {
    codes::ascii().to_text().leak()
}

fn khmer() -> &'static str {
    codes::khmer().to_text().leak()
}

fn buffer() -> &'static mut [u8] {
    vec![0; KhqrDraft::MAX_LEN].leak()
}

#[library_benchmark]
#[bench::ascii(ascii())]
#[bench::khmer(khmer())]
fn crc(text: &str) -> Crc {
    black_box(Crc::of(black_box(text.as_bytes())))
}

#[library_benchmark]
#[bench::ascii(ascii())]
#[bench::khmer(khmer())]
fn payload(text: &str) -> Result<Payload<'_>, Error> {
    black_box(Payload::parse(black_box(text)))
}

#[library_benchmark]
#[bench::ascii(ascii())]
#[bench::khmer(khmer())]
fn parse(text: &str) -> Result<Khqr<'_>, Error> {
    black_box(Khqr::parse(black_box(text)))
}

#[library_benchmark]
#[bench::ascii(ascii())]
#[bench::khmer(khmer())]
fn parse_and_verify(text: &str) -> Result<Payable, Error> {
    black_box(Khqr::parse(black_box(text)).and_then(|khqr| khqr.verify(black_box(CREATED))))
}

#[library_benchmark]
#[bench::ascii(codes::ascii, buffer())]
#[bench::khmer(codes::khmer, buffer())]
fn build_and_write(make: fn() -> KhqrDraft<'static>, buffer: &mut [u8]) -> usize {
    let text = make().write_to_slice(buffer).expect("room");
    black_box(text).len()
}

#[library_benchmark]
#[bench::ascii(ascii())]
#[bench::khmer(khmer())]
fn md5(text: &str) -> Md5Handle {
    black_box(Md5Handle::of(black_box(text)))
}

library_benchmark_group!(
    name = khqr,
    benchmarks = [crc, payload, parse, parse_and_verify, build_and_write, md5]
);
main!(library_benchmark_groups = khqr);
