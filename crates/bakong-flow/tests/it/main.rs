//! The machine over time, told everything by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on fails"
)]

mod asking;
mod clock;
mod desk;
mod hashes;
mod lists;
mod model;
mod pacing;
mod properties;
mod settlement;
mod several;
