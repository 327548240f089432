//! The command line of `bakong account`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{TOKEN_FILE, TargetArguments};

#[derive(Subcommand, Debug)]
pub(crate) enum AccountCommand {
    /// Ask whether an account exists, before its code is printed
    #[command(after_help = CHECK_HELP)]
    Check(AccountCheckArguments),
}

const CHECK_HELP: &str = "\
No token is needed; if there is one, it goes along.

Exit codes: 0 it exists, 3 nobody has it, 4 Bakong takes it for no account id, 1 could not ask, 2 usage.";

#[derive(Args, Debug)]
pub(crate) struct AccountCheckArguments {
    /// The account, name@bank
    pub(crate) account: String,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    #[arg(long, value_name = "FILE", help = TOKEN_FILE)]
    pub(crate) token_file: Option<PathBuf>,
    /// Taken as by the other commands, and not looked at: this one renews no token
    #[arg(long = "email", value_name = "ADDRESS", requires = "token_file")]
    _email: Option<String>,
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}
