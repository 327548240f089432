//! Runs the command as people and scripts do, and checks its output and exit code.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot continue fails"
)]

mod account;
mod advice;
mod bulk;
mod checkout;
mod clock;
mod deeplink;
mod diagnose;
mod doctor;
mod error_objects;
mod errors;
#[cfg(unix)]
mod hints;
mod inputs;
#[cfg(target_os = "linux")]
mod login;
mod manual;
mod qr;
mod qr_images;
mod qr_scanner;
#[cfg(unix)]
mod readers;
mod redaction;
mod renewal;
mod retired_token;
#[cfg(unix)]
mod sandbox;
#[cfg(unix)]
mod sandbox_process;
#[cfg(unix)]
mod sandbox_state;
#[cfg(unix)]
mod sell;
#[cfg(unix)]
mod serve;
mod settings;
#[cfg(unix)]
mod signals;
#[cfg(target_os = "linux")]
mod stepped_clock;
mod store;
#[cfg(unix)]
mod store_damage;
#[cfg(unix)]
mod store_kills;
#[cfg(unix)]
mod store_postgres;
mod stored_shop;
mod support;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod terminal_output;
mod tls;
mod token;
mod token_file;
mod tx;
mod vectors;
mod verbose;
mod watch;
