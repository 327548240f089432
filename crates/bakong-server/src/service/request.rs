//! Requests to Bakong that are not checks. They cost requests of the same quota.

use bakong_flow::CommandError;
use bakong_flow::bakong_api::ApiError;
use bakong_flow::bakong_api::endpoint::Endpoint;

use crate::shop::Shop;

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The rest of the quota is needed for the final checks of payments.
    NoQuota,
    /// The request was not counted, so it was not sent: this worker does not lead, or the store does not answer.
    NotSent(CommandError),
    Failed(ApiError),
}

/// Sends a request if the quota has more requests than payments are open, so that no final check is lost.
pub(crate) async fn send_spare<E: Endpoint>(
    shop: &Shop,
    request: &E,
) -> Result<E::Answer, NoAnswer> {
    let health = shop.watcher.health();
    if let (Some(usage), Some(open)) = (health.usage, health.open_payments) {
        let left = health.quota_limit.saturating_sub(usage.requests);
        let is_closed = usage.closed_at.is_some();
        if is_closed || usize::try_from(left).is_ok_and(|left| left <= open) {
            return Err(NoAnswer::NoQuota);
        }
    }
    let sent = shop.watcher.send(request).await;
    sent.map_err(NoAnswer::NotSent)?.map_err(NoAnswer::Failed)
}
