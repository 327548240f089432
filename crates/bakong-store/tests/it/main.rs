//! Tests of the stores with real files and a real server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test panics"
)]

mod books;
mod first_schema;
#[cfg(all(unix, feature = "postgres"))]
mod postgres;
mod random;
#[cfg(feature = "sqlite")]
mod sqlite;
mod tables;
