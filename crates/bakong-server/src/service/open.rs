//! Opens a payment: it is stored and watched, then shown.
//!
//! If the process is killed in between, the payment has the status `opening`, and its code was not shown. A request with
//! the same idempotency key continues. Otherwise the payment ends after a while.

use std::time::Duration;

use bakong_flow::bakong_api::endpoint::GenerateDeeplinkByQr;
use bakong_flow::store::PaymentKey;
use bakong_flow::{OpenError, WatchError};
use khqr_core::{Md5Handle, Timestamp};

use super::request::send_spare;
use crate::db::{Claim, Db, OpenedPayment};
use crate::domain::{Attempt, Payment, Status};
use crate::merchant;
use crate::problem::{Code, Problem, retry_after, shutting_down};
use crate::shop::Shop;

/// How long a payment waits for its deep link.
const DEEPLINK_TIMEOUT: Duration = Duration::from_secs(5);
/// When a payment that is still being opened was interrupted. A request takes 30 seconds at most.
const INTERRUPTED_AFTER: Duration = Duration::from_secs(40);
/// How often, and how many times, to read a payment again that another worker is about to mark as open.
const READ_AGAIN: Duration = Duration::from_millis(20);
const MAX_READS: usize = 50;

/// Stores a new payment and watches its code, at the same time. Returns `None` if the order has another payment that is
/// open or paid.
///
/// The row and the reservation of the watcher usually share one commit. If only one of them is stored, nobody has seen
/// the code: a row without a reservation ends as interrupted, and a reservation without a row ends when the code expires.
pub(super) async fn open_new(
    db: &Db,
    shop: &Shop,
    payment: &Payment,
    claim: Option<&Claim>,
) -> Result<Option<Payment>, Problem> {
    let mut stored = std::pin::pin!(db.add_payment(shop.id, payment, claim));
    let mut watched = std::pin::pin!(watch(shop, payment));
    let watched = tokio::select! {
        // The row is first in the queue of the store.
        biased;
        is_stored = &mut stored => {
            if !is_stored? {
                // Nobody waits for the watcher any more, so it withdraws the payment.
                return Ok(None);
            }
            watched.await
        }
        watched = &mut watched => {
            if !stored.await? {
                return Ok(None);
            }
            watched
        }
    };
    let shown = show(db, shop, payment.clone(), watched, claim);
    shown.await.map(Some)
}

/// Opens a stored payment, unless it is open already. Returns `None` for a payment that ended before it was opened: nobody saw
/// its code, and it may have expired.
pub(super) async fn open(
    db: &Db,
    shop: &Shop,
    payment: Payment,
    claim: Option<&Claim>,
) -> Result<Option<Payment>, Problem> {
    let was_given_up = payment.was_not_opened();
    if was_given_up && !is_known(shop, &payment).await? {
        return Ok(None);
    }
    if !was_given_up && payment.status != Status::Opening {
        return Ok(Some(payment));
    }
    let watched = watch(shop, &payment).await;
    show(db, shop, payment, watched, claim).await.map(Some)
}

/// Returns a stored payment as open, if it is watched. The caller marks its row as open.
async fn show(
    db: &Db,
    shop: &Shop,
    mut payment: Payment,
    watched: Result<(), Problem>,
    claim: Option<&Claim>,
) -> Result<Payment, Problem> {
    if let Err(problem) = watched {
        // The code is not watched and was not shown. A store that did not answer may still have opened it.
        if problem.status().is_client_error() {
            db.remove_unopened(shop.id, &payment.id, claim).await?;
        }
        return Err(problem);
    }
    payment.attempt.deeplink = deeplink(shop, &payment.attempt).await;
    payment.status = Status::Open;
    payment.reasons = Vec::new();
    Ok(payment)
}

/// Returns a payment that was read, as its readers see it: `None` if its code was not shown yet.
///
/// # Errors
/// [`Problem`] if another worker may have shown the code, and was interrupted before it could say so.
pub(crate) async fn as_shown(
    db: &Db,
    shop: &Shop,
    mut payment: Payment,
) -> Result<Option<Payment>, Problem> {
    for _ in 0..MAX_READS {
        if payment.status != Status::Opening {
            return Ok(Some(payment));
        }
        if let Some(opened) = shop.opened.find(&payment.id) {
            payment.status = Status::Open;
            payment.attempt.deeplink = opened.deeplink.map(|(_, link)| link);
            return Ok(Some(payment));
        }
        if !is_known(shop, &payment).await? {
            return Ok(None);
        }
        tokio::time::sleep(READ_AGAIN).await;
        match db.payment(shop.id, &payment.id).await? {
            Some(again) => payment = again,
            None => return Ok(None),
        }
    }
    Err(Problem::new(
        Code::PaymentOpening,
        "the payment is being opened; try again",
    ))
}

/// Requests a deep link, if the configuration wants one and the quota has a request to spare. A payment works without one.
pub(super) async fn deeplink(shop: &Shop, attempt: &Attempt) -> Option<String> {
    let khqr = merchant::parse(&attempt.code).filter(|_| shop.deeplinks)?;
    let request = GenerateDeeplinkByQr::new(&khqr);
    let answer = tokio::time::timeout(DEEPLINK_TIMEOUT, send_spare(shop, &request)).await;
    match answer {
        Ok(Ok(link)) => {
            let is_web = ["https://", "http://"]
                .iter()
                .any(|it| link.as_str().starts_with(it));
            is_web.then(|| link.as_str().to_owned())
        }
        no_link => {
            tracing::info!(?no_link, "a payment has no deep link");
            None
        }
    }
}

/// Watches the newest attempt of a payment. Only then may its code be shown.
pub(super) async fn watch(shop: &Shop, payment: &Payment) -> Result<(), Problem> {
    let attempt = &payment.attempt;
    let order = bakong_flow::OrderId::new(&payment.order_id).map_err(Problem::internal)?;
    let khqr = merchant::parse(&attempt.code)
        .ok_or_else(|| Problem::internal("a stored code cannot be read"))?;
    let mut watched = bakong_flow::Payment::of_khqr(order, &khqr).map_err(Problem::internal)?;
    if let Some(details) = &mut watched.details {
        details.metadata = Some(metadata(payment).into());
    }
    let result = match shop.watcher.watch(watched, shop.policy).await {
        Err(WatchError::Refused(OpenError::Known)) if is_known(shop, payment).await? => Ok(()),
        Err(error) => Err(refusal(&error, shop.now())),
        Ok(_) => Ok(()),
    };
    result.inspect_err(|problem| {
        tracing::warn!(payment = %payment.id, code = problem.code.name(), "a payment was not opened");
    })
}

/// Watches a code that another program created, of which only the MD5 is known. Does nothing if the code is watched.
pub(crate) async fn watch_md5(shop: &Shop, md5: Md5Handle) -> Result<(), Problem> {
    let order = bakong_flow::OrderId::new(&md5.to_string()).map_err(Problem::internal)?;
    let expires_at = shop.now().saturating_add(shop.dropin_expires_in);
    let payment = bakong_flow::Payment::of_md5(order, md5, expires_at);
    match shop.watcher.watch(payment, shop.policy).await {
        // Another request was faster.
        Err(WatchError::Refused(OpenError::Known)) => Ok(()),
        Err(error) => Err(refusal(&error, shop.now())),
        Ok(_) => Ok(()),
    }
}

/// Returns why a payment was not opened.
fn refusal(error: &WatchError, now: Timestamp) -> Problem {
    match error {
        WatchError::Refused(OpenError::NoQuota { until }) => no_quota(*until, now),
        WatchError::Refused(OpenError::OrderSettled) => {
            Problem::new(Code::OrderPaid, "the order is already paid")
        }
        WatchError::Refused(OpenError::TokenRejected) => Problem::new(
            Code::BakongTokenRejected,
            "Bakong rejects the token of this server, so no payment could be seen; set a new token",
        ),
        WatchError::Refused(_) => {
            Problem::new(Code::KhqrUsed, "the code was used before; try again")
        }
        WatchError::StoreUnavailable => Problem::new(
            Code::StoreUnavailable,
            "the store or the leader did not answer in time; try again",
        ),
        WatchError::NoLeader { until } => Problem {
            retry_after: Some(retry_after(until.saturating_since(now))),
            ..Problem::new(
                Code::StoreUnavailable,
                "another worker holds the lease of the store and did not answer in time; try again when the lease has expired",
            )
        },
        _ => shutting_down(),
    }
}

/// Whether the store has this attempt, because a request opened it.
async fn is_known(shop: &Shop, payment: &Payment) -> Result<bool, Problem> {
    let key = PaymentKey::Md5(payment.attempt.md5);
    let found = shop.store.find(&key).await?;
    let metadata = metadata(payment);
    Ok(found.iter().any(|found| {
        let details = found.payment.details.as_ref();
        details.and_then(|details| details.metadata.as_deref()) == Some(&metadata)
    }))
}

/// Whether an attempt is watched, so that its code can be paid.
pub(super) async fn is_open(shop: &Shop, attempt: &Attempt) -> Result<bool, Problem> {
    let found = shop.store.find(&PaymentKey::Md5(attempt.md5)).await?;
    Ok(found.iter().any(|stored| stored.finished.is_none()))
}

/// Names the payment in the store. Two payments of an order that are created at the same moment have the same code.
fn metadata(payment: &Payment) -> String {
    format!(r#"{{"payment":"{}"}}"#, payment.id)
}

/// Ends the creation of payments that was interrupted: marks those as open that the store has, and the others as failed.
pub(crate) async fn recover_unopened(db: &Db, shop: &Shop, now: Timestamp) -> Result<(), Problem> {
    let before = Timestamp::from_millis(
        now.as_millis()
            .saturating_sub(u64::try_from(INTERRUPTED_AFTER.as_millis()).unwrap_or(u64::MAX)),
    );
    for payment in db.unopened(shop.id, before).await? {
        if is_known(shop, &payment).await? {
            let opened = OpenedPayment::of(&payment);
            db.payments_opened(shop.id, &[opened]).await?;
            continue;
        }
        // A request that opens the payment at this moment marks it as open afterwards.
        let ended = db.payment_not_opened(shop.id, &payment.id).await?;
        tracing::info!(payment = %payment.id, ended, "an interrupted payment was ended");
    }
    Ok(())
}

/// The problem of a payment that cannot be opened because of the quota.
fn no_quota(until: Timestamp, now: Timestamp) -> Problem {
    Problem {
        retry_after: Some(retry_after(until.saturating_since(now))),
        ..Problem::new(
            Code::NoQuota,
            "no request to Bakong can be reserved for this payment, so the server could not see whether it is paid; do not show another code",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_retries_when_the_lease_of_a_dead_worker_has_expired() {
        let now = Timestamp::from_millis(1_795_000_000_000);
        for (after, seconds) in [(24_000, 24), (23_001, 24), (0, 1)] {
            let until = now.saturating_add(Duration::from_millis(after));
            let problem = refusal(&WatchError::NoLeader { until }, now);
            assert_eq!(problem.code, Code::StoreUnavailable);
            assert_eq!(problem.retry_after, Some(seconds));
        }
    }
}
