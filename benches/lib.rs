//! The workspace's benches are in `khqr.rs`. Being the one package that is never published and may know
//! every crate, it also compiles the README's example.

/// The README, for its example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
