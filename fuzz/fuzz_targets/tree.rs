//! Reads any text as an EMVCo tree of fields and compares it with the naive tree.

#![no_main]

use bakong_fuzz::{each_text, laws};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| each_text(bytes, laws::trees_agree));
