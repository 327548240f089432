//! The command line.

mod account;
mod checkout;
mod deeplink;
mod qr;
mod sandbox;
mod secrets;
mod token;
mod tx;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use khqr_core::{Currency, Printable};
use serde_json::json;

use crate::common::exit::{Exit, Reason};
use crate::common::output;

pub(crate) use self::account::{AccountCheckArguments, AccountCommand};
pub(crate) use self::checkout::CheckoutArguments;
pub(crate) use self::deeplink::DeeplinkArguments;
pub(crate) use self::qr::{GenerateArguments, QrCommand, TextArguments};
pub(crate) use self::sandbox::{Limit, SandboxArguments};
use self::secrets::without_secrets;
pub(crate) use self::token::{
    RenewArguments, RequestArguments, StatusArguments, TokenCommand, VerifyArguments,
};
pub(crate) use self::tx::{CheckArguments, DiagnoseArguments, LookupArguments, TxCommand};
pub(crate) use self::watch::WatchArguments;

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
    Checkout(Box<CheckoutArguments>),
    /// Watch the payments of many codes until each is paid, failed or expired
    #[command(after_help = watch::HELP)]
    Watch(WatchArguments),
    /// Read, verify and make codes
    #[command(subcommand)]
    Qr(QrCommand),
    /// Look payments up
    #[command(subcommand)]
    Tx(TxCommand),
    /// Get the token that Bakong is asked with, and keep it good
    #[command(subcommand)]
    Token(TokenCommand),
    /// Look accounts up
    #[command(subcommand)]
    Account(AccountCommand),
    /// Get a link that opens a bank's app with a code in it
    #[command(after_help = deeplink::HELP)]
    Deeplink(DeeplinkArguments),
    /// Run a Bakong on this machine to develop against
    #[command(after_help = sandbox::HELP)]
    Sandbox(SandboxArguments),
}

const TOKEN_FILE: &str = "The file that keeps the token; BAKONG_TOKEN is not looked at then";
const EMAIL: &str =
    "The project's e-mail address, at most 30 characters (BAKONG_EMAIL unless said)";
const RENEWING_EMAIL: &str = "The project's e-mail address (BAKONG_EMAIL unless said): with it, the token in \
     --token-file is renewed before it ends";

/// Where Bakong is.
#[derive(Args, Clone, Debug)]
pub(crate) struct TargetArguments {
    /// One of NBC's hosts: sit, production, sit-gov or production-gov
    #[arg(long, value_name = "NAME", value_parser = parse_environment)]
    pub(crate) env: Option<bakong_api::Environment>,
    /// Any other address of a Bakong, such as a server that passes requests on
    #[arg(long, value_name = "URL", conflicts_with = "env")]
    pub(crate) base_url: Option<String>,
    /// Let secrets out unencrypted, to an http:// address that is not this machine
    #[arg(long)]
    pub(crate) allow_plain_http: bool,
}

/// With which token Bakong is asked.
#[derive(Args, Clone, Debug)]
pub(crate) struct TokenArguments {
    #[arg(long, value_name = "FILE", help = TOKEN_FILE)]
    pub(crate) token_file: Option<PathBuf>,
    #[arg(long, value_name = "ADDRESS", requires = "token_file", help = RENEWING_EMAIL)]
    pub(crate) email: Option<String>,
}

/// Tells what is wrong with the command line, or the help that was asked for.
///
/// What clap refuses it repeats, and that may be a code with escape sequences in it, or a secret in the wrong
/// place.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        output::say(error.render().to_string().trim_end());
        return Exit::Success.into();
    }
    let arguments: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let text = without_secrets(&error.render().to_string(), &arguments);
    text.lines().for_each(|line| output::note(Printable(line)));
    // What is wrong with a code has another form, in which there is nothing to say of this.
    let is_of_codes = arguments.get(1).is_some_and(|command| command == "qr");
    if !is_of_codes && arguments.iter().any(|argument| argument == "--json") {
        output::say_json(&json!({ "error": Reason::text(point(&text)) }));
    }
    Exit::Usage.into()
}

/// What is wrong and what clap proposes, on one line and without how the command is used.
fn point(text: &str) -> String {
    let is_usage = |line: &&str| line.starts_with("Usage:") || line.starts_with("For more");
    let lines = text.lines().map(str::trim);
    let lines = lines.take_while(|line| !is_usage(line));
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    let text = lines.join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

fn parse_currency(text: &str) -> Result<Currency, khqr_core::Error> {
    text.parse()
}

fn parse_environment(
    text: &str,
) -> Result<bakong_api::Environment, bakong_api::base_url::UnknownEnvironment> {
    text.parse()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Arguments::command().debug_assert();
    }
}
