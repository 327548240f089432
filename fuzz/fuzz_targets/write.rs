//! Writes an input given as lines of fields. The result must equal that of the naive writer, read back, be payable, and
//! stay the same when it is rewritten.

#![no_main]

use bakong_fuzz::{laws, lines};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let input = lines::input(text);
        laws::writers_agree(&input);
        if let Ok(written) = input.write() {
            laws::rewriting_keeps_the_code(&written, &[]);
        }
    }
});
