//! Tests of the server over real sockets, with an embedded sandbox.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test panics"
)]

mod access;
mod client;
mod description;
mod harness;
mod idempotency;
mod kills;
mod lists;
mod payments;
mod reviews;
mod streams;
mod webhooks;
