//! The command as people and scripts run it: arguments in, text and exit codes out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod advice;
mod bakong;
mod bulk;
mod checkout;
mod diagnose;
mod failures;
#[cfg(unix)]
mod interrupt;
mod qr;
mod scan;
mod tx;
mod vectors;
