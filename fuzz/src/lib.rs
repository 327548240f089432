//! What the targets share: the naive twin of khqr-core and the laws, which its tests use too, how bytes
//! become something to try, and a plain reader of answers.

#[path = "../../crates/khqr-core/tests/it/laws/mod.rs"]
pub mod laws;
pub mod lines;
#[path = "../../crates/khqr-core/tests/it/naive/mod.rs"]
pub mod naive;
pub mod plain_json;

/// The texts that are tried of an input: as it is, with the checksum put right, since almost no input has
/// the right one, and as a field a line, since almost no mutation of a text keeps its lengths right.
pub fn each_text(bytes: &[u8], mut attempt: impl FnMut(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        attempt(text);
        attempt(&resealed(text));
        if text.contains('\n') {
            attempt(&resealed(&lines::framed(text)));
        }
    }
}

/// `text` with the right checksum in place of the one it may have.
pub fn resealed(text: &str) -> String {
    let checksum = text
        .len()
        .checked_sub(8)
        .filter(|&at| text.as_bytes()[at..].starts_with(b"6304"));
    let body = checksum.and_then(|at| text.get(..at)).unwrap_or(text);
    let covered = format!("{body}6304");
    let crc = khqr_core::Crc::of(covered.as_bytes());
    format!("{covered}{crc}")
}
