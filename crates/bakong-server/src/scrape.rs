//! `/metrics` in the text format of Prometheus, on an address of its own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bakong_flow::bakong_api::token::TokenState;
use bakong_flow::watcher::{Role, StoreHealth};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::app::App;
use crate::shop::Shop;

/// Returns the route `/metrics`.
pub(crate) fn router(app: App) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state(app)
}

async fn scrape(State(app): State<App>) -> Response {
    match render(&app) {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn render(app: &App) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("bakong_server");
    app.metrics().register(&mut registry);
    gauges(&mut registry, app.shops());
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ShopLabels {
    mode: &'static str,
}

/// Adds what the watchers report now. A worker that does not lead reports no quota.
fn gauges(registry: &mut Registry, shops: &[Arc<Shop>]) {
    let mut add = |name: &str, help: &str, value: &dyn Fn(&Shop) -> Option<u64>| {
        let family = Family::<ShopLabels, Gauge<u64, AtomicU64>>::default();
        for shop in shops {
            if let Some(value) = value(shop) {
                let mode = shop.mode.name();
                family.get_or_create(&ShopLabels { mode }).set(value);
            }
        }
        registry.register(name, help, family);
    };
    add("leader", "Whether this process asks Bakong", &|shop| {
        let role = shop.watcher.health().role;
        Some(matches!(role, Role::Leader { .. }).into())
    });
    add("open_payments", "Payments that are watched", &|shop| {
        let open = shop.watcher.health().open_payments?;
        u64::try_from(open).ok()
    });
    add(
        "bakong_requests_used",
        "Requests to Bakong in the quota window",
        &|shop| Some(shop.watcher.health().usage?.requests.into()),
    );
    add(
        "bakong_requests_limit",
        "Requests that Bakong allows in a quota window",
        &|shop| Some(shop.watcher.health().quota_limit.into()),
    );
    add(
        "bakong_quota_closed",
        "Whether Bakong has closed the quota window",
        &|shop| Some(shop.watcher.health().usage?.closed_at.is_some().into()),
    );
    add("token_usable", "Whether the token can be used", &|shop| {
        let token = shop.watcher.health().token;
        let is_broken = matches!(
            token,
            TokenState::Missing | TokenState::Expired | TokenState::Rejected
        );
        Some((!is_broken).into())
    });
    add(
        "store_failing",
        "Whether the last access to the store failed",
        &|shop| {
            let store = shop.watcher.health().store;
            Some(matches!(store, StoreHealth::Failing { .. }).into())
        },
    );
}
