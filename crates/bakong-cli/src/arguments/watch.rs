//! The command line of `bakong watch`.

use bakong_flow::Policy;
use clap::{Args, ValueEnum};

use super::{TargetArguments, TokenArguments};

pub(super) const HELP: &str = "\
A line is a code, or a JSON object {\"qr\":\"...\",\"order\":\"...\"}; without an order, the code's bill number is it, \
or else its MD5. Lines may keep coming: the command ends when the input has, and every payment is final.

Payments are asked about under one day's quota: --quota says how many requests the token has a day. A code whose \
last check does not fit into it is refused; do not show it. What was open when the command ends is not kept: give \
the codes again.

No outage is taken for \"unpaid\": while Bakong does not answer, or refuses the token, payments stay open, also after \
their codes have expired, and are asked about again until it does, or until Ctrl-C, which names them. \"watching\" says \
that a payment's requests are set aside, not that Bakong was reached: see to that first, by `bakong tx check`.

With --json, each line on standard output is an object with an \"event\": watching, not_paid_yet, no_answer, final, \
paid_again, refused, stopped.

Exit codes: 0 all paid, 5 some expired unpaid, 1 some were refused or could not be read, 4 some failed or need \
review, 2 usage, 130 stopped by Ctrl-C or another signal.";

#[derive(Args, Debug)]
pub(crate) struct WatchArguments {
    /// The file with the codes; - for standard input
    #[arg(default_value = "-", value_name = "FILE")]
    pub(crate) file: String,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    #[command(flatten)]
    pub(crate) token: TokenArguments,
    /// How patient the customers are
    #[arg(long, value_enum, default_value_t = PolicyName::Counter)]
    pub(crate) policy: PolicyName,
    /// How many requests a day the token has, for this command
    #[arg(long, value_name = "REQUESTS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) quota: u32,
    /// Ask about one payment at a time, without trying the list endpoint
    #[arg(long)]
    pub(crate) no_lists: bool,
    /// One JSON object for each event
    #[arg(long)]
    pub(crate) json: bool,
}

/// A policy by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum PolicyName {
    /// A customer stands and waits
    Counter,
    /// A customer has a page open
    WebShop,
    /// A code that is good for hours or days
    Invoice,
}

impl From<PolicyName> for Policy {
    fn from(name: PolicyName) -> Self {
        match name {
            PolicyName::Counter => Self::COUNTER,
            PolicyName::WebShop => Self::WEB_SHOP,
            PolicyName::Invoice => Self::INVOICE,
        }
    }
}
