//! The dashboard: what a shop must look at, and its settings.

mod deliveries;
mod keys;
mod overview;
mod statement;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};

use super::live::{self, Subject};
use super::session::Staff;
use crate::app::App;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/dashboard", get(overview::show))
        .route("/dashboard/events", get(events))
        .route("/dashboard/payments/{id}/resolve", post(overview::resolve))
        .route("/dashboard/webhooks", get(deliveries::show))
        .route(
            "/dashboard/webhooks/{event}/replay",
            post(deliveries::replay),
        )
        .route("/dashboard/statement", get(statement::show))
        .route("/dashboard/statement.csv", get(statement::csv))
        .route("/dashboard/keys", get(keys::show).post(keys::create))
        .route("/dashboard/keys/{id}/revoke", post(keys::revoke))
}

/// Tells the pages when to fetch themselves again.
async fn events(State(app): State<App>, staff: Staff) -> impl IntoResponse {
    live::stream(
        app,
        Subject::Books {
            shop: staff.shop.id,
        },
    )
}
