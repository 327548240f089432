//! The command line.

mod checkout;
mod qr;
mod tx;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use khqr_core::{Currency, Printable};

use crate::exit::Exit;
use crate::output;

pub(crate) use self::checkout::CheckoutArguments;
pub(crate) use self::qr::{GenerateArguments, QrCommand, TextArguments};
pub(crate) use self::tx::{CheckArguments, TxCommand};

/// Take KHQR payments over Bakong; read, verify and make KHQR codes.
#[derive(Parser, Debug)]
#[command(name = "bakong", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Take a payment: show a code, wait for the money, print a receipt
    #[command(after_help = checkout::HELP)]
    Checkout(CheckoutArguments),
    /// Read, verify and make codes
    #[command(subcommand)]
    Qr(QrCommand),
    /// Look payments up
    #[command(subcommand)]
    Tx(TxCommand),
}

/// Where Bakong is.
#[derive(Args, Clone, Debug)]
pub(crate) struct TargetArguments {
    /// One of NBC's hosts: sit, production, sit-gov or production-gov
    #[arg(long, value_name = "NAME", value_parser = parse_environment)]
    pub(crate) env: Option<bakong_api::Environment>,
    /// Any other address of a Bakong, such as a proxy
    #[arg(long, value_name = "URL", conflicts_with = "env")]
    pub(crate) base_url: Option<String>,
    /// Let the token out unencrypted, to an http:// address that is not this machine
    #[arg(long)]
    pub(crate) allow_plain_http: bool,
}

/// Tells what is wrong with the command line, or the help that was asked for.
///
/// What clap refuses it repeats, and that may be a code with escape sequences in it.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let text = error.render().to_string();
        text.lines().for_each(|line| output::note(Printable(line)));
        Exit::Usage.into()
    } else {
        output::say(error.render().to_string().trim_end());
        Exit::Success.into()
    }
}

fn parse_currency(text: &str) -> Result<Currency, khqr_core::Error> {
    text.parse()
}

fn parse_environment(
    text: &str,
) -> Result<bakong_api::Environment, bakong_api::UnknownEnvironment> {
    text.parse()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        super::Arguments::command().debug_assert();
    }
}
