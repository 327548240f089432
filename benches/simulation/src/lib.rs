//! Days of a shop in virtual time.
//!
//! A [`World`] has a Bakong, customers and a shop whose payments a [`bakong_flow::Tracker`] watches. Everything that
//! happens is drawn from one seed, so that a day that goes wrong can be played again. After every step the
//! [`oracle`] holds what was done against what it knows to be true.
//!
//! A guarantee that is broken ends the simulation with a panic.
//!
//! [`peers`] plays the same days with the schedules that people use without `bakong-flow`, and [`report`] puts
//! them side by side.

#![allow(clippy::panic, clippy::missing_panics_doc)]

pub mod bakong;
pub mod customers;
pub mod oracle;
pub mod peers;
pub mod report;
pub mod scenario;
pub mod shop;
pub mod world;

pub use scenario::Scenario;
pub use world::{Summary, World};

/// A second, in milliseconds.
pub const SECOND: u64 = 1_000;
/// A minute.
pub const MINUTE: u64 = 60 * SECOND;
/// An hour.
pub const HOUR: u64 = 60 * MINUTE;
/// A day.
pub const DAY: u64 = 24 * HOUR;
/// How long a code can be paid.
pub const CODE_LIFE: u64 = 10 * MINUTE;
/// When every simulation begins: midnight in Phnom Penh, when the quota's day turns.
pub const START: u64 = 1_795_280_400_000;
