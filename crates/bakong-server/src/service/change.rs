//! Changes of payments that are stored with their events.

use bakong_flow::Attached;
use bakong_flow::store::{Event as FlowEvent, StoreError};
use khqr_core::{Md5Handle, Timestamp};

use super::open::as_shown;
use super::render;
use crate::db::{Changed, Db};
use crate::domain::{Fact, Payment};
use crate::problem::{Problem, shutting_down};
use crate::shop::Shop;

/// How often a change is computed again because another worker changed the payment.
const ATTEMPTS: usize = 20;

/// Applies an event of the store to its payment. The event can be applied any number of times and by any worker.
///
/// Payments of other programs in the same store have no row here, and are ignored.
pub(crate) async fn apply_flow_event(
    db: &Db,
    shop: &Shop,
    flow_event: &FlowEvent,
) -> Result<(), Problem> {
    let order = flow_event.order.as_str();
    for _ in 0..ATTEMPTS {
        let Some((payment, number)) = db.payment_of_code(shop.id, order, &flow_event.md5).await?
        else {
            return Ok(());
        };
        let fact = Fact::Flow {
            kind: &flow_event.kind,
            is_current: payment.attempt.number == number,
        };
        let transition = payment.apply(&fact, flow_event.at);
        let event = match &transition.event {
            Some((kind, reasons)) => {
                let at = flow_event.at;
                let mut event = render::event(shop, &transition.payment, *kind, reasons, at)?;
                event.flow_event = Some(flow_event.id);
                Some(event)
            }
            None if transition.payment == payment => return Ok(()),
            None => None,
        };
        match db
            .change_payment(shop.id, &transition.payment, event.as_ref())
            .await?
        {
            Changed::Stored => {
                if let Some(event) = &event {
                    shop.metrics.event(shop.mode.name(), event.kind);
                }
                return Ok(());
            }
            Changed::Outdated => {}
            Changed::Conflict if db.has_flow_event(shop.id, flow_event.id).await? => return Ok(()),
            Changed::Conflict => {}
        }
    }
    let error = StoreError::transient("the payment changes too often");
    Err(error.into())
}

/// Applies a fact that the API caused. Returns the payment after it.
pub(super) async fn apply(
    db: &Db,
    shop: &Shop,
    id: &str,
    fact: &Fact<'_>,
    at: Timestamp,
) -> Result<Payment, Problem> {
    for _ in 0..ATTEMPTS {
        let payment = load(db, shop, id).await?;
        let transition = payment.apply(fact, at);
        let Some((kind, reasons)) = &transition.event else {
            return Ok(payment);
        };
        let event = render::event(shop, &transition.payment, *kind, reasons, at)?;
        let changed = db.change_payment(shop.id, &transition.payment, Some(&event));
        if changed.await? == Changed::Stored {
            shop.metrics.event(shop.mode.name(), event.kind);
            return load(db, shop, id).await;
        }
    }
    let error = StoreError::transient("the payment changes too often");
    Err(error.into())
}

/// Returns the payment with this id. A payment whose code was not shown does not exist yet.
pub(crate) async fn load(db: &Db, shop: &Shop, id: &str) -> Result<Payment, Problem> {
    let payment = match db.payment(shop.id, id).await? {
        Some(payment) => as_shown(db, shop, payment).await?,
        None => None,
    };
    payment.ok_or_else(|| Problem::not_found("payment"))
}

/// Asks the watcher to check a payment soon. The watcher decides when the quota allows it.
pub(crate) async fn check(shop: &Shop, md5: Md5Handle) -> Result<(), Problem> {
    match shop.watcher.attach(md5).await? {
        Attached::Open(watched) => watched.nudge().await.map_err(Problem::from),
        Attached::Final(_) | Attached::Unknown => Ok(()),
        // A new state of bakong-flow.
        _ => Err(shutting_down()),
    }
}
