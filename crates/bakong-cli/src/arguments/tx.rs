//! The command line of `bakong tx`.

use clap::{Args, Subcommand};
use khqr_core::{Currency, Md5Handle};

use super::{TargetArguments, parse_currency};

#[derive(Subcommand, Debug)]
pub(crate) enum TxCommand {
    /// Ask whether a code was paid: exit 0 paid, 3 not found, 4 failed, static or not what was asked for,
    /// 1 could not ask
    Check(CheckArguments),
}

#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    /// The MD5 of the code's exact text, 32 hexadecimal digits
    #[arg(long, value_parser = parse_md5)]
    pub(crate) md5: Md5Handle,
    /// How much the order asks for: with --account, the payment is compared with it
    #[arg(long, requires = "account")]
    pub(crate) amount: Option<String>,
    /// KHR or USD
    #[arg(long, default_value = "KHR", value_parser = parse_currency)]
    pub(crate) currency: Currency,
    /// The account that the order asks to be paid
    #[arg(long, requires = "amount")]
    pub(crate) account: Option<String>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_md5(text: &str) -> Result<Md5Handle, khqr_core::Error> {
    text.parse()
}
