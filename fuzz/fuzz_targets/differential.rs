//! The fast reader and verifier against the naive ones: the same fields, the same verdict at every moment,
//! and of what is refused the same defect at the same place.

#![no_main]

use bakong_fuzz::{each_text, laws};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| each_text(bytes, laws::readers_agree));
