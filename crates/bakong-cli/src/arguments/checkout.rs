//! The command line of `bakong checkout`.

use std::time::Duration;

use clap::Args;
use khqr_core::Currency;

use super::{TargetArguments, TokenArguments, parse_currency};
use crate::common::time::{PayAfter, parse_lifetime};

pub(super) const HELP: &str = "\
Try it with nothing set up:  bakong checkout --sandbox
Against a real Bakong, the token is the one in --token-file, or in the environment variable BAKONG_TOKEN.

Exit codes: 0 paid, 5 expired unpaid, 4 failed or needs review, 1 could not ask, 2 usage,
130 stopped by Ctrl-C or another signal.";

#[derive(Args, Debug)]
pub(crate) struct CheckoutArguments {
    /// Run against a Bakong inside this command: no account, no token, no real money
    #[arg(long, conflicts_with_all = ["env", "base_url", "token_file"])]
    pub(crate) sandbox: bool,
    /// When the sandbox's customer pays: a duration, or never (5s unless said)
    #[arg(long, value_name = "DELAY", conflicts_with_all = ["env", "base_url"])]
    pub(crate) pay_after: Option<PayAfter>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    #[command(flatten)]
    pub(crate) token: TokenArguments,
    /// The account to be paid, name@bank (sokha@sandbox unless said, but not in production)
    #[arg(long)]
    pub(crate) account: Option<String>,
    /// The shop's name, at most 25 characters (Sokha Coffee unless said, but not in production)
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The shop's city, at most 15 characters
    #[arg(long, default_value = "Phnom Penh")]
    pub(crate) city: String,
    /// How much: riel are whole, dollars have at most two decimals (10000 KHR or 2.50 USD unless said, but not
    /// in production)
    #[arg(long)]
    pub(crate) amount: Option<String>,
    /// KHR or USD
    #[arg(long, default_value = "KHR", value_parser = parse_currency)]
    pub(crate) currency: Currency,
    /// The merchant's id at its bank: makes a merchant's code
    #[arg(long, value_name = "ID", requires = "bank")]
    pub(crate) merchant_id: Option<String>,
    /// The name of the bank that holds the account
    #[arg(long)]
    pub(crate) bank: Option<String>,
    /// The bill number, at most 25 characters, one for every order (made up, unique unless said)
    #[arg(long)]
    pub(crate) bill: Option<String>,
    /// How long the code can be paid; NBC advises at most 10m
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_lifetime)]
    pub(crate) expires_in: Duration,
    /// Print one JSON object at the end instead; the code is shown on standard error, if that is a terminal
    #[arg(long)]
    pub(crate) json: bool,
}
