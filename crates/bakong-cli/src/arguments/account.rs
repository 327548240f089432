//! The command line of `bakong account`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::common::options::{TOKEN_FILE, TargetArguments, token_file};

#[derive(Subcommand, Debug)]
pub(crate) enum AccountCommand {
    /// Check whether an account exists, for example before you print its code
    #[command(after_help = CHECK_HELP)]
    Check(AccountCheckArguments),
}

const CHECK_HELP: &str = "\
The request works without a token. If a token is set, it is sent too.

Exit codes: 0 the account exists, 3 it does not exist, 4 Bakong rejects the account ID as invalid, \
1 no usable response from Bakong, 2 usage error.";

#[derive(Args, Debug)]
pub(crate) struct AccountCheckArguments {
    /// The account ID, such as name@bank
    pub(crate) account: String,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    #[arg(long, value_name = "FILE", help = TOKEN_FILE, value_parser = token_file())]
    pub(crate) token_file: Option<PathBuf>,
    /// Ignored: this command renews no token. Accepted so that scripts can pass the same options everywhere
    #[arg(long = "email", value_name = "ADDRESS", requires = "token_file")]
    _email: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
