//! Reading, verifying and writing, through the public interface alone.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod deviations;
mod properties;
mod read;
mod rewrite;
mod sentences;
mod strategies;
mod texts;
mod vectors;
mod verify;
mod write;

use khqr_core::{Crc, Khqr, KhqrDraft, Timestamp};
use khqr_kit::{laws, naive};

/// The moment at which the official SDK made the codes in `write`.
const CREATED: Timestamp = Timestamp::from_millis(1_795_000_000_000);
/// Ten minutes later.
const EXPIRES: Timestamp = Timestamp::from_millis(1_795_000_600_000);

/// A sample of NBC's from 2023: with an amount, and without the expiry that is asked for today.
const NBC_SAMPLE: &str = "00020101021215311234567812345678ABCDEFGHIJKLMNO30350009khqr@devb\
    01061234560208Dev Bank52045999530384054031005802KH5910John Smith6010PHNOM PENH62670106#12345\
    0211855122334550311Coffee Shop0709Cashier_10810Buy coffee64290002km0108ចន ស្មីន0207ភ្នំពេញ\
    9917001316880225153546304A367";

/// The text of a draft.
fn text_of(draft: &KhqrDraft<'_>) -> String {
    let mut buffer = [0; KhqrDraft::MAX_LEN];
    draft.write_to_slice(&mut buffer).unwrap().to_owned()
}

/// `body` with the checksum field behind it.
fn sealed(body: &str) -> String {
    let covered = format!("{body}6304");
    format!("{covered}{}", Crc::of(covered.as_bytes()))
}

/// A code that may be paid from [`CREATED`] to [`EXPIRES`], field by field; its times are put in by [`payable`].
const PAYABLE: [(&str, &str); 9] = [
    ("00", "01"),
    ("01", "12"),
    ("29", "0010sokha@devb"),
    ("52", "5999"),
    ("53", "840"),
    ("54", "1.50"),
    ("58", "KH"),
    ("59", "Sokha"),
    ("60", "Phnom Penh"),
];

/// [`PAYABLE`] with some fields replaced, removed (`None`) or added at the end, and a right checksum.
fn payable(changes: &[(&str, Option<&str>)]) -> String {
    let times = format!("0013{CREATED}0113{EXPIRES}");
    let mut fields: Vec<(&str, &str)> = PAYABLE.to_vec();
    fields.push(("99", &times));
    for (tag, value) in changes {
        let place = fields.iter().position(|(known, _)| known == tag);
        match (place, value) {
            (Some(place), Some(value)) => fields[place].1 = value,
            (Some(place), None) => {
                fields.remove(place);
            }
            (None, Some(value)) => fields.push((tag, value)),
            (None, None) => {}
        }
    }
    let body: String = fields
        .iter()
        .map(|(tag, value)| format!("{tag}{:02}{value}", value.encode_utf16().count()))
        .collect();
    sealed(&body)
}

fn read(text: &str) -> Khqr<'_> {
    Khqr::parse(text).unwrap()
}
