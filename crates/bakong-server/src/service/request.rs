//! Requests to Bakong that are not checks. They cost requests of the same quota.

use bakong_flow::CommandError;
use bakong_flow::bakong_api::ApiError;
use bakong_flow::bakong_api::endpoint::Endpoint;

use crate::shop::Shop;

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The rest of the quota is reserved.
    NoQuota,
    /// The request was not counted, so it was not sent: this worker does not lead, or the store does not answer.
    NotSent(CommandError),
    Failed(ApiError),
}

/// Sends a request if the quota has one that is not reserved, so that no final check is lost.
pub(crate) async fn send_spare<E: Endpoint>(
    shop: &Shop,
    request: &E,
) -> Result<E::Answer, NoAnswer> {
    match shop.watcher.send_spare(request).await {
        Ok(sent) => sent.map_err(NoAnswer::Failed),
        Err(CommandError::NoQuota { .. }) => Err(NoAnswer::NoQuota),
        Err(error) => Err(NoAnswer::NotSent(error)),
    }
}
