//! `bakong payments resolve`.

use bakong_flow::store::{Decision, Resolution, ResolveConflict};
use bakong_flow::{Clock, SystemClock};
use khqr_core::Printable;
use serde_json::json;

use super::entry::decision_name;
use crate::arguments::{DecisionName, ResolveArguments};
use crate::common::exit::{Exit, Failure};
use crate::common::output::{print, print_json};
use crate::common::shop_store;

/// The maximum length of the note and of the name, in bytes.
const MAX_TEXT: usize = 1_000;

pub(super) async fn run(arguments: &ResolveArguments) -> Result<Exit, Failure> {
    let decision = match arguments.decision {
        DecisionName::Accept => Decision::Accept,
        DecisionName::Reject => Decision::Reject,
    };
    let note = text("--note", &arguments.note)?;
    let by = text("--by", &arguments.by.clone().unwrap_or_else(user))?;
    let resolution = Resolution::new(decision, note, by, SystemClock.now());
    let store = arguments.store.open().await?;
    let resolved = store.resolve(&arguments.md5, &resolution).await;
    let resolved = resolved.map_err(|error| shop_store::failure(&error))?;
    resolved.map_err(|conflict| refused(&conflict))?;
    let decision = decision_name(resolution.decision);
    if arguments.json {
        print_json(&json!({ "md5": arguments.md5.to_string(), "decision": decision }));
    } else {
        print(format_args!("{}: {decision}", arguments.md5));
    }
    Ok(Exit::Success)
}

/// The name of the user, as the system's environment has it.
fn user() -> String {
    let name = std::env::var("USER").or_else(|_| std::env::var("USERNAME"));
    name.unwrap_or_else(|_| "unknown".to_owned())
}

fn text(option: &str, text: &str) -> Result<Box<str>, Failure> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_TEXT {
        let message = format!("{option}: expected 1 to {MAX_TEXT} bytes");
        return Err(Failure::usage(message));
    }
    Ok(text.into())
}

fn refused(conflict: &ResolveConflict) -> Failure {
    let attention = |message: String| Failure::new(Exit::NeedsAttention, message);
    match conflict {
        ResolveConflict::Unknown => {
            Failure::new(Exit::NotFound, "the store has no payment with this MD5")
        }
        ResolveConflict::NoReview => {
            attention("the payment needs no decision; bakong payments show prints its state".into())
        }
        ResolveConflict::Resolved(resolution) => attention(format!(
            "the payment was {} before, by {}",
            decision_name(resolution.decision),
            Printable(&resolution.by)
        )),
        ResolveConflict::OrderSettled => attention(
            "another payment settled the order; reject this one, and return the money if it was paid twice".into(),
        ),
        ResolveConflict::TransactionSettledAnother { order } => attention(format!(
            "the transaction settled another order: {}; reject this payment",
            Printable(order.as_str())
        )),
        _ => attention("the payment cannot be resolved".into()),
    }
}
