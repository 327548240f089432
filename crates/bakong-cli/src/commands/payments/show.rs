//! `bakong payments show`.

use bakong_flow::OrderId;
use bakong_flow::store::{PaymentKey, StoredPayment};
use khqr_core::Md5Handle;
use serde_json::json;

use super::entry;
use crate::arguments::ShowArguments;
use crate::common::exit::{Exit, Failure};
use crate::common::output::{note, print, print_json};
use crate::common::shell;
use crate::common::shop_store::{self, SharedStore};

pub(super) async fn run(arguments: &ShowArguments) -> Result<Exit, Failure> {
    let store = arguments.store.open().await?;
    let found = find(&store, &arguments.payment).await?;
    if found.is_empty() {
        let message = "the store has no payment with this MD5 or order";
        return Err(Failure::new(Exit::NotFound, message));
    }
    if arguments.json {
        let payments: Vec<_> = found.iter().map(entry::json).collect();
        print_json(&json!({ "payments": payments }));
    } else {
        for (number, stored) in found.iter().enumerate() {
            if number > 0 {
                print("");
            }
            entry::rows(stored).iter().for_each(print);
        }
        for stored in found.iter().filter(|stored| entry::needs_person(stored)) {
            let options = arguments.store.to_options();
            note("A person must decide. Compare both sides, and then run one of:");
            for decision in ["accept", "reject"] {
                let md5 = stored.payment.md5;
                let why = shell::option("--note", "WHY");
                note(format_args!(
                    "  bakong payments resolve {md5} {decision}{why}{options}"
                ));
            }
        }
    }
    Ok(if found.iter().any(entry::needs_person) {
        Exit::NeedsAttention
    } else {
        Exit::Success
    })
}

/// Returns the payment with this MD5, or all payments of this order.
async fn find(store: &SharedStore, text: &str) -> Result<Vec<StoredPayment>, Failure> {
    let mut keys = Vec::new();
    if let Ok(md5) = text.parse::<Md5Handle>() {
        keys.push(PaymentKey::Md5(md5));
    }
    // An order may look like an MD5.
    if let Ok(order) = OrderId::new(text) {
        keys.push(PaymentKey::Order(order));
    }
    for key in keys {
        let found = store.find(&key).await;
        let found = found.map_err(|error| shop_store::failure(&error))?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}
