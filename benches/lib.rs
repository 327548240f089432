//! The benches of the workspace. This package also compiles the example in the README, because it depends on
//! every crate and is never published.

/// The example in the README, as a doc test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
