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

/// Whether a code may be paid at a time.
#[wasm_bindgen(js_name = isPayable)]
pub fn is_payable(text: &str, now_high: u32, now_low: u32) -> bool {
    Khqr::parse(text).is_ok_and(|khqr| khqr.verify(time(now_high, now_low)).is_ok())
}

/// What a code asks for, see [`answer::payable`], or why it may not be paid at a time.
#[wasm_bindgen]
pub fn verify(text: &str, now_high: u32, now_low: u32) -> String {
    let payable = Khqr::parse(text).and_then(|khqr| khqr.verify(time(now_high, now_low)));
    string(payable.map(|payable| answer::payable(&payable)), text)
}

/// The positions of the fields, see [`positions::fields`]. Empty if the text is not a KHQR.
#[wasm_bindgen]
pub fn parse(text: &str) -> Vec<u16> {
    Khqr::parse(text).map_or_else(|_| Vec::new(), |khqr| positions::fields(&khqr))
}

/// The typed values of a KHQR, see [`answer::values`], or why the text is not a KHQR.
#[wasm_bindgen]
pub fn values(text: &str) -> String {
    string(Khqr::parse(text).map(|khqr| answer::values(&khqr)), text)
}

/// The fields of any EMVCo code, see [`positions::tree`]. Empty if the text is not one.
#[wasm_bindgen]
pub fn inspect(text: &str) -> Vec<u16> {
    Payload::parse(text).map_or_else(|_| Vec::new(), positions::tree)
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
