//! A person's decision on a payment under review.

use bakong_flow::Outcome;
use bakong_flow::store::{Decision, PaymentKey, Resolution, ResolveConflict};
use serde::Deserialize;
use utoipa::ToSchema;

use super::change;
use crate::db::Db;
use crate::domain::{Payment, TransactionSummary};
use crate::problem::{Code, Problem};
use crate::shop::Shop;

/// The maximum length of a note in bytes.
const MAX_NOTE: usize = 1_000;

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDecision {
    /// `accept`: the transaction settles the order. `reject`: it does not, for example because the money is returned.
    #[schema(value_type = String, example = "accept")]
    decision: DecisionName,
    /// Why. Stored in the audit log.
    note: String,
}

impl NewDecision {
    pub(crate) const fn accept(note: String) -> Self {
        let decision = DecisionName::Accept;
        Self { decision, note }
    }

    pub(crate) const fn reject(note: String) -> Self {
        let decision = DecisionName::Reject;
        Self { decision, note }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DecisionName {
    Accept,
    Reject,
}

/// Stores the decision of `by`, the id of an API key or the name of a person.
pub(crate) async fn resolve(
    db: &Db,
    shop: &Shop,
    id: &str,
    decision: NewDecision,
    by: &str,
) -> Result<Payment, Problem> {
    let note = &decision.note;
    if note.trim().is_empty() || note.len() > MAX_NOTE || note.contains('\0') {
        let detail = format!("write why, in 1 to {MAX_NOTE} bytes without a zero byte");
        return Err(Problem::invalid("note", detail));
    }
    let payment = change::load(db, shop, id).await?;
    let decided = match decision.decision {
        DecisionName::Accept => Decision::Accept,
        DecisionName::Reject => Decision::Reject,
    };
    let resolution = Resolution::new(decided, decision.note, by, shop.now());
    // Any attempt of the payment may be under review.
    let order = bakong_flow::OrderId::new(&payment.order_id).map_err(Problem::internal)?;
    let stored = shop.store.find(&PaymentKey::Order(order)).await?;
    let mut under_review = None;
    for stored in &stored {
        let Some((Outcome::NeedsReview { transaction, .. }, _)) = &stored.finished else {
            continue;
        };
        if stored.resolution.is_some() {
            continue;
        }
        let md5 = stored.payment.md5;
        let owner = db.payment_of_code(shop.id, &payment.order_id, &md5).await?;
        if owner.is_some_and(|(owner, _)| owner.id == id) {
            under_review = Some(md5);
            // The decision is about the transaction that the payment shows.
            if payment.transaction == Some(TransactionSummary::of(transaction)) {
                break;
            }
        }
    }
    let no_review =
        || Problem::new(Code::NoReview, "the payment needs no decision, or has one").about(id);
    let md5 = under_review.ok_or_else(no_review)?;
    match shop.store.resolve(&md5, &resolution).await? {
        Ok(()) => {}
        Err(ResolveConflict::OrderSettled) => {
            let detail = "another payment of this order is paid, so this one can only be rejected";
            return Err(Problem::new(Code::OrderPaid, detail).about(id));
        }
        Err(ResolveConflict::TransactionSettledAnother { .. }) => {
            let detail = "the transaction paid another order, so it can only be rejected";
            return Err(Problem::new(Code::TransactionUsed, detail).about(id));
        }
        Err(_) => return Err(no_review()),
    }
    // The worker that reads the events applies this one too, whichever is first.
    let events = shop
        .store
        .events_after(shop.store.acknowledged(crate::shop::CONSUMER).await?, 1_000)
        .await?;
    for event in events.iter().filter(|event| event.md5 == md5) {
        change::apply_flow_event(db, shop, event).await?;
    }
    change::load(db, shop, id).await
}
