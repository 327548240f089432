//! The command line.

mod account;
mod checkout;
mod deeplink;
mod qr;
mod sandbox;
mod token;
mod tx;

use std::path::PathBuf;
use std::process::ExitCode;

use bakong_api::AccessToken;
use clap::{Args, Parser, Subcommand};
use khqr_core::{Currency, Printable};
use serde_json::json;

use crate::exit::{Exit, Reason};
use crate::output;

pub(crate) use self::account::{AccountCheckArguments, AccountCommand};
pub(crate) use self::checkout::CheckoutArguments;
pub(crate) use self::deeplink::DeeplinkArguments;
pub(crate) use self::qr::{GenerateArguments, QrCommand, TextArguments};
pub(crate) use self::sandbox::{Limit, SandboxArguments};
pub(crate) use self::token::{
    RenewArguments, RequestArguments, StatusArguments, TokenCommand, VerifyArguments,
};
pub(crate) use self::tx::{CheckArguments, DiagnoseArguments, LookupArguments, TxCommand};

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
    let text = without_secrets(error.render().to_string(), &arguments);
    text.lines().for_each(|line| output::note(Printable(line)));
    // What is wrong with a code has another form, in which there is nothing to say of this.
    let is_of_codes = arguments.get(1).is_some_and(|command| command == "qr");
    if !is_of_codes && arguments.iter().any(|argument| argument == "--json") {
        let message = text.lines().next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message);
        output::say_json(&json!({ "error": Reason::text(message) }));
    }
    Exit::Usage.into()
}

/// The text without what is a token, or may be the code that a token is given for.
fn without_secrets(text: String, arguments: &[String]) -> String {
    let verifies = arguments.iter().any(|argument| argument == "verify");
    // As an option's value it may stand behind the name.
    let values = arguments.iter().flat_map(|argument| {
        [
            Some(argument.as_str()),
            argument.split_once('=').map(|pair| pair.1),
        ]
    });
    let is_secret = |value: &&str| {
        let may_be_code = verifies && (15..=25).contains(&value.chars().count());
        may_be_code || AccessToken::new(value).is_ok()
    };
    values
        .flatten()
        .filter(is_secret)
        .fold(text, |text, secret| text.replace(secret, "[redacted]"))
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

    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_repeated() {
        let told = |arguments: &[&str]| {
            let error = Arguments::try_parse_from(arguments).unwrap_err();
            let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
            without_secrets(error.render().to_string(), &arguments)
        };
        let token = "eyJhbGciOiJIUzI1NiJ9.e30.c2VjcmV0";
        let code = "abcdefghijklmnopqrst";
        for arguments in [
            &["bakong", "tx", "check", token][..],
            &["bakong", "tx", "check", "--token", token],
            &["bakong", "tx", "check", &format!("--token={token}")],
            &["bakong", "token", "status", token],
            &["bakong", "token", "verify", code],
            &["bakong", "token", "verify", &format!("--cod={code}")],
            &["bakong", "token", "verify", "--code", code, code],
        ] {
            let text = told(arguments);
            assert!(!text.contains(token) && !text.contains(code), "{text}");
        }
        let text = told(&["bakong", "tx", "check", "--env", "live"]);
        assert!(text.contains("live"), "{text}");
    }
}
