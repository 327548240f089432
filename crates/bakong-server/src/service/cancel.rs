//! Cancels a payment.

use bakong_flow::Attached;

use super::change;
use crate::db::Db;
use crate::domain::{Fact, Payment, Status};
use crate::problem::{Code, Problem};
use crate::shop::Shop;

/// Cancels an open payment. The watcher still looks for money until the code has expired, and reports it for a review.
pub(crate) async fn cancel(db: &Db, shop: &Shop, id: &str) -> Result<Payment, Problem> {
    let payment = change::load(db, shop, id).await?;
    match payment.status {
        Status::Open => {}
        Status::Cancelled => return Ok(payment),
        status => {
            let detail =
                format!("the payment is {status}, and only an open payment can be cancelled");
            return Err(Problem::new(Code::PaymentNotOpen, detail).about(id));
        }
    }
    if let Attached::Open(watched) = shop.watcher.attach(payment.attempt.md5).await? {
        watched.cancel().await?;
    }
    let cancelled = change::apply(db, shop, id, &Fact::Cancelled, shop.now()).await?;
    if cancelled.status != Status::Cancelled {
        let detail = format!("the payment became {} meanwhile", cancelled.status);
        return Err(Problem::new(Code::PaymentNotOpen, detail).about(id));
    }
    Ok(cancelled)
}
