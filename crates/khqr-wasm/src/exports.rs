//! The functions that JavaScript calls.

#![allow(unsafe_code, reason = "#[wasm_bindgen] generates unsafe code")]
#![allow(clippy::must_use_candidate, reason = "the callers are in JavaScript")]

use khqr_core::{Error, Khqr, Md5Handle, Payload, Timestamp};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::request::{self, Request};
use crate::{answer, positions};

/// A time in milliseconds, from its upper and lower 32 bits.
fn time(high: u32, low: u32) -> Timestamp {
    Timestamp::from_millis(u64::from(high) << 32 | u64::from(low))
}

fn string(result: Result<String, Error>, text: &str) -> String {
    result.unwrap_or_else(|error| answer::error(error, text))
}

/// Writes a code, see [`request::draft`]. Returns its MD5 and its text, or an error. Returns an empty string if a
/// field contains the separator.
#[wasm_bindgen]
pub fn generate(fields: &str, flags: u32, now_high: u32, now_low: u32) -> String {
    let Some(request) = Request::new(fields, flags) else {
        return String::new();
    };
    let draft = request::draft(&request, time(now_high, now_low));
    string(draft.map(|draft| answer::code(&draft.to_text())), "")
}

/// Adds an amount to a code, see [`request::rewrite`]. Returns like [`generate`].
#[wasm_bindgen(js_name = withAmount)]
pub fn with_amount(text: &str, fields: &str, flags: u32, now_high: u32, now_low: u32) -> String {
    let Some(request) = Request::new(fields, flags) else {
        return String::new();
    };
    let rewrite = Khqr::parse(text)
        .and_then(|khqr| request::rewrite(&khqr, &request, time(now_high, now_low)))
        .map(|rewrite| answer::code(&rewrite.to_text()));
    string(rewrite, text)
}

/// What a code asks for, see [`answer::payable`], or why it may not be paid at a time.
#[wasm_bindgen]
pub fn verify(text: &str, now_high: u32, now_low: u32) -> String {
    let payable = Khqr::parse(text).and_then(|khqr| khqr.verify(time(now_high, now_low)));
    string(payable.map(|payable| answer::payable(&payable)), text)
}

/// The typed values of a KHQR, see [`answer::values`], or why the text is not a KHQR.
#[wasm_bindgen]
pub fn values(text: &str) -> String {
    string(Khqr::parse(text).map(|khqr| answer::values(&khqr)), text)
}

/// Why a text is not an EMVCo code.
#[wasm_bindgen(js_name = inspectError)]
pub fn inspect_error(text: &str) -> String {
    string(Payload::parse(text).map(|_| String::new()), text)
}

/// The MD5 of a text, 32 hexadecimal digits.
#[wasm_bindgen]
pub fn md5(text: &str) -> String {
    Md5Handle::of(text).to_string()
}

/// Buffers in the memory of the module, which JavaScript reads and writes directly. The functions that read a code use
/// them, so that no call copies a string or an array.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Buffers {
    text: Vec<u8>,
    positions: Vec<u16>,
}

/// The size of the buffer for a text: the longest text that khqr-core reads and one more character, each a UTF-16 code unit
/// of at most three bytes in UTF-8.
const TEXT_SIZE: usize = 3 * (Payload::MAX_LEN + 1);

#[wasm_bindgen]
impl Buffers {
    /// Allocates the buffers.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self {
            text: vec![0; TEXT_SIZE],
            positions: Vec::with_capacity(positions::FIELDS_LEN),
        }
    }

    /// The address of the text. It never changes.
    #[wasm_bindgen(js_name = textAddress)]
    pub fn text_address(&self) -> usize {
        self.text.as_ptr().addr()
    }

    /// The size of the buffer for the text, in bytes.
    #[wasm_bindgen(js_name = textSize)]
    pub fn text_size(&self) -> usize {
        self.text.len()
    }

    /// The address of the positions. Only `inspect` changes it.
    #[wasm_bindgen(js_name = positionsAddress)]
    pub fn positions_address(&self) -> usize {
        self.positions.as_ptr().addr()
    }

    /// Whether the code in the first `len` bytes may be paid at a time.
    #[wasm_bindgen(js_name = isPayable)]
    pub fn is_payable(&self, len: usize, now_high: u32, now_low: u32) -> bool {
        let khqr = Khqr::parse(text_of(&self.text, len));
        khqr.is_ok_and(|khqr| khqr.verify(time(now_high, now_low)).is_ok())
    }

    /// Writes the positions of the fields, see [`positions::fields`]. Returns how many; 0 if the text is not a KHQR.
    pub fn parse(&mut self, len: usize) -> usize {
        self.positions.clear();
        if let Ok(khqr) = Khqr::parse(text_of(&self.text, len)) {
            positions::fields(&khqr, &mut self.positions);
        }
        self.positions.len()
    }

    /// Writes the rows of the tree, see [`positions::tree`]. Returns how many numbers; 0 if the text is not an EMVCo code.
    pub fn inspect(&mut self, len: usize) -> usize {
        self.positions.clear();
        if let Ok(payload) = Payload::parse(text_of(&self.text, len)) {
            positions::tree(payload, &mut self.positions);
        }
        self.positions.len()
    }
}

impl Default for Buffers {
    fn default() -> Self {
        Self::new()
    }
}

/// The first `len` bytes as text. JavaScript writes valid UTF-8; any other text is empty.
fn text_of(bytes: &[u8], len: usize) -> &str {
    let bytes = bytes.get(..len).unwrap_or_default();
    std::str::from_utf8(bytes).unwrap_or_default()
}
