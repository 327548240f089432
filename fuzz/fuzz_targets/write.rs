//! Writes an input given as lines of fields. The text must equal the naive writer's, be payable, and
//! stay the same when the code is read and rebuilt.

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
