//! The `bakong` command.
//!
//! It takes KHQR payments (`checkout`, `watch`), stores them (`payments`, `store`), reads, verifies and generates codes (`qr`), looks up payments and
//! accounts (`tx`, `account`), manages the access token (`login`, `token`), checks the set-up (`doctor`), takes payments
//! over HTTP for shops in any language (`serve`), and runs a local sandbox (`sandbox`).
//!
//! - `arguments` defines the command line.
//! - `commands` holds one module for each command group.
//! - `common` holds the code that several commands share. All output goes through `common::output`; the exit codes are
//!   in `common::exit`.
//!
//! Texts from codes and from Bakong's responses are untrusted: print them through `Printable`.

mod arguments;
mod commands;
mod common;

use std::process::ExitCode;

use crate::arguments::Command;
use crate::commands::{
    account, checkout, deeplink, doctor, manual, payments, qr, sandbox, serve, store, token, tx,
    watch,
};
use crate::common::{output, verbose};

fn main() -> ExitCode {
    let (arguments, selection) = match arguments::parse() {
        Ok(parsed) => parsed,
        Err(exit) => return exit,
    };
    if arguments.verbose {
        verbose::enable();
    }
    let result = match &arguments.command {
        Command::Checkout(arguments) => checkout::run(arguments),
        Command::Watch(arguments) => watch::run(arguments),
        Command::Payments(command) => payments::run(command),
        Command::Store(command) => store::run(command),
        Command::Qr(command) => qr::run(command),
        Command::Tx(command) => tx::run(command),
        Command::Login(arguments) => token::log_in(arguments, &selection),
        Command::Doctor(arguments) => doctor::run(arguments, &selection),
        Command::Token(command) => token::run(command),
        Command::Account(command) => account::run(command),
        Command::Deeplink(arguments) => deeplink::run(arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Sandbox(arguments) => sandbox::run(arguments),
        Command::Completions { shell } => manual::completions(*shell),
        Command::Man { folder } => manual::pages(folder),
    };
    let exit = result.unwrap_or_else(|failure| {
        output::print_error(&failure.to_string());
        failure.exit()
    });
    exit.into()
}
