//! Tests of parsing, verifying and writing through the public interface.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "an unexpected value fails the test"
)]

mod amounts;
#[cfg(feature = "std")]
mod check_codes;
mod deviations;
mod messages;
mod properties;
mod read;
mod rewrite;
mod rfc3339;
mod scanned;
mod strategies;
mod text_forms;
mod tree;
mod vectors;
mod verify;
mod write;

use khqr_core::{AccountId, Crc, Error, Khqr, KhqrDraft, Timestamp};
use khqr_kit::{laws, naive};

/// The time that the official SDK's clock showed when the SDK generated the codes in `write`.
const CREATED: Timestamp = Timestamp::from_millis(1_795_000_000_000);
/// Ten minutes after [`CREATED`].
const EXPIRES: Timestamp = Timestamp::from_millis(1_795_000_600_000);

/// A sample code that NBC published in 2023. It has an amount, but not the expiry that later SDKs require.
const NBC_SAMPLE: &str = "00020101021215311234567812345678ABCDEFGHIJKLMNO30350009khqr@devb\
    01061234560208Dev Bank52045999530384054031005802KH5910John Smith6010PHNOM PENH62670106#12345\
    0211855122334550311Coffee Shop0709Cashier_10810Buy coffee64290002km0108ចន ស្មីន0207ភ្នំពេញ\
    9917001316880225153546304A367";

fn account() -> AccountId<'static> {
    AccountId::new("sokha@devb").unwrap()
}

/// The text of a draft.
fn text_of(draft: &KhqrDraft<'_>) -> String {
    let mut buffer = [0; KhqrDraft::MAX_LEN];
    draft.write_to_slice(&mut buffer).unwrap().to_owned()
}

/// `body` followed by its checksum field.
fn sealed(body: &str) -> String {
    let covered = format!("{body}6304");
    format!("{covered}{}", Crc::of(covered.as_bytes()))
}

/// `text` without its checksum field.
fn unsealed(text: &str) -> &str {
    &text[..text.len() - 8]
}

/// The fields of a code that is payable from [`CREATED`] to [`EXPIRES`]. [`payable`] adds the times.
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

/// [`PAYABLE`] with some fields replaced, removed (`None`) or appended, and a valid checksum.
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

/// The error of a code that cannot be parsed, or is not payable at [`CREATED`].
#[track_caller]
fn error_of(text: &str) -> Error {
    let verdict = Khqr::parse(text).and_then(|khqr| khqr.verify(CREATED));
    verdict.expect_err("the code is payable")
}

/// The kind, the field and the SDK code of an error, separated by vertical bars.
fn summary(error: Error) -> String {
    let tag = error.tag().map_or(String::new(), |tag| tag.to_string());
    let code = error
        .sdk_code()
        .map_or("none".to_owned(), |code| code.to_string());
    format!("{:?} | {tag} | {code}", error.kind())
}

/// Asserts that a string is rejected with an error that has this [`summary`].
#[track_caller]
fn rejects(text: &str, wanted: &str) {
    assert_eq!(summary(error_of(text)), wanted, "{text:?}");
}

/// Checks a table of changes to [`PAYABLE`]: tag, value (`absent` to remove the field), and the [`summary`]
/// of the error. The offset of the error must be that of the field, or of its template if the field is missing.
#[track_caller]
fn rejects_changes(table: &str) {
    for line in table.lines().filter(|line| !line.is_empty()) {
        let (tag, rest) = line.split_once(" | ").expect("a tag");
        let (value, wanted) = rest.split_once(" | ").expect("a value");
        let text = payable(&[(tag, (value != "absent").then_some(value))]);
        let error = error_of(&text);
        assert_eq!(summary(error), wanted, "{text:?}");
        let path = error.tag().expect("a field").to_string();
        let (top, sub) = path.split_once('/').unwrap_or((&path, &path));
        let at = |tag: &str| {
            error
                .offset()
                .is_none_or(|offset| text[offset..].starts_with(tag))
        };
        let is_missing = wanted.starts_with("Missing");
        assert!(at(if is_missing { top } else { sub }), "{error} in {text}");
    }
}
