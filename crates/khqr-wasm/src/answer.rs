//! Results as one string each.
//!
//! The first character tells a value from an error: an error starts with a zero character, which no value contains.

use std::fmt::Write as _;

use khqr_core::{Error, Khqr, Md5Handle, Payable, Timestamp, utf16_len};

/// Starts an error, and separates its parts.
pub const ERROR: char = '\0';
/// Separates the parts of a value.
pub const PART: char = '\u{1}';

/// The MD5 (32 characters) and the text of a code.
#[must_use]
pub fn code(text: &str) -> String {
    let md5 = Md5Handle::of(text).to_string();
    md5 + text
}

/// An error: the SDK's code, the kind, the tag, the position in UTF-16 code units, the message and the SDK's message.
/// A part that the error does not have is empty.
///
/// `text` is the code that was read; empty if the error is about values to be written.
#[must_use]
pub fn error(error: Error, text: &str) -> String {
    let mut out = String::with_capacity(160);
    let parts: [&dyn std::fmt::Display; 6] = [
        &error
            .sdk_code()
            .map_or_else(String::new, |code| code.to_string()),
        &error.kind().name(),
        &error.tag().map_or_else(String::new, |tag| tag.to_string()),
        &error.offset().map_or_else(String::new, |offset| {
            utf16_len(text.get(..offset).unwrap_or_default()).to_string()
        }),
        &error,
        &error.sdk_message().unwrap_or_default(),
    ];
    for part in parts {
        out.push(ERROR);
        // Writing to a string does not fail.
        let _ = write!(out, "{part}");
    }
    out
}

/// What a payable code asks for: currency, amount in minor units, amount for people, expiry in milliseconds. A part
/// that the code does not have is empty.
#[must_use]
pub fn payable(payable: &Payable) -> String {
    let amount = payable.amount;
    let parts = [
        payable.currency.to_string(),
        amount.map_or_else(String::new, |amount| amount.minor_units().to_string()),
        payable
            .expires_at
            .map_or_else(String::new, |time| time.to_string()),
    ];
    parts.join("\u{1}")
}

/// The typed values of a code, each a value or an error: point of initiation, currency, amount in minor units,
/// creation and expiry in milliseconds. A value that the code does not have is empty.
#[must_use]
pub fn values(khqr: &Khqr<'_>) -> String {
    fn part<T: ToString>(value: Result<Option<T>, Error>, text: &str) -> String {
        match value {
            Ok(Some(value)) => value.to_string(),
            Ok(None) => String::new(),
            Err(reason) => error(reason, text),
        }
    }
    let text = khqr.text();
    let minor_units = |amount: khqr_core::Amount| amount.minor_units();
    let millis = |time: Option<Timestamp>| time.map(Timestamp::as_millis);
    let parts = [
        part(khqr.point_of_initiation(), text),
        part(khqr.currency().map(Some), text),
        part(khqr.amount().map(|amount| amount.map(minor_units)), text),
        part(khqr.created_at().map(millis), text),
        part(khqr.expires_at().map(millis), text),
    ];
    parts.join("\u{1}")
}
