//! The command line of `bakong watch`.

use bakong_flow::Policy;
use clap::{Args, ValueEnum};

use crate::common::options::{TargetArguments, TokenArguments};
use crate::common::shop_store::KeepArguments;

pub(super) const HELP: &str = "\
Each line of the input is a code, or a JSON object {\"qr\":\"...\",\"order\":\"...\"}. Without an order, the code's bill \
number identifies the payment, or its MD5 if it has none. You can send more lines while the command runs. It ends when \
the input has ended and every payment is final.

Set --quota to the number of requests a day that the token allows. The command reserves a request for the final check \
of every code. If the quota is too small for another code, the command refuses it: do not show that code.

Payments are stored. If the command ends early, bakong watch --resume continues with them, and prints each outcome that \
was not printed. Commands that share a store and a token share the quota: one sends the requests for all of them. If it \
is killed, another one takes over within seconds.

If Bakong does not respond or rejects the token, payments stay open, even after their codes expire. The command tries \
again until Bakong responds, or until Ctrl-C, which lists the open payments. \"watching\" means that the requests are \
reserved, not that Bakong was reached. Run bakong tx check first to test the connection.

Each line of the output of bakong qr generate --jsonl is accepted too: bakong qr generate --jsonl < orders | bakong watch. \
A file must be a regular file of at most 64 MiB. Times in the output are in Phnom Penh (UTC+7).

If the reader of standard output closes it, the command stops with exit code 1. If the reader only stalls, the command \
continues its checks.

With --json, each line of the output is an object with an \"event\": watching, not_paid_yet, no_answer, final, \
paid_again, refused or stopped.

Exit codes: 0 all paid, 5 some expired unpaid, 1 some were refused or not readable, 4 some failed or need review, \
2 usage error, 130 stopped by Ctrl-C or another signal.";

#[derive(Args, Debug)]
pub(crate) struct WatchArguments {
    /// The file with the codes, or - for standard input [default: -, or no codes with --resume]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<String>,
    /// Watch the open payments of the store too, and print the outcomes that an earlier command did not print
    #[arg(long, conflicts_with = "no_store")]
    pub(crate) resume: bool,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    #[command(flatten)]
    pub(crate) token: TokenArguments,
    #[command(flatten)]
    pub(crate) keep: KeepArguments,
    /// How quickly a payment must be noticed
    #[arg(long, value_enum, default_value_t = PolicyName::Counter)]
    pub(crate) policy: PolicyName,
    /// How many requests a day this command may send
    #[arg(long, value_name = "REQUESTS", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) quota: u32,
    /// Check one payment in each request. Do not use the list endpoint
    #[arg(long)]
    pub(crate) no_lists: bool,
    /// Print one JSON object for each event
    #[arg(long)]
    pub(crate) json: bool,
}

/// The policies of bakong-flow, by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum PolicyName {
    /// A customer waits at the counter
    Counter,
    /// A customer has the payment page open
    WebShop,
    /// The code is valid for hours or days
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
