//! `bakong payments export`: the statement of a day.

use bakong_flow::store::StoredPayment;
use bakong_store::{Statement, settled_amount, settled_at};
use khqr_core::Printable;
use serde_json::json;

use super::entry;
use crate::arguments::{ExportArguments, ExportFormat};
use crate::common::csv_text::CsvText;
use crate::common::exit::{Exit, Failure};
use crate::common::output::{json_text, note, print_again};
use crate::common::shop_store::{self, period};
use crate::common::time::rfc_3339;
use crate::common::{files, lookup, money};

/// The columns of the CSV.
const HEADER: [&str; 12] = [
    "settled_at",
    "order",
    "amount",
    "currency",
    "state",
    "late",
    "account",
    "payer",
    "hash",
    "md5",
    "opened_at",
    "bill_number",
];

pub(super) async fn run(arguments: &ExportArguments) -> Result<Exit, Failure> {
    let store = arguments.store.open().await?;
    let statement = store.statement(period(arguments.day)).await;
    let statement = statement.map_err(|error| shop_store::failure(&error))?;
    let text = match arguments.format {
        ExportFormat::Csv => csv(&statement),
        ExportFormat::Json => format!("{}\n", json_text(&statement_json(arguments, &statement))),
    };
    match &arguments.output {
        Some(file) => {
            files::write(file, text.as_bytes())?;
            note(format_args!("saved {}", Printable(&file.to_string_lossy())));
        }
        None => print_again(text.trim_end()),
    }
    let (reviews, again) = (statement.needs_review.len(), statement.paid_again.len());
    if reviews + again == 0 {
        return Ok(Exit::Success);
    }
    note(format_args!(
        "Not in the totals: {reviews} payments need a decision, and {again} were paid a second time. See bakong payments \
         list --state review."
    ));
    Ok(Exit::NeedsAttention)
}

fn csv(statement: &Statement) -> String {
    let mut text = CsvText::new(&HEADER);
    for stored in statement.settled.iter().chain(&statement.needs_review) {
        let transaction = stored
            .finished
            .as_ref()
            .and_then(|(outcome, _)| outcome.transaction());
        let payer = transaction.and_then(|it| it.from_account_id.as_deref());
        let hash = transaction.and_then(|it| it.hash.as_deref());
        let amount = settled_amount(stored);
        let expected = stored.payment.expected.as_ref();
        let recipient = expected.map(|expected| &expected.recipient);
        let late = matches!(
            &stored.finished,
            Some((bakong_flow::Outcome::Paid { late: true, .. }, _))
        );
        text.row(&[
            settled_at(stored).map(rfc_3339).unwrap_or_default(),
            stored.payment.order.as_str().to_owned(),
            amount.map(money::decimal).unwrap_or_default(),
            amount
                .map(|it| it.currency().to_string())
                .unwrap_or_default(),
            entry::state(stored).to_owned(),
            late.to_string(),
            recipient
                .map(|it| it.as_str().to_owned())
                .unwrap_or_default(),
            payer.unwrap_or_default().to_owned(),
            hash.unwrap_or_default().to_owned(),
            stored.payment.md5.to_string(),
            rfc_3339(stored.opened_at),
            bill_number(stored).unwrap_or_default(),
        ]);
    }
    text.finish()
}

/// The bill number of the code, if the store has its text.
fn bill_number(stored: &StoredPayment) -> Option<String> {
    let code = stored.payment.details.as_ref()?.code.as_deref()?;
    lookup::bill_number(code)
}

fn statement_json(arguments: &ExportArguments, statement: &Statement) -> serde_json::Value {
    let totals = statement.totals.iter().map(|total| {
        json!({
            "currency": total.currency.alphabetic_code(),
            "payments": total.payments,
            "amount": money::decimal_sum(total.minor_units, total.currency),
        })
    });
    let all = |payments: &[StoredPayment]| payments.iter().map(entry::json).collect::<Vec<_>>();
    let paid_again = statement.paid_again.iter().map(|event| {
        json!({
            "event": event.id.get(),
            "md5": event.md5.to_string(),
            "order": event.order.as_str(),
            "at": event.at.as_millis(),
        })
    });
    json!({
        "day": arguments.day.to_string(),
        "totals": totals.collect::<Vec<_>>(),
        "settled": all(&statement.settled),
        "needsReview": all(&statement.needs_review),
        "paidAgain": paid_again.collect::<Vec<_>>(),
    })
}
