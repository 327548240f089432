//! The command line of `bakong account`.

use clap::{Args, Subcommand};

use super::{TargetArguments, TokenArguments};

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
    #[command(flatten)]
    pub(crate) token: TokenArguments,
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}
