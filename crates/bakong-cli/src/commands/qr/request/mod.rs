//! One line of `bakong qr generate --jsonl`: a JSON object with the field names of NBC's SDK.

mod draft;
mod earliest;
mod fields;
mod number;

pub(super) use draft::draft;
pub(super) use fields::CodeRequest;
