//! The `bakong` command: take a KHQR payment, or watch many; read, verify and make codes; look payments and
//! accounts up; get a token and keep it good; run a Bakong to develop against.
//!
//! Everything that is said to people goes through [`output`], everything that scripts rely on is in
//! [`exit`]. Texts out of codes and answers are a stranger's and printed through `Printable`.

mod account;
mod advice;
mod arguments;
mod checkout;
mod code;
mod credentials;
mod deeplink;
mod exit;
mod interrupt;
mod money;
mod output;
mod qr;
mod remote;
mod renewal;
mod sandbox;
mod stopping;
mod terminal_qr;
mod time;
mod token;
mod transaction;
mod tx;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};
use crate::exit::{Exit, Failure};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return arguments::refuse(&error),
    };
    let result = match &arguments.command {
        Command::Checkout(arguments) => checkout::run(arguments),
        Command::Watch(arguments) => watch::run(arguments),
        Command::Qr(command) => qr::run(command),
        Command::Tx(command) => tx::run(command),
        Command::Token(command) => token::run(command),
        Command::Account(command) => account::run(command),
        Command::Deeplink(arguments) => deeplink::run(arguments),
        Command::Sandbox(arguments) => sandbox::run(arguments),
    };
    let exit = result.unwrap_or_else(|failure| {
        output::complain(&failure.to_string());
        failure.exit()
    });
    // Who reads the output would take silence for success.
    let lost = exit == Exit::Success && output::is_lost();
    (if lost { Exit::CouldNotAsk } else { exit }).into()
}

/// The runtime that the commands with a network in them run on.
fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::CouldNotAsk, format!("no runtime: {error}")))?;
    let result = runtime.block_on(future);
    // Not to wait for a look-up of a host's name that hangs.
    runtime.shutdown_background();
    result
}

/// The same for a command that asks one question. `meaning` says what it means if it is stopped before the answer
/// is there.
fn block_on_unless_stopped<T>(
    meaning: &str,
    future: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    block_on(stopping::unless_stopped(meaning, future))
}
