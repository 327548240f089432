//! The command line of `bakong token`.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{EMAIL, TOKEN_FILE, TargetArguments};

#[derive(Subcommand, Debug)]
pub(crate) enum TokenCommand {
    /// Register a project: Bakong sends a code by e-mail
    #[command(after_help = REQUEST_HELP)]
    Request(RequestArguments),
    /// Hand in the code from the e-mail, and keep the token that comes for it
    #[command(after_help = KEPT_HELP)]
    Verify(VerifyArguments),
    /// Get a new token for an address that is registered
    #[command(after_help = KEPT_HELP)]
    Renew(RenewArguments),
    /// Say when the token ends; sends nothing
    #[command(after_help = STATUS_HELP)]
    Status(StatusArguments),
}

const REQUEST_HELP: &str = "\
The code in the e-mail is handed in with bakong token verify.

Exit codes: 0 the e-mail is on its way, 1 Bakong could not be asked or refused, 2 usage.";

const KEPT_HELP: &str = "\
The token is kept in --token-file, which only its owner may read (mode 0600). Without a file, it is printed on
standard output, for whoever keeps secrets in another way.

Exit codes: 0 the token is there, 1 Bakong could not be asked or refused, or the token not kept, 2 usage.";

const STATUS_HELP: &str = "\
The token is the one in --token-file, or in the environment variable BAKONG_TOKEN. NBC's tokens live for 90 days;
one is due for renewal three days before its end.
Nothing is sent, whichever Bakong --env or --base-url name.

Exit codes: 0 valid, or due for renewal, 1 expired, missing, or something that is no token, 2 usage.";

#[derive(Args, Debug)]
pub(crate) struct RequestArguments {
    #[arg(long, value_name = "ADDRESS", help = EMAIL)]
    pub(crate) email: Option<String>,
    /// The organization's name, at most 100 characters
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: String,
    /// The project's name, at most 100 characters
    #[arg(long, value_name = "NAME")]
    pub(crate) project: String,
    /// The file that the token will be kept in, for the command that is told for the next step
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArguments {
    /// The 20 characters from the e-mail, or - for a line on standard input, where nobody else sees them
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) code: Secret,
    /// The file to keep the token in, in place of the last; without it, the token is printed
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RenewArguments {
    #[arg(long, value_name = "ADDRESS", help = EMAIL)]
    pub(crate) email: Option<String>,
    /// The file to keep the token in, in place of the last; without it, the token is printed
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct StatusArguments {
    #[arg(long, value_name = "FILE", help = TOKEN_FILE)]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}

/// A secret on the command line. Never prints itself.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
