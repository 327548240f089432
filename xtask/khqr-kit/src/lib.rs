//! Test kit of `khqr-core`: generators of codes and inputs, mutators, a naive reader and writer, and laws.
//!
//! Three programs share this crate: the property tests of `khqr-core`, the fuzz targets in `fuzz/`, and the
//! comparison with NBC's SDK in `xtask/conformance`. The [`naive`] twin implements the rules a second time and calls
//! none of khqr-core's parsing code. It uses only khqr-core's names of currencies and errors. The [`laws`] compare
//! the two.

#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a failed law or a broken generator must stop the test that uses it"
)]

pub mod generate;
pub mod known_codes;
pub mod laws;
mod mutate_input;
mod mutate_text;
pub mod naive;
mod random;
pub mod samples;
pub mod sdk_input;

pub use mutate_input::mutate_input;
pub use mutate_text::mutate_text;
pub use random::Random;
pub use sdk_input::{SdkInput, Value, quoted};
