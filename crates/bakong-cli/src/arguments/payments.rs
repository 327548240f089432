//! The command line of `bakong payments`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;

use crate::common::shop_store::{StoreArguments, parse_day};

const HELP: &str = "\
The payments come from the store of bakong checkout and bakong watch. These commands send no request to Bakong.

Exit codes: 0 success, 4 a payment needs a person, 3 no such payment, 1 the store cannot be used, 2 usage error.";

/// The `bakong payments` commands.
#[derive(Subcommand, Debug)]
#[command(after_help = HELP)]
pub(crate) enum PaymentsCommand {
    /// List payments, the newest first
    List(ListArguments),
    /// Show one payment or all payments of an order, and what to compare if a person must decide
    Show(ShowArguments),
    /// Write the statement of a day as CSV or JSON
    Export(ExportArguments),
    /// Compare a day's settled payments with a list from the bank
    Reconcile(ReconcileArguments),
    /// Record the decision of a person about a payment that needs a review
    Resolve(ResolveArguments),
}

/// Which payments `bakong payments list` prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum ListState {
    /// All payments
    All,
    /// Payments without an outcome
    Open,
    /// Payments with an outcome
    Final,
    /// Payments that a person must decide about
    Review,
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The state of the payments
    #[arg(long, value_enum, value_name = "STATE", default_value_t = ListState::All)]
    pub(crate) state: ListState,
    /// Only payments that were opened on this day in Phnom Penh, such as 2026-11-28, today or yesterday
    #[arg(long, value_name = "DAY", value_parser = parse_day)]
    pub(crate) day: Option<Date>,
    /// The maximum number of payments
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) limit: u16,
    /// Continue after a page, with the cursor that the page ended with
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<bakong_store::Cursor>,
    /// Print one JSON object: payments, and the cursor of the next page
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ShowArguments {
    /// The MD5 of the code, or the id of the order
    pub(crate) payment: String,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The format of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum ExportFormat {
    /// Comma-separated values with a header, for a spreadsheet
    Csv,
    /// One JSON object with payments and totals
    Json,
}

#[derive(Args, Debug)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The day in Phnom Penh on which the payments were settled, such as 2026-11-28, today or yesterday
    #[arg(long, value_name = "DAY", default_value = "today", value_parser = parse_day)]
    pub(crate) day: Date,
    /// The format
    #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
    pub(crate) format: ExportFormat,
    /// Write the statement into this file instead of standard output. An existing file is replaced
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ReconcileArguments {
    /// The bank's list: a CSV file with a header
    #[arg(value_name = "FILE")]
    pub(crate) bank_list: PathBuf,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// The day in Phnom Penh on which the payments were settled, such as 2026-11-28, today or yesterday
    #[arg(long, value_name = "DAY", default_value = "today", value_parser = parse_day)]
    pub(crate) day: Date,
    /// The column with the amount, such as 1,250.00
    #[arg(long, value_name = "NAME", default_value = "amount")]
    pub(crate) amount_column: String,
    /// The column with the currency. Without it, pass --currency
    #[arg(long, value_name = "NAME", default_value = "currency")]
    pub(crate) currency_column: String,
    /// The currency of all lines, if the list has no column for it
    #[arg(long, value_parser = crate::common::options::parse_currency)]
    pub(crate) currency: Option<khqr_core::Currency>,
    /// The column with the transaction's hash or its first eight digits
    #[arg(long, value_name = "NAME", default_value = "hash")]
    pub(crate) hash_column: String,
    /// The column with the order or the bill number, for lines without a hash
    #[arg(long, value_name = "NAME", default_value = "reference")]
    pub(crate) reference_column: String,
    /// The character between two columns
    #[arg(long, value_name = "CHARACTER", default_value_t = ',')]
    pub(crate) delimiter: char,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The decision of a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum DecisionName {
    /// The transaction settles the order
    Accept,
    /// The transaction does not settle the order
    Reject,
}

#[derive(Args, Debug)]
pub(crate) struct ResolveArguments {
    /// The MD5 of the code
    #[arg(value_parser = parse_md5)]
    pub(crate) md5: khqr_core::Md5Handle,
    /// The decision
    #[arg(value_enum)]
    pub(crate) decision: DecisionName,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: String,
    /// Who decides, for the audit log [default: the name of the user]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_md5(text: &str) -> Result<khqr_core::Md5Handle, khqr_core::Error> {
    text.parse()
}
