//! The command line of `bakong checkout`.

use std::time::Duration;

use clap::Args;
use khqr_core::Currency;

use crate::common::options::{QrStyle, TargetArguments, TokenArguments, parse_currency};
use crate::common::shop_store::KeepArguments;
use crate::common::time::{PayAfter, parse_lifetime};

pub(super) const HELP: &str = "\
Try it without any set-up:  bakong checkout --sandbox
For NBC's servers, pass the token with --token-file or in the environment variable BAKONG_TOKEN.

On a terminal, the code is drawn. In a pipe or a file, only its text is printed, unless --qr selects a drawing. A locale \
that is not UTF-8 gets ASCII characters.

On a terminal, Enter checks the payment now. Each such check costs one request of the daily quota. The first is sent at \
once, the next ones 10, 20, 40 ... seconds after the previous check.

The payment is stored, so that it is not lost if the command ends early: bakong watch --resume continues, and bakong \
payments lists what happened. Commands that share a store and a token also share the quota. The payments of --sandbox \
are not stored.

Exit codes: 0 paid, 5 expired unpaid, 4 failed or needs review, 1 no usable response from Bakong, \
2 usage error, 130 stopped by Ctrl-C or another signal.";

// In a doc comment, rustdoc would take the default in brackets for a link.
const ACCOUNT: &str = "The account that receives the money, such as name@bank [default: sokha@sandbox; required in \
     production]";

#[derive(Args, Debug)]
pub(crate) struct CheckoutArguments {
    /// Use a sandbox inside this command: no account, no token, no real money
    #[arg(long, conflicts_with_all = ["env", "base_url", "token_file", "store"])]
    pub(crate) sandbox: bool,
    /// When the sandbox's customer pays: a duration, or never [default: 5s]
    #[arg(long, value_name = "DELAY", conflicts_with_all = ["env", "base_url"])]
    pub(crate) pay_after: Option<PayAfter>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    #[command(flatten)]
    pub(crate) token: TokenArguments,
    #[command(flatten)]
    pub(crate) keep: KeepArguments,
    #[arg(long, help = ACCOUNT)]
    pub(crate) account: Option<String>,
    /// The shop's name, at most 25 characters [default: Sokha Coffee; required in production]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The shop's city, at most 15 characters
    #[arg(long, default_value = "Phnom Penh")]
    pub(crate) city: String,
    /// The amount: whole riel, or dollars with at most two decimals [default: 10000 KHR or 2.50 USD; required in
    /// production]
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) amount: Option<String>,
    /// KHR or USD
    #[arg(long, default_value = "KHR", value_parser = parse_currency)]
    pub(crate) currency: Currency,
    /// The merchant ID from the bank. Makes a merchant code instead of an individual code
    #[arg(long, value_name = "ID", requires = "bank")]
    pub(crate) merchant_id: Option<String>,
    /// The name of the bank that holds the account
    #[arg(long)]
    pub(crate) bank: Option<String>,
    /// The bill number, at most 25 characters, different for every order [default: a random one]
    #[arg(long)]
    pub(crate) bill: Option<String>,
    /// How long the code can be paid. NBC recommends at most 10m
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_lifetime)]
    pub(crate) expires_in: Duration,
    /// How to draw the code
    #[arg(long, value_enum, value_name = "STYLE", default_value_t = QrStyle::Auto)]
    pub(crate) qr: QrStyle,
    /// Print one JSON object at the end. The code is shown on standard error, if that is a terminal
    #[arg(long)]
    pub(crate) json: bool,
}
