//! The command line of `bakong qr`.

use std::time::Duration;

use clap::{Args, Subcommand};
use khqr_core::{Currency, Timestamp};

use super::parse_currency;
use crate::common::time::{parse_lifetime, parse_moment};

const GENERATE_HELP: &str = "\
A line for --jsonl, with the names that NBC's SDK has for the fields:
  {\"kind\":\"individual\",\"bakongAccountID\":\"sokha@devb\",\"merchantName\":\"Sokha Coffee\"}
and its answer: {\"qr\":…,\"md5\":…} or {\"error\":{\"code\":…,\"kind\":…,\"message\":…,…}}.
A merchant's kind is \"merchant\"; a code for one payment has amount and expirationTimestamp.
Give every order its own billNumber: equal lines of one millisecond are one code with one MD5.

Exit code with --jsonl: 0 when every line has an answer, 1 when standard input or output failed.";

#[derive(Subcommand, Debug)]
pub(crate) enum QrCommand {
    /// Say what a code says, and whether it may be paid now
    Decode(TextArguments),
    /// Say whether a code may be paid now (exit 0), or why not (exit 1)
    Verify(TextArguments),
    /// Show any EMVCo code, of whatever country, as the tree of its fields
    Inspect(TextArguments),
    /// Make a code: with --amount for one payment, without for printing
    #[command(after_help = GENERATE_HELP)]
    Generate(Box<GenerateArguments>),
}

#[derive(Args, Debug)]
pub(crate) struct TextArguments {
    /// The code's text, or - for a line on standard input
    #[arg(required_unless_present = "jsonl")]
    pub(crate) text: Option<String>,
    /// The moment to verify at, in milliseconds since 1970 (now unless said)
    #[arg(long, value_name = "MS", value_parser = parse_moment)]
    pub(crate) now: Option<Timestamp>,
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
    /// Read codes from standard input, one a line, and print a JSON object for each
    #[arg(long, conflicts_with_all = ["text", "json"])]
    pub(crate) jsonl: bool,
}

#[derive(Args, Debug)]
pub(crate) struct GenerateArguments {
    /// The account to be paid, name@bank
    #[arg(long, required_unless_present = "jsonl")]
    pub(crate) account: Option<String>,
    /// The merchant's name, at most 25 characters
    #[arg(long, required_unless_present = "jsonl")]
    pub(crate) name: Option<String>,
    /// The city, at most 15 characters
    #[arg(long, default_value = "Phnom Penh")]
    pub(crate) city: String,
    /// How much; without it the payer chooses, and the code can be paid again and again
    #[arg(long)]
    pub(crate) amount: Option<String>,
    /// KHR or USD
    #[arg(long, default_value = "KHR", value_parser = parse_currency)]
    pub(crate) currency: Currency,
    /// The merchant's id at its bank: makes a merchant's code
    #[arg(
        long,
        value_name = "ID",
        requires = "bank",
        conflicts_with = "account_information"
    )]
    pub(crate) merchant_id: Option<String>,
    /// The name of the bank that holds the account
    #[arg(long)]
    pub(crate) bank: Option<String>,
    /// An account number or phone number beside the account (individuals)
    #[arg(long, value_name = "TEXT")]
    pub(crate) account_information: Option<String>,
    /// The bill number
    #[arg(long)]
    pub(crate) bill: Option<String>,
    /// The mobile number
    #[arg(long)]
    pub(crate) mobile: Option<String>,
    /// The store label
    #[arg(long)]
    pub(crate) store: Option<String>,
    /// The terminal label
    #[arg(long)]
    pub(crate) terminal: Option<String>,
    /// The purpose of the transaction
    #[arg(long)]
    pub(crate) purpose: Option<String>,
    /// The language of --alternate-name, two letters
    #[arg(long, value_name = "CODE", requires = "alternate_name")]
    pub(crate) language: Option<String>,
    /// The merchant's name in that language
    #[arg(long, value_name = "NAME", requires = "language")]
    pub(crate) alternate_name: Option<String>,
    /// The city in that language
    #[arg(long, value_name = "CITY", requires = "language")]
    pub(crate) alternate_city: Option<String>,
    /// A UnionPay merchant account (KHR only)
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) union_pay: Option<String>,
    /// The merchant category code, four digits
    #[arg(long, value_name = "DIGITS", default_value = "5999")]
    pub(crate) category_code: String,
    /// How long the code can be paid (10m unless said); NBC advises at most 10m
    #[arg(long, value_name = "TIME", value_parser = parse_lifetime, requires = "amount")]
    pub(crate) expires_in: Option<Duration>,
    /// The moment of creation, in milliseconds since 1970 (now unless said)
    #[arg(long, value_name = "MS", value_parser = parse_moment)]
    pub(crate) now: Option<Timestamp>,
    /// Print one JSON object instead
    #[arg(long)]
    pub(crate) json: bool,
    /// Read JSON objects from standard input, one a line, in the words of NBC's SDK, and print one for each
    #[arg(
        long,
        conflicts_with_all = [
            "account",
            "name",
            "city",
            "amount",
            "currency",
            "merchant_id",
            "bank",
            "account_information",
            "bill",
            "mobile",
            "store",
            "terminal",
            "purpose",
            "language",
            "alternate_name",
            "alternate_city",
            "union_pay",
            "category_code",
            "expires_in",
            "json",
        ]
    )]
    pub(crate) jsonl: bool,
}
