//! Code that the fuzz targets share: how the bytes of an input become texts, inputs and payments, and a plain JSON reader
//! to compare with.

pub mod lines;
pub mod plain_json;

pub use khqr_kit::laws;

/// Calls `attempt` with each text that the bytes represent: the text itself, the text with a correct checksum, and the
/// text as lines of fields. Few random texts have a correct checksum, and few mutations keep lengths correct.
pub fn each_text(bytes: &[u8], mut attempt: impl FnMut(&str)) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        attempt(text);
        attempt(&resealed(text));
        if text.contains('\n') {
            attempt(&resealed(&lines::encoded(text)));
        }
    }
}

/// Replaces the checksum field of `text`, or appends one.
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
