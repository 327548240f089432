//! Writes whatever is asked for, a field a line: the naive writer's text or its defect, and what is written
//! reads back, may be paid, and is rewritten to itself.

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
