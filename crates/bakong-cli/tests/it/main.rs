//! The command as people and scripts run it: arguments in, text and exit codes out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod account;
mod advice;
mod bakong;
mod bulk;
mod checkout;
mod deeplink;
mod diagnose;
mod echo;
mod failures;
#[cfg(unix)]
mod interrupt;
mod qr;
mod renewal;
#[cfg(unix)]
mod running;
#[cfg(unix)]
mod sandbox;
mod scan;
#[cfg(unix)]
mod state;
mod token;
mod tx;
mod vectors;
mod watch;
