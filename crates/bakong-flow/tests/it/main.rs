//! The tracker over time, with a simulated Bakong, store and clock.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed test panics"
)]

mod clock;
mod concurrency;
mod desk;
mod hashes;
mod lists;
mod model;
mod pacing;
mod polling;
mod properties;
mod question;
mod settlement;
mod sick_lists;
#[cfg(feature = "testing")]
mod store;
#[cfg(all(feature = "serde", feature = "testing"))]
mod stored_format;
mod usage;
