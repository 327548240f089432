//! Tests of the server over real sockets, with an embedded sandbox.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test panics"
)]

mod access;
mod checkout;
mod client;
/// A PostgreSQL server, which the tests of bakong-store start too.
#[cfg(unix)]
#[allow(dead_code, reason = "these tests need less of it")]
#[path = "../../../bakong-store/tests/it/postgres/cluster.rs"]
mod cluster;
#[cfg(unix)]
mod cluster_kills;
mod dashboard;
mod demo;
mod description;
mod dropin;
mod dropin_errors;
mod harness;
mod idempotency;
mod interrupted;
mod kills;
mod lists;
mod live;
mod operation;
#[cfg(unix)]
mod outage;
mod payments;
mod person;
mod process;
mod reviews;
mod staff_pages;
mod streams;
mod telegram;
mod webhooks;
#[cfg(unix)]
mod workers;
