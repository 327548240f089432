//! `bakong payments list`.

use bakong_store::{PaymentFilter, StateFilter};
use serde_json::json;

use super::entry;
use crate::arguments::{ListArguments, ListState};
use crate::common::exit::{Exit, Failure};
use crate::common::output::{note, print, print_json};
use crate::common::shop_store::{self, period};

pub(super) async fn run(arguments: &ListArguments) -> Result<Exit, Failure> {
    let store = arguments.store.open().await?;
    let mut filter = PaymentFilter::default();
    filter.state = match arguments.state {
        ListState::All => StateFilter::All,
        ListState::Open => StateFilter::Open,
        ListState::Final => StateFilter::Final,
        ListState::Review => StateFilter::NeedsReview,
    };
    filter.opened = arguments.day.map(period);
    let page = store
        .payments(&filter, arguments.after, arguments.limit.into())
        .await;
    let page = page.map_err(|error| shop_store::failure(&error))?;
    let next = page.next.map(|cursor| cursor.to_string());
    if arguments.json {
        let payments: Vec<_> = page.items.iter().map(entry::json).collect();
        print_json(&json!({ "payments": payments, "next": next }));
    } else {
        if !page.items.is_empty() {
            print(entry::header());
        }
        for stored in &page.items {
            print(entry::line(stored));
        }
        match next {
            Some(next) => note(format_args!("More payments follow: add --after {next}")),
            None if page.items.is_empty() => note("No payment matches."),
            None => {}
        }
    }
    let needs_person = page.items.iter().any(entry::needs_person);
    Ok(if needs_person {
        Exit::NeedsAttention
    } else {
        Exit::Success
    })
}
