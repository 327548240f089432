//! Opens a payment: it is stored first, then watched, then shown.
//!
//! If the process is killed in between, the payment has the status `opening`, and its code was not shown. A request with
//! the same idempotency key continues. Otherwise the payment ends after a minute.

use std::time::Duration;

use axum::http::StatusCode;
use bakong_flow::bakong_api::endpoint::GenerateDeeplinkByQr;
use bakong_flow::store::PaymentKey;
use bakong_flow::{OpenError, WatchError};
use khqr_core::{Md5Handle, Timestamp};

use super::change;
use super::request::send_spare;
use crate::db::{Changed, Db};
use crate::domain::{Attempt, Payment, Reason, Status};
use crate::merchant;
use crate::problem::{Problem, shutting_down};
use crate::shop::Shop;

/// How long a payment waits for its deep link.
const DEEPLINK_TIMEOUT: Duration = Duration::from_secs(5);
/// When a payment that is still being opened was interrupted. Opening takes a few seconds at most.
const INTERRUPTED_AFTER: Duration = Duration::from_secs(60);

/// Opens a stored payment, unless it is open already.
pub(super) async fn open(db: &Db, shop: &Shop, mut payment: Payment) -> Result<Payment, Problem> {
    if payment.status != Status::Opening {
        return Ok(payment);
    }
    if let Err(problem) = watch(shop, &payment).await {
        // The code is not watched and was not shown. A store that did not answer may still have opened it.
        if problem.status.is_client_error() {
            db.remove_unopened(shop.id, &payment.id).await?;
        }
        return Err(problem);
    }
    payment.attempt.deeplink = deeplink(shop, &payment.attempt).await;
    db.payment_opened(shop.id, &payment).await?;
    change::load(db, shop, &payment.id).await
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
    let order = bakong_flow::OrderId::new(&payment.order_id).map_err(|_| Problem::internal())?;
    let khqr = merchant::parse(&attempt.code).ok_or_else(Problem::internal)?;
    let mut watched =
        bakong_flow::Payment::of_khqr(order, &khqr).map_err(|_| Problem::internal())?;
    if let Some(details) = &mut watched.details {
        details.metadata = Some(format!(r#"{{"payment":"{}"}}"#, payment.id).into());
    }
    let result = match shop.watcher.watch(watched, shop.policy).await {
        Err(WatchError::Refused(OpenError::Known)) if is_known(shop, payment).await? => Ok(()),
        Err(error) => Err(refusal(&error, shop)),
        Ok(_) => Ok(()),
    };
    result.inspect_err(|problem| {
        tracing::warn!(payment = %payment.id, code = problem.code, "a payment was not opened");
    })
}

/// Watches a code that another program created, of which only the MD5 is known. Does nothing if the code is watched.
pub(crate) async fn watch_md5(shop: &Shop, md5: Md5Handle) -> Result<(), Problem> {
    let order = bakong_flow::OrderId::new(&md5.to_string()).map_err(|_| Problem::internal())?;
    let expires_at = shop.now().saturating_add(shop.dropin_expires_in);
    let payment = bakong_flow::Payment::of_md5(order, md5, expires_at);
    match shop.watcher.watch(payment, shop.policy).await {
        // Another request was faster.
        Err(WatchError::Refused(OpenError::Known)) => Ok(()),
        Err(error) => Err(refusal(&error, shop)),
        Ok(_) => Ok(()),
    }
}

/// Returns why a payment was not opened.
fn refusal(error: &WatchError, shop: &Shop) -> Problem {
    match error {
        WatchError::Refused(OpenError::NoQuota { until }) => no_quota(*until, shop.now()),
        WatchError::Refused(OpenError::OrderSettled) => {
            Problem::conflict("order_paid", "the order is already paid")
        }
        WatchError::Refused(OpenError::TokenRejected) => Problem::unavailable(
            "bakong_token_rejected",
            "Bakong rejects the token of this server, so no payment could be seen; set a new token",
        ),
        WatchError::Refused(_) => {
            Problem::conflict("code_used", "the code was used before; try again")
        }
        WatchError::StoreUnavailable => Problem::unavailable(
            "store_unavailable",
            "the store or the leader did not answer in time; try again",
        ),
        _ => shutting_down(),
    }
}

/// Whether the store has this attempt, because an interrupted request opened it.
async fn is_known(shop: &Shop, payment: &Payment) -> Result<bool, Problem> {
    let found = shop
        .store
        .find(&PaymentKey::Md5(payment.attempt.md5))
        .await?;
    let order = &payment.order_id;
    Ok(found
        .iter()
        .any(|found| found.payment.order.as_str() == order))
}

/// Ends the creation of payments that was interrupted: marks those as open that the store has, and the others as failed.
pub(crate) async fn recover_unopened(db: &Db, shop: &Shop, now: Timestamp) -> Result<(), Problem> {
    let before = Timestamp::from_millis(
        now.as_millis()
            .saturating_sub(u64::try_from(INTERRUPTED_AFTER.as_millis()).unwrap_or(u64::MAX)),
    );
    for mut payment in db.unopened(shop.id, before).await? {
        if is_known(shop, &payment).await? {
            db.payment_opened(shop.id, &payment).await?;
            continue;
        }
        payment.status = Status::Failed;
        payment.reasons = vec![Reason::NotOpened];
        let changed = db.change_payment(shop.id, &payment, None).await?;
        tracing::info!(payment = %payment.id, stored = changed == Changed::Stored, "an interrupted payment was ended");
    }
    Ok(())
}

/// The problem of a payment that cannot be opened because of the quota.
fn no_quota(until: Timestamp, now: Timestamp) -> Problem {
    Problem {
        retry_after: Some(until.saturating_since(now).as_secs().max(1)),
        ..Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "no_quota",
            "no request to Bakong can be reserved for this payment, so the server could not see whether it is paid; do not show another code",
        )
    }
}
