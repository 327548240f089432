//! The command line of `bakong qr`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use khqr_core::{Currency, Timestamp};

use super::draw::DrawArguments;
use crate::common::options::{QrStyle, parse_currency};
use crate::common::time::{parse_lifetime, parse_moment};

const GENERATE_HELP: &str = "\
With --jsonl, each line is an object with the field names of NBC's SDK:
  {\"kind\":\"individual\",\"bakongAccountID\":\"sokha@devb\",\"merchantName\":\"Sokha Coffee\"}
Each output line is {\"qr\":…,\"md5\":…} or {\"error\":{\"class\":…,\"code\":…,\"message\":…,\"kind\":…,…}}. \
The kind is \"individual\" or \"merchant\". A code for one payment needs amount and expirationTimestamp. \
Give every order its own billNumber. Two equal lines in the same millisecond make the same code with the same MD5.

Exit codes with --jsonl: 0 every line has an output line, 1 standard input or output failed.";

#[derive(Subcommand, Debug)]
pub(crate) enum QrCommand {
    /// Show the fields of a code, and whether it can be paid now
    Decode(TextArguments),
    /// Check whether a code can be paid now (exit code 0) or not (exit code 1)
    Verify(TextArguments),
    /// Show the fields of any EMVCo code, from any country, as a tree
    Inspect(TextArguments),
    /// Generate a code: with --amount for one payment, without it for printing
    #[command(after_help = GENERATE_HELP)]
    Generate(Box<GenerateArguments>),
    /// Draw a code as an image for print or a screen: SVG, PNG or PDF
    Render(RenderArguments),
    /// Read the codes in a photo or screenshot (exit code 1 if it has none)
    Read(ReadArguments),
}

#[derive(Args, Debug)]
pub(crate) struct RenderArguments {
    /// The text of the code, or - to read one line from standard input
    pub(crate) text: String,
    /// The file to write. Its name ends in .svg, .png or .pdf
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) draw: DrawArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ReadArguments {
    /// A PNG or JPEG file of at most 32 MiB
    #[arg(value_name = "IMAGE")]
    pub(crate) picture: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct TextArguments {
    /// The text of the code, or - to read one line from standard input
    #[arg(required_unless_present = "jsonl")]
    pub(crate) text: Option<String>,
    /// The time to verify for, in milliseconds since 1970 [default: now]
    #[arg(long, value_name = "MS", value_parser = parse_moment)]
    pub(crate) now: Option<Timestamp>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Read codes from standard input, one on each line, and print a JSON object for each
    #[arg(long, conflicts_with_all = ["text", "json"])]
    pub(crate) jsonl: bool,
}

#[derive(Args, Debug)]
pub(crate) struct GenerateArguments {
    #[command(flatten)]
    pub(crate) fields: GenerateFields,
    /// The time of creation, in milliseconds since 1970 [default: now]
    #[arg(long, value_name = "MS", value_parser = parse_moment)]
    pub(crate) now: Option<Timestamp>,
    /// Also draw the code into a file. Its name ends in .svg, .png or .pdf
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) draw: DrawArguments,
    /// How to draw the code on the terminal
    #[arg(long, value_enum, value_name = "STYLE", default_value_t = QrStyle::Auto)]
    pub(crate) qr: QrStyle,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Read JSON objects from standard input, one on each line, and print a JSON object for each
    #[arg(long, conflicts_with_all = ["GenerateFields", "DrawArguments", "output", "qr", "json"])]
    pub(crate) jsonl: bool,
}

/// What the code contains. None of these options can be combined with `--jsonl`.
#[derive(Args, Debug)]
pub(crate) struct GenerateFields {
    /// The account that receives the money, such as name@bank
    #[arg(long, required_unless_present = "jsonl")]
    pub(crate) account: Option<String>,
    /// The merchant's name, at most 25 characters
    #[arg(long, required_unless_present = "jsonl")]
    pub(crate) name: Option<String>,
    /// The city, at most 15 characters
    #[arg(long, default_value = "Phnom Penh")]
    pub(crate) city: String,
    /// The amount. Without it, the payer enters the amount, and the code can be paid many times
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) amount: Option<String>,
    /// KHR or USD
    #[arg(long, default_value = "KHR", value_parser = parse_currency)]
    pub(crate) currency: Currency,
    /// The merchant ID from the bank. Makes a merchant code instead of an individual code
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
    /// An account or phone number in addition to the account (individual codes only)
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
    /// The UnionPay merchant account (KHR only)
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) union_pay: Option<String>,
    /// The merchant category code, four digits
    #[arg(long, value_name = "DIGITS", default_value = "5999")]
    pub(crate) category_code: String,
    /// How long the code can be paid. NBC recommends at most 10m [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = parse_lifetime, requires = "amount")]
    pub(crate) expires_in: Option<Duration>,
}
