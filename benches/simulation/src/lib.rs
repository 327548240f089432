//! Simulates days of a shop in virtual time.
//!
//! A [`World`] consists of a simulated Bakong, customers, and a shop whose payments a [`bakong_flow::Tracker`] watches.
//! One seed determines all events, so that a failure can be reproduced. After every step the [`oracle`] checks the
//! seven guarantees of `bakong-flow`; a violation panics.
//!
//! [`peers`] simulates the same days with other polling schedules, and [`report`] compares the results.

#![allow(clippy::panic, clippy::missing_panics_doc)]

pub mod bakong;
pub mod customers;
pub mod oracle;
pub mod peers;
pub mod report;
pub mod scenario;
pub mod shop;
pub mod store;
pub mod world;

pub use scenario::Scenario;
pub use store::StoreKind;
pub use world::{Summary, World};

/// A second, in milliseconds.
pub const SECOND: u64 = 1_000;
/// A minute.
pub const MINUTE: u64 = 60 * SECOND;
/// An hour.
pub const HOUR: u64 = 60 * MINUTE;
/// A day.
pub const DAY: u64 = 24 * HOUR;
/// The time from the creation of a code to its expiry.
pub const CODE_LIFE: u64 = 10 * MINUTE;
/// The start of every simulation: midnight in Phnom Penh, when a quota window begins.
pub const START: u64 = 1_795_280_400_000;
