//! The command line of `bakong deeplink`.

use std::path::PathBuf;

use clap::Args;

use crate::common::options::{TargetArguments, token_file};

pub(super) const HELP: &str = "\
Use the link for customers who shop on the phone that they pay with. Bakong returns a new link for each request. \
The request has no token.

Exit codes: 0 the link was printed, 1 the code is not a KHQR or Bakong gave no link, 2 usage error.";

#[derive(Args, Debug)]
pub(crate) struct DeeplinkArguments {
    /// The text of the code, or - to read one line from standard input
    pub(crate) code: String,
    /// The URL of your app's icon, which the bank's app shows
    #[arg(long, value_name = "URL", requires_all = ["app", "callback"])]
    pub(crate) icon: Option<String>,
    /// The name of your app
    #[arg(long, value_name = "NAME", requires_all = ["icon", "callback"])]
    pub(crate) app: Option<String>,
    /// The URL that the customer returns to after the payment
    #[arg(long, value_name = "URL", requires_all = ["icon", "app"])]
    pub(crate) callback: Option<String>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Ignored: the request has no token. Accepted so that scripts can pass the same options everywhere
    #[arg(long = "token-file", id = "token_file", value_name = "FILE", value_parser = token_file())]
    _token_file: Option<PathBuf>,
    /// Ignored, like --token-file
    #[arg(long = "email", value_name = "ADDRESS", requires = "token_file")]
    _email: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
