//! Opens whatever comes as a tree of fields, as any EMVCo code can be: the same tree as the naive one,
//! every field where it says, no deeper than EMVCo has templates.

#![no_main]

use bakong_fuzz::{each_text, laws};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| each_text(bytes, laws::trees_agree));
