//! Laws that must hold for every text and every input. Each law panics if it does not hold.

mod reading;
mod rewriting;
mod tree;
mod writing;

pub use reading::readers_agree;
pub use rewriting::rewriting_keeps_the_code;
pub use tree::trees_agree;
pub use writing::writers_agree;

use std::fmt::Write;

use khqr_core::{Error, ErrorKind};

/// Checks that all ways to write produce the same text of `len` bytes, and returns it.
fn writers_agree_on(
    len: usize,
    display: &dyn std::fmt::Display,
    to_slice: impl Fn(&mut [u8]) -> Result<usize, Error>,
    to_writer: impl Fn(&mut dyn Write) -> std::fmt::Result,
) -> String {
    let mut buffer = vec![0xA5; len + 3];
    assert_eq!(to_slice(&mut buffer), Ok(len));
    assert_eq!(
        &buffer[len..],
        [0xA5; 3],
        "bytes after the text are unchanged"
    );
    let text = String::from_utf8(buffer[..len].to_vec()).unwrap();
    assert_eq!(
        to_slice(&mut vec![0; len]),
        Ok(len),
        "a buffer of the exact length is enough"
    );
    let mut short = vec![0xA5; len - 1];
    let needed = u16::try_from(len).unwrap();
    assert_eq!(
        to_slice(&mut short).map_err(Error::kind),
        Err(ErrorKind::BufferTooSmall { needed })
    );
    assert!(
        short.iter().all(|byte| *byte == 0xA5),
        "a buffer that is too small is unchanged"
    );
    let mut streamed = String::new();
    to_writer(&mut streamed).unwrap();
    assert_eq!(streamed, text);
    assert_eq!(display.to_string(), text);
    text
}

/// Checks that the offset of an error is a character boundary of the text and that its message has no control characters.
fn error_is_sound(text: &str, error: Error) {
    assert!(
        error.offset().is_none_or(|at| text.is_char_boundary(at)),
        "the offset of an error is a character boundary"
    );
    let sentence = error.to_string();
    assert!(!sentence.is_empty() && !sentence.contains(char::is_control));
    assert_eq!(error.sdk_code().is_some(), error.sdk_message().is_some());
}
