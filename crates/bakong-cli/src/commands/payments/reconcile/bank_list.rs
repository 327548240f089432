//! Reads the bank's list: a CSV file whose columns the command line names.

use csv::StringRecord;
use khqr_core::{Amount, Currency, Printable};
use serde_json::{Value, json};

use crate::arguments::ReconcileArguments;
use crate::common::exit::{Exit, Failure};
use crate::common::{files, money};

/// The largest list in bytes.
const LARGEST_FILE: u64 = 64 << 20;

/// A line of the bank's list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct BankRow {
    /// The number of the line in the file.
    pub(super) line: u64,
    pub(super) amount: Amount,
    /// The hash or its first eight digits, in lower case.
    pub(super) hash: Option<String>,
    /// The order or the bill number.
    pub(super) reference: Option<String>,
}

impl BankRow {
    /// What identifies the line for a person.
    pub(super) fn name(&self) -> &str {
        let name = self.hash.as_deref().or(self.reference.as_deref());
        name.unwrap_or("without a hash and a reference")
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "line": self.line,
            "amount": money::decimal(self.amount),
            "currency": self.amount.currency().alphabetic_code(),
            "hash": self.hash,
            "reference": self.reference,
        })
    }
}

/// The positions of the columns.
struct Columns {
    amount: usize,
    currency: Option<usize>,
    hash: Option<usize>,
    reference: Option<usize>,
}

pub(super) fn read(arguments: &ReconcileArguments) -> Result<Vec<BankRow>, Failure> {
    let path = &arguments.bank_list;
    let unusable = |what: String| {
        let path = path.to_string_lossy();
        Failure::new(Exit::NoAnswer, format!("{}: {what}", Printable(&path)))
    };
    let delimiter = u8::try_from(arguments.delimiter)
        .map_err(|_| Failure::usage("--delimiter: expected an ASCII character"))?;
    let file = files::open(path, LARGEST_FILE)?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(file);
    let header = reader
        .headers()
        .map_err(|_| unusable("cannot be read as CSV in UTF-8".into()))?;
    let columns = Columns::of(header, arguments).map_err(unusable)?;
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|_| {
            unusable(format!(
                "cannot be read as CSV in UTF-8 after line {}",
                rows.len() + 1
            ))
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let row = columns.read(&record, line, arguments.currency);
        rows.push(row.map_err(|what| unusable(format!("line {line}: {what}")))?);
    }
    Ok(rows)
}

impl Columns {
    fn of(header: &StringRecord, arguments: &ReconcileArguments) -> Result<Self, String> {
        let find = |name: &str| {
            // A file from a spreadsheet may start with a byte-order mark.
            let is_same = |column: &str| {
                column
                    .trim_start_matches('\u{feff}')
                    .eq_ignore_ascii_case(name)
            };
            header.iter().position(is_same)
        };
        let names: Vec<_> = header
            .iter()
            .map(|name| Printable(name).to_string())
            .collect();
        let missing = |name: &str, option: &str| {
            format!(
                "has no column {name:?}; name the column with {option}. Its columns are: {}",
                names.join(", ")
            )
        };
        let columns = Self {
            amount: find(&arguments.amount_column)
                .ok_or_else(|| missing(&arguments.amount_column, "--amount-column"))?,
            currency: find(&arguments.currency_column),
            hash: find(&arguments.hash_column),
            reference: find(&arguments.reference_column),
        };
        if columns.currency.is_none() && arguments.currency.is_none() {
            let name = &arguments.currency_column;
            return Err(missing(name, "--currency-column, or pass --currency"));
        }
        if columns.hash.is_none() && columns.reference.is_none() {
            return Err(missing(
                &arguments.hash_column,
                "--hash-column, or the orders with --reference-column",
            ));
        }
        Ok(columns)
    }

    fn read(
        &self,
        record: &StringRecord,
        line: u64,
        currency: Option<Currency>,
    ) -> Result<BankRow, String> {
        let text = |column: Option<usize>| {
            let text = column.and_then(|column| record.get(column));
            text.filter(|text| !text.is_empty())
        };
        let currency = match text(self.currency) {
            Some(name) => name.parse().map_err(|_| {
                format!(
                    "the currency {:?} is not KHR or USD",
                    Printable(name).to_string()
                )
            })?,
            None => currency.ok_or("the currency is missing")?,
        };
        let amount = text(Some(self.amount)).ok_or("the amount is missing")?;
        Ok(BankRow {
            line,
            amount: parse_amount(amount, currency)?,
            hash: text(self.hash).map(str::to_ascii_lowercase),
            reference: text(self.reference).map(str::to_owned),
        })
    }
}

/// Parses an amount with optional commas between thousands, and optional zeros after the decimals of the currency.
fn parse_amount(text: &str, currency: Currency) -> Result<Amount, String> {
    let plain: String = text.chars().filter(|c| *c != ',').collect();
    let plain = match plain.split_once('.') {
        Some((whole, decimals)) if decimals.bytes().all(|digit| digit == b'0') => whole.to_owned(),
        _ => plain,
    };
    Amount::parse(&plain, currency).map_err(|_| {
        format!(
            "the amount {:?} is not an amount in {currency}",
            Printable(text).to_string()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_spreadsheets_are_read_exactly() {
        let read = |text, currency| parse_amount(text, currency).map(Amount::minor_units);
        assert_eq!(read("1,250,000", Currency::Khr), Ok(1_250_000));
        assert_eq!(read("1,250.00", Currency::Khr), Ok(1_250));
        assert_eq!(read("0.30", Currency::Usd), Ok(30));
        assert_eq!(read("2", Currency::Usd), Ok(200));
        for text in ["", "-1", "1.5.0", "1e3", "10.50 USD", "\u{1b}[2J"] {
            let error = read(text, Currency::Usd).unwrap_err();
            assert!(!error.contains('\u{1b}'), "{error:?}");
        }
        assert!(read("1.50", Currency::Khr).is_err());
    }
}
