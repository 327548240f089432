//! Starts what the demo shop needs: its webhook endpoint, and an early check of each payment that the sandbox's customers make.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bakong_sandbox::{Sandbox, TransferStatus};
use khqr_core::Timestamp;
use tokio::sync::watch;

use crate::db::{Db, EndpointKind, EndpointRow, StoredSecret};
use crate::error::StartError;
use crate::service;
use crate::shop::Shop;
use crate::site::Demo;
use crate::webhooks::Secret;

/// The id of the endpoint. There is one, with a new secret and a new address at each start.
const ENDPOINT: &str = "we_demo";
/// How often to look for new transfers.
const POLL: Duration = Duration::from_millis(200);

/// Creates the webhook endpoint of the demo shop.
pub(crate) async fn start(db: &Db, shop: &Shop, address: SocketAddr) -> Result<Demo, StartError> {
    let secret = Secret::random().map_err(|error| StartError::new(error.to_string()))?;
    db.delete_endpoint(shop.id, ENDPOINT).await?;
    let endpoint = EndpointRow {
        id: ENDPOINT.to_owned(),
        kind: EndpointKind::Webhook,
        url: format!("http://{address}/demo/webhook"),
        types: String::new(),
        secret: StoredSecret(secret.expose().to_owned()),
        previous_secret: None,
        is_enabled: true,
        disabled_reason: None,
        failing_since: None,
        created_at: Timestamp::now(),
    };
    db.add_endpoint(shop.id, &endpoint).await?;
    Ok(Demo::new(secret))
}

/// Asks for an early check after each transfer, until `stop`. A real Bakong does not tell when money arrives, so a real shop waits
/// for the next check of the schedule.
pub(crate) async fn check_early(
    shop: Arc<Shop>,
    sandbox: Arc<Sandbox>,
    mut stop: watch::Receiver<bool>,
) {
    let mut seen = sandbox.payments().len();
    loop {
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let transfers = sandbox.payments();
        // A reset of the sandbox deletes its transfers.
        for transfer in transfers
            .get(seen.min(transfers.len())..)
            .unwrap_or_default()
        {
            let has_moved = transfer.status() == TransferStatus::Transferred;
            if has_moved && let Err(problem) = service::check(&shop, transfer.md5()).await {
                tracing::debug!(
                    code = problem.code.name(),
                    "an early check was not possible"
                );
            }
        }
        seen = transfers.len();
    }
}
