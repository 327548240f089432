//! A code with a wrong checksum: its fields can often be read, which shows where the code was altered or misread.

use khqr_core::{Crc, Error, ErrorKind};

use crate::common::blanks;

/// A text whose wrong checksum is replaced by the right one. The text must not be used as a code.
pub(super) struct Corrected {
    pub(super) text: String,
    /// The checksum that the other characters have.
    pub(super) crc: Crc,
}

impl Corrected {
    /// Replaces the checksum of a text that was refused with `error`. Returns `None` for another error, and for a text with
    /// blanks, whose message names the blanks.
    pub(super) fn of(text: &str, error: Error) -> Option<Self> {
        if error.kind() != ErrorKind::CrcMismatch || blanks::find(text).is_some() {
            return None;
        }
        let (covered, _) = text.split_at_checked(text.len().checked_sub(4)?)?;
        let crc = Crc::of(covered.as_bytes());
        let text = format!("{covered}{crc}");
        Some(Self { text, crc })
    }

    /// The sentence below the fields.
    pub(super) fn warning(&self) -> String {
        format!(
            "The checksum is wrong. These characters have the checksum {}. The code was altered or misread, so do not pay it.",
            self.crc
        )
    }
}
