//! `bakong payments reconcile`: compares a day's settled payments with a list from the bank.

mod bank_list;
mod matching;

use khqr_core::Printable;
use serde_json::{Value, json};

use self::bank_list::BankRow;
use self::matching::{Comparison, Settled};
use crate::arguments::ReconcileArguments;
use crate::common::exit::{Exit, Failure};
use crate::common::output::{print, print_json};
use crate::common::shop_store::{self, period};

pub(super) async fn run(arguments: &ReconcileArguments) -> Result<Exit, Failure> {
    let rows = bank_list::read(arguments)?;
    let store = arguments.store.open().await?;
    let statement = store.statement(period(arguments.day)).await;
    let statement = statement.map_err(|error| shop_store::failure(&error))?;
    let settled: Vec<_> = statement.settled.iter().map(Settled::of).collect();
    let comparison = matching::compare(&settled, &rows);
    if arguments.json {
        print_json(&json(&comparison));
    } else {
        print_text(&comparison);
    }
    Ok(if comparison.is_equal() {
        Exit::Success
    } else {
        Exit::NeedsAttention
    })
}

fn print_text(comparison: &Comparison<'_>) {
    print(format_args!("{} payments match.", comparison.matched.len()));
    for (settled, row) in &comparison.differing {
        print(format_args!(
            "line {}: {} was settled with {}, but the bank has {}",
            row.line,
            Printable(settled.order),
            settled.amount_text(),
            row.amount
        ));
    }
    for settled in &comparison.only_settled {
        print(format_args!(
            "missing in the bank's list: {}, {}, MD5 {}",
            Printable(settled.order),
            settled.amount_text(),
            settled.md5
        ));
    }
    for row in &comparison.only_bank {
        print(format_args!(
            "line {}: not settled here: {}, {}",
            row.line,
            row.amount,
            Printable(row.name())
        ));
    }
}

fn json(comparison: &Comparison<'_>) -> Value {
    let pair = |(settled, row): &(&Settled<'_>, &BankRow)| json!({ "payment": settled.json(), "bank": row.json() });
    json!({
        "matched": comparison.matched.iter().map(pair).collect::<Vec<_>>(),
        "differing": comparison.differing.iter().map(pair).collect::<Vec<_>>(),
        "missingInBankList": comparison.only_settled.iter().map(|it| it.json()).collect::<Vec<_>>(),
        "notSettledHere": comparison.only_bank.iter().map(|it| it.json()).collect::<Vec<_>>(),
    })
}
