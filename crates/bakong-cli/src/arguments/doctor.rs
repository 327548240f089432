//! The command line of `bakong doctor`.

use clap::Args;

use crate::common::location::LocationArguments;
use crate::common::options::{TargetArguments, TokenArguments};

pub(super) const HELP: &str = "\
The checks use the same options, variables and profile as the other commands. Each check prints one line: ok, warning or problem, the \
finding, and what to do.

The command sends one request without a token, which Bakong rejects with HTTP 401. It costs no request of the daily quota, and \
the token is not sent. The used requests are those that the store has counted: requests of other programs are not among them.

Exit codes: 0 no check found a problem, 1 a check found a problem, 2 usage error.";

#[derive(Args, Debug)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    #[command(flatten)]
    pub(crate) token: TokenArguments,
    #[command(flatten)]
    pub(crate) location: LocationArguments,
    /// How many requests a day the token allows
    #[arg(long, value_name = "REQUESTS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) quota: u32,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
