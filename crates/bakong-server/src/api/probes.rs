//! Probes for a load balancer or a supervisor.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bakong_flow::bakong_api::token::TokenState;
use bakong_flow::watcher::{Role, StoreHealth};
use serde::Serialize;

use crate::app::App;
use crate::shop::Shop;

/// The process runs.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the server can take payments, and why not.
#[derive(Serialize)]
pub(super) struct Readiness {
    ready: bool,
    /// What prevents payments.
    problems: Vec<String>,
}

pub(super) async fn readyz(State(app): State<App>) -> (StatusCode, Json<Readiness>) {
    let mut problems = Vec::new();
    if app.db().ping().await.is_err() {
        problems.push("the store cannot be read; the log has the reason".to_owned());
    }
    for shop in app.shops() {
        let name = shop.mode.name();
        problems.extend(
            problems_of(shop)
                .into_iter()
                .map(|problem| format!("{name}: {problem}")),
        );
    }
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let ready = problems.is_empty();
    (status, Json(Readiness { ready, problems }))
}

/// Returns what prevents payments of a shop.
pub(crate) fn problems_of(shop: &Shop) -> Vec<&'static str> {
    let health = shop.watcher.health();
    let mut problems = Vec::new();
    if let Role::Ended = health.role {
        problems.push("the watcher has ended; restart the server");
    }
    if let StoreHealth::Failing { .. } = health.store {
        problems.push("the store of the payments fails; the log has the reason");
    }
    if shop.has_stuck_events.load(Ordering::SeqCst) {
        problems.push("the events of the payments cannot be read or applied, so no payment changes; the log has the reason");
    }
    match health.token {
        TokenState::Missing => problems.push("there is no token; set token_file"),
        TokenState::Expired => {
            problems.push("the token has expired; renew it with bakong token renew");
        }
        TokenState::Rejected => problems.push("Bakong rejects the token; set a new one"),
        _ => {}
    }
    problems
}
