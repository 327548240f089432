//! The command line of `bakong token`.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::common::options::{EMAIL, TOKEN_FILE, TargetArguments, token_file};

#[derive(Subcommand, Debug)]
pub(crate) enum TokenCommand {
    /// Register a project. Bakong sends a code by e-mail
    #[command(after_help = REQUEST_HELP)]
    Request(RequestArguments),
    /// Exchange the code from the e-mail for a token, and save the token
    #[command(after_help = SAVED_HELP)]
    Verify(VerifyArguments),
    /// Get a new token for a registered e-mail address
    #[command(after_help = SAVED_HELP)]
    Renew(RenewArguments),
    /// Show when the token expires. Sends no request
    #[command(after_help = STATUS_HELP)]
    Status(StatusArguments),
}

const REQUEST_HELP: &str = "\
Next, pass the code from the e-mail to bakong token verify.

Exit codes: 0 Bakong sends the e-mail, 1 no usable response from Bakong, or Bakong refused the request, 2 usage error.";

const SAVED_HELP: &str = "\
The token is saved in --token-file, which only its owner can read (mode 0600). Without --token-file, the token is \
printed on standard output, so that you can store it elsewhere.

Exit codes: 0 the token was saved or printed, 1 no usable response from Bakong, or Bakong refused the request, or the \
token could not be saved, 2 usage error.";

const STATUS_HELP: &str = "\
Shows the token in --token-file, or in the environment variable BAKONG_TOKEN. NBC's tokens are valid for 90 days. \
A token is due for renewal three days before it expires.
The command sends no request. With --env, or with --base-url and one of NBC's hosts, a token that is not a JWT is an \
error; other servers may issue tokens in other formats.

Exit codes: 0 valid or due for renewal, 1 expired, missing or not a token, 2 usage error.";

pub(super) const LOGIN_HELP: &str = "\
The command registers the project, reads the code that Bakong sends by e-mail, and saves the token in a file that only its \
owner can read (mode 0600). It asks on the terminal for values that no option and no setting has. If the address is registered already, it \
renews the token instead.

The profile in the config file is then added: the server, the token file and the e-mail address. After bakong login --env sit, \
bakong checkout needs no options. With --profile NAME, the profile gets another name. An existing profile is not changed: the command \
prints the keys to set.

Exit codes: 0 the token was saved, 1 no usable response from Bakong, or Bakong refused the request, or the token could not be \
saved, 2 usage error, or a value is missing without a terminal.";

const LOGIN_TOKEN_FILE: &str =
    "The file to save the token in [default: bakong/HOST.token in the user's data folder]";

#[derive(Args, Debug)]
pub(crate) struct LoginArguments {
    #[arg(long, value_name = "ADDRESS", help = EMAIL)]
    pub(crate) email: Option<String>,
    /// The organization's name, at most 100 characters
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: Option<String>,
    /// The project's name, at most 100 characters
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
    /// With -, read the code from standard input after Bakong has sent it. With a code from an earlier e-mail, request no
    /// other one
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) code: Option<Secret>,
    #[arg(long, value_name = "FILE", value_parser = token_file(), help = LOGIN_TOKEN_FILE)]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

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
    /// The file to save the token in later. The command only prints it as part of the next step
    #[arg(long, value_name = "FILE", value_parser = token_file())]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct VerifyArguments {
    /// The code of 20 characters from the e-mail, or - to read it from standard input, where other users of this
    /// machine cannot see it
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) code: Secret,
    /// The file to save the token in. It replaces the previous token. Without a file, the token is printed
    #[arg(long, value_name = "FILE", value_parser = token_file())]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RenewArguments {
    #[arg(long, value_name = "ADDRESS", help = EMAIL)]
    pub(crate) email: Option<String>,
    /// The file to save the token in. It replaces the previous token. Without a file, the token is printed
    #[arg(long, value_name = "FILE", value_parser = token_file())]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct StatusArguments {
    #[arg(long, value_name = "FILE", help = TOKEN_FILE, value_parser = token_file())]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// A secret on the command line. Its `Debug` output is redacted.
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
