//! The command line of `bakong tx`.

use bakong_api::endpoint::{ExternalRef, InstructionRef};
use bakong_api::{ShortHash, TransactionHash};
use clap::{Args, Subcommand};
use khqr_core::{Amount, Currency, Md5Handle};

use super::{TargetArguments, TokenArguments, parse_currency};
use crate::common::exit::Failure;
use crate::common::{code, money};

#[derive(Subcommand, Debug)]
pub(crate) enum TxCommand {
    /// Ask whether a payment was made
    #[command(after_help = CHECK_HELP)]
    Check(CheckArguments),
    /// Ask in every way there is, and say what the answers show when compared
    #[command(after_help = DIAGNOSE_HELP)]
    Diagnose(DiagnoseArguments),
}

const CHECK_HELP: &str = "\
Ask by one of --md5, --hash, --short-hash, --instruction-ref and --external-ref.
With --account and --amount, the payment is compared with what the order asks for. A short hash is asked
about together with --amount and --currency, which the payment has to be of.
Costs one of the day's requests; where Bakong is out of order it is asked up to three times, and a token that
has to be renewed costs one more, or two if that shows only when Bakong refuses it.
The token is the one in --token-file, or in the environment variable BAKONG_TOKEN.

Exit codes: 0 paid, 3 not found, 4 failed, static or not what was asked for, 1 could not ask, 2 usage.
--json prints {\"status\":\"paid|needs_review|not_found|failed|static_qr\",\"transaction\":{…},…}, or
{\"error\":{\"class\":…,\"message\":…,\"advice\":…,…}} where Bakong could not be asked.";

const DIAGNOSE_HELP: &str = "\
Costs at most three of the day's requests: by MD5, by full hash and by short hash, as far as they are known,
each once, and none after Bakong is out of order. A token that has to be renewed costs one more, or two if that
shows only when Bakong refuses it. A hash that one answer tells serves for the next question.

Exit codes: 0 the payment is known and no answer disagrees, 3 not found, 4 the answers disagree, or it failed,
or the code is static, 1 could not ask, which says nothing of the payment, 2 usage.";

#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) lookup: LookupArguments,
    #[command(flatten)]
    pub(crate) money: MoneyArguments,
    /// The account that the order asks to be paid
    #[arg(long, requires = "amount")]
    pub(crate) account: Option<String>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    #[command(flatten)]
    pub(crate) token: TokenArguments,
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}

/// What the payment should be of.
#[derive(Args, Debug)]
pub(crate) struct MoneyArguments {
    /// How much: the payment is compared with it (with --account, unless it is asked about by short hash); a
    /// short hash is asked about with it
    #[arg(long)]
    amount: Option<String>,
    /// KHR or USD (KHR unless said; to be said with a short hash)
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

/// By what the payment is asked about: exactly one of them.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct LookupArguments {
    /// The MD5 of the code's exact text, 32 hexadecimal digits
    #[arg(long, value_parser = parse_md5)]
    pub(crate) md5: Option<Md5Handle>,
    /// The transaction's full hash, 64 hexadecimal digits
    #[arg(long, value_parser = parse_hash)]
    pub(crate) hash: Option<TransactionHash>,
    /// The first eight digits of the hash, as the payer's app shows them
    #[arg(long, value_name = "HASH", value_parser = parse_short_hash, requires_all = ["amount", "currency"])]
    pub(crate) short_hash: Option<ShortHash>,
    /// The reference that the payer's bank gave to the payment instruction
    #[arg(long, value_name = "REF")]
    pub(crate) instruction_ref: Option<InstructionRef>,
    /// The payer bank's own reference, such as 100FT35781491692
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
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is known of the payment: at least one of them.
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

/// Whether a text, trimmed, is so many hexadecimal digits.
fn is_hex(text: &str, digits: usize) -> bool {
    let text = text.trim();
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Takes what Bakong could know: of anything else it would say "not found", which reads like "not paid".
fn parse_hash(text: &str) -> Result<TransactionHash, String> {
    if is_hex(text, 8) {
        return Err("a full hash has 64 hexadecimal digits; did you mean --short-hash?".to_owned());
    }
    if !is_hex(text, 64) {
        return Err("a full hash has 64 hexadecimal digits".to_owned());
    }
    TransactionHash::new(text).map_err(|error| error.to_string())
}

fn parse_short_hash(text: &str) -> Result<ShortHash, String> {
    if is_hex(text, 64) {
        return Err(
            "a short hash has exactly 8 hexadecimal digits; did you mean --hash?".to_owned(),
        );
    }
    if !is_hex(text, 8) {
        return Err("a short hash has exactly 8 hexadecimal digits".to_owned());
    }
    ShortHash::new(text).map_err(|error| error.to_string())
}
