//! `/dashboard/webhooks`: what was delivered, and deliver it again.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Redirect, Response};

use crate::app::App;
use crate::db::{EndpointRow, RecentDelivery};
use crate::pages::form::StaffForm;
use crate::pages::format;
use crate::pages::page::{Base, PageError, render};
use crate::pages::session::{Bar, Staff};

/// How many deliveries the list shows.
const MAX_LIST: i64 = 50;

#[derive(Template)]
#[template(path = "webhooks.html")]
struct Deliveries {
    base: Base,
    bar: Bar,
    version: String,
    endpoints: Vec<EndpointRow>,
    deliveries: Vec<RecentDelivery>,
}

impl Deliveries {
    fn time(&self, delivery: &RecentDelivery) -> String {
        format::time(delivery.created_at)
    }

    /// Returns what happened at the last attempt.
    fn last(&self, delivery: &RecentDelivery) -> String {
        match (delivery.last_status, &delivery.last_error) {
            (Some(status), _) => format!("HTTP {status}"),
            (None, Some(error)) => error.clone(),
            (None, None) => String::new(),
        }
    }

    fn status(&self, delivery: &RecentDelivery) -> &'static str {
        match delivery.status.as_str() {
            "delivered" => self.base.t.delivered,
            "failed" => self.base.t.not_delivered,
            _ => self.base.t.pending,
        }
    }
}

pub(super) async fn show(State(app): State<App>, staff: Staff) -> Result<Response, PageError> {
    let (db, shop) = (app.db(), staff.shop.id);
    let page = Deliveries {
        base: Base::new(),
        version: db.books_version(shop).await?,
        endpoints: db.endpoints(shop).await?,
        deliveries: db.recent_deliveries(shop, MAX_LIST).await?,
        bar: staff.bar,
    };
    Ok(render(&page))
}

/// Delivers an event again to all enabled endpoints.
pub(super) async fn replay(
    State(app): State<App>,
    Path(event): Path<String>,
    StaffForm { staff, .. }: StaffForm,
) -> Result<Redirect, PageError> {
    if !app.db().replay(staff.shop.id, &event).await? {
        return Err(PageError::not_found());
    }
    app.feed().wake();
    Ok(Redirect::to(&staff.link("/dashboard/webhooks")))
}
