//! The command line of `bakong tx`.

use bakong_api::endpoint::{ExternalRef, InstructionRef};
use bakong_api::{ShortHash, TransactionHash};
use clap::{Args, Subcommand};
use khqr_core::{Amount, Currency, Md5Handle};

use crate::common::exit::Failure;
use crate::common::options::{TargetArguments, TokenArguments, parse_currency};
use crate::common::{code, money};

#[derive(Subcommand, Debug)]
pub(crate) enum TxCommand {
    /// Check whether a payment was made
    #[command(after_help = CHECK_HELP)]
    Check(CheckArguments),
    /// Look a payment up in every possible way and compare the responses
    #[command(after_help = DIAGNOSE_HELP)]
    Diagnose(DiagnoseArguments),
}

const CHECK_HELP: &str = "\
Look the payment up by the text of the code, or by one of --md5, --hash, --short-hash, --instruction-ref and --external-ref. \
The payment must have the amount of the code and go to its account. Without the code, give --account and --amount: \
the command compares the payment with the order. A short hash needs --amount and \
--currency, and the payment must have that amount. A payment needs review if a compared value differs, is missing or \
cannot be read.
A check costs one request of the daily quota. If Bakong is unavailable, the command sends up to three requests. \
A token renewal costs one more, or two if Bakong rejects the old token first.
Pass the token with --token-file or in the environment variable BAKONG_TOKEN.

Exit codes: 0 paid, 3 not found, 4 the payment failed or differs from the order, or the code is static, \
1 no usable response from Bakong, 2 usage error: also a text that is no code, or a static one. \
--json prints {\"status\":\"paid|needs_review|not_found|failed|static_qr\",\"transaction\":{…},…}, or \
{\"error\":{\"class\":…,\"message\":…,\"advice\":…,…}} without a usable response from Bakong.";

const DIAGNOSE_HELP: &str = "\
Looks the payment up by MD5, by full hash and by short hash, as far as they are known. A hash in one response is used \
for the next lookup. This costs at most three requests of the daily quota. The command sends each request once, and \
stops if Bakong is unavailable. A token renewal costs one more request, or two if Bakong rejects the old token first. \
With --amount, a payment needs review if its amount or currency differs, is missing or cannot be read.

Exit codes: 0 the payment was found and all responses agree, 3 not found, 4 the payment needs review or failed, the \
responses disagree or the code is static, 1 a lookup got no usable response, so the state of the payment is unknown, \
2 usage error.";

#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) lookup: LookupArguments,
    #[command(flatten)]
    pub(crate) money: MoneyArguments,
    /// The account that should receive the money
    #[arg(long, requires = "amount", conflicts_with = "text")]
    pub(crate) account: Option<String>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    #[command(flatten)]
    pub(crate) token: TokenArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The amount that should be paid.
#[derive(Args, Debug)]
pub(crate) struct MoneyArguments {
    /// The amount that should be paid
    #[arg(long, allow_negative_numbers = true)]
    amount: Option<String>,
    /// KHR or USD [default: KHR; required with --short-hash and by tx diagnose]
    #[arg(long, value_parser = parse_currency, requires = "amount")]
    pub(crate) currency: Option<Currency>,
}

impl MoneyArguments {
    pub(crate) fn amount(&self) -> Result<Option<Amount>, Failure> {
        let currency = self.currency.unwrap_or(Currency::Khr);
        let parse = |text: &String| {
            Amount::parse(text, currency).map_err(|error| {
                let hint = money::hint(&error, Some(text), currency);
                Failure::usage(format!("--amount: {}", code::without_tag(&error))).and(hint)
            })
        };
        self.amount.as_ref().map(parse).transpose()
    }
}

/// The key to look the payment up by: exactly one.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct LookupArguments {
    /// The text of the code, or - to read one line from standard input
    pub(crate) text: Option<String>,
    /// The MD5 of the code's exact text, 32 hexadecimal digits
    #[arg(long, value_parser = parse_md5)]
    pub(crate) md5: Option<Md5Handle>,
    /// The transaction's full hash, 64 hexadecimal digits
    #[arg(long, value_parser = parse_hash)]
    pub(crate) hash: Option<TransactionHash>,
    /// The first eight digits of the hash, as the payer's app shows them
    #[arg(long, value_name = "HASH", value_parser = parse_short_hash, requires_all = ["amount", "currency"])]
    pub(crate) short_hash: Option<ShortHash>,
    /// The payer's bank's reference for the payment instruction
    #[arg(long, value_name = "REF")]
    pub(crate) instruction_ref: Option<InstructionRef>,
    /// The payer's bank's reference for the transfer, such as 100FT35781491692
    #[arg(long, value_name = "REF")]
    pub(crate) external_ref: Option<ExternalRef>,
}

#[derive(Args, Debug)]
pub(crate) struct DiagnoseArguments {
    #[command(flatten)]
    pub(crate) clues: ClueArguments,
    #[command(flatten)]
    pub(crate) money: MoneyArguments,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    #[command(flatten)]
    pub(crate) token: TokenArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The known keys of the payment: at least one.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct ClueArguments {
    /// The MD5 of the code's exact text, 32 hexadecimal digits
    #[arg(long, value_parser = parse_md5)]
    pub(crate) md5: Option<Md5Handle>,
    /// The transaction's full hash, 64 hexadecimal digits
    #[arg(long, value_parser = parse_hash)]
    pub(crate) hash: Option<TransactionHash>,
    /// The first eight digits of the hash, as the payer's app shows them
    #[arg(long, value_name = "HASH", value_parser = parse_short_hash)]
    pub(crate) short_hash: Option<ShortHash>,
}

fn parse_md5(text: &str) -> Result<Md5Handle, khqr_core::Error> {
    text.parse()
}

/// Returns a hash in its normal form, and the number of its digits. The number is 0 if the text is not hexadecimal.
fn hexadecimal(text: &str) -> Result<(TransactionHash, usize), String> {
    let hash = TransactionHash::new(text).map_err(|error| error.to_string())?;
    let digits = hash.as_str();
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let length = if is_hex { digits.len() } else { 0 };
    Ok((hash, length))
}

/// Accepts only complete hashes. For anything else, Bakong would respond "not found", which looks like "not paid".
fn parse_hash(text: &str) -> Result<TransactionHash, String> {
    match hexadecimal(text)? {
        (hash, 64) => Ok(hash),
        (_, 8) => {
            Err("a full hash has 64 hexadecimal digits; did you mean --short-hash?".to_owned())
        }
        _ => Err("a full hash has 64 hexadecimal digits".to_owned()),
    }
}

fn parse_short_hash(text: &str) -> Result<ShortHash, String> {
    match hexadecimal(text)? {
        (hash, 8) => ShortHash::new(hash.as_str()).map_err(|error| error.to_string()),
        (_, 64) => {
            Err("a short hash has exactly 8 hexadecimal digits; did you mean --hash?".to_owned())
        }
        _ => Err("a short hash has exactly 8 hexadecimal digits".to_owned()),
    }
}
