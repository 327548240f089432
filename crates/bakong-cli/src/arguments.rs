//! The command line.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use khqr_core::{Currency, Md5Handle, Printable, Timestamp};

use crate::exit::Exit;
use crate::output;

use crate::time::{PayAfter, parse_lifetime, parse_moment};

/// Take KHQR payments over Bakong; read, verify and make KHQR codes.
#[derive(Parser, Debug)]
#[command(name = "bakong", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Take a payment: show a code, wait for the money, print a receipt
    #[command(after_help = CHECKOUT_HELP)]
    Checkout(CheckoutArguments),
    /// Read, verify and make codes
    #[command(subcommand)]
    Qr(QrCommand),
    /// Look payments up
    #[command(subcommand)]
    Tx(TxCommand),
}

const CHECKOUT_HELP: &str = "\
Try it with nothing set up:  bakong checkout --sandbox
Against a real Bakong, the token comes from the environment variable BAKONG_TOKEN.

Exit codes: 0 paid, 5 expired unpaid, 4 failed or needs review, 1 could not ask, 2 usage,
130 stopped by Ctrl-C or another signal.";

const GENERATE_HELP: &str = "\
A line for --jsonl, with the names that NBC's SDK has for the fields:
  {\"kind\":\"individual\",\"bakongAccountID\":\"sokha@devb\",\"merchantName\":\"Sokha Coffee\"}
and its answer: {\"qr\":…,\"md5\":…} or {\"error\":{\"code\":…,\"kind\":…,\"message\":…,…}}.
A merchant's kind is \"merchant\"; a code for one payment has amount and expirationTimestamp.
Give every order its own billNumber: equal lines of one millisecond are one code with one MD5.

Exit code with --jsonl: 0 when every line has an answer, 1 when standard input or output failed.";

/// Where Bakong is.
#[derive(Args, Clone, Debug)]
pub(crate) struct TargetArguments {
    /// One of NBC's hosts: sit, production, sit-gov or production-gov
    #[arg(long, value_name = "NAME", value_parser = parse_environment)]
    pub(crate) env: Option<bakong_api::Environment>,
    /// Any other address of a Bakong, such as a proxy
    #[arg(long, value_name = "URL", conflicts_with = "env")]
    pub(crate) base_url: Option<String>,
    /// Let the token out unencrypted, to an http:// address that is not this machine
    #[arg(long)]
    pub(crate) allow_plain_http: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CheckoutArguments {
    /// Run against a Bakong inside this command: no account, no token, no real money
    #[arg(long, conflicts_with_all = ["env", "base_url"])]
    pub(crate) sandbox: bool,
    /// When the sandbox's customer pays: a duration, or never (5s unless said)
    #[arg(long, value_name = "DELAY", conflicts_with_all = ["env", "base_url"])]
    pub(crate) pay_after: Option<PayAfter>,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
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

/// Tells what is wrong with the command line, or the help that was asked for.
///
/// What clap refuses it repeats, and that may be a code with escape sequences in it.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let text = error.render().to_string();
        text.lines().for_each(|line| output::note(Printable(line)));
        Exit::Usage.into()
    } else {
        output::say(error.render().to_string().trim_end());
        Exit::Success.into()
    }
}

fn parse_currency(text: &str) -> Result<Currency, khqr_core::Error> {
    text.parse()
}

fn parse_md5(text: &str) -> Result<Md5Handle, khqr_core::Error> {
    text.parse()
}

fn parse_environment(
    text: &str,
) -> Result<bakong_api::Environment, bakong_api::UnknownEnvironment> {
    text.parse()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        super::Arguments::command().debug_assert();
    }
}
