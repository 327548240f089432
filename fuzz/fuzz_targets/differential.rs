//! Compares the reader and verifier with the naive ones: the same fields, the same result at every time, and the same
//! error at the same offset.

#![no_main]

use bakong_fuzz::{each_text, laws};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| each_text(bytes, laws::readers_agree));
