//! The command line of `bakong deeplink`.

use std::path::PathBuf;

use clap::Args;

use super::TargetArguments;

pub(super) const HELP: &str = "\
The link is for customers who shop on the phone that they pay with. It differs each time it is asked for.
No token is needed, and none goes along.

Exit codes: 0 the link is printed, 1 the code cannot be read, or Bakong could not be asked or refused, 2 usage.";

#[derive(Args, Debug)]
pub(crate) struct DeeplinkArguments {
    /// The code's text, or - for a line on standard input
    pub(crate) code: String,
    /// The address of the icon that the bank's app shows for yours
    #[arg(long, value_name = "URL", requires_all = ["app", "callback"])]
    pub(crate) icon: Option<String>,
    /// Your app's name
    #[arg(long, value_name = "NAME", requires_all = ["icon", "callback"])]
    pub(crate) app: Option<String>,
    /// Where the customer returns to after paying
    #[arg(long, value_name = "URL", requires_all = ["icon", "app"])]
    pub(crate) callback: Option<String>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Taken as by the other commands, and not looked at: this one sends no token
    #[arg(long = "token-file", id = "token_file", value_name = "FILE")]
    _token_file: Option<PathBuf>,
    /// Taken as by the other commands, and not looked at
    #[arg(long = "email", value_name = "ADDRESS", requires = "token_file")]
    _email: Option<String>,
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}
