//! `/dashboard/keys`: API keys.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Redirect, Response};
use khqr_core::Timestamp;

use crate::api::keys::add;
use crate::app::App;
use crate::db::KeyRow;
use crate::keys::Scope;
use crate::pages::form::StaffForm;
use crate::pages::format;
use crate::pages::page::{Base, PageError, render};
use crate::pages::session::{Bar, Staff};

#[derive(Template)]
#[template(path = "keys.html")]
struct Keys<'a> {
    base: Base,
    bar: Bar,
    keys: Vec<KeyRow>,
    /// The key that was just created. It cannot be shown again.
    created: Option<&'a str>,
}

impl Keys<'_> {
    fn time(&self, key: &KeyRow) -> String {
        format::time(key.created_at)
    }
}

pub(super) async fn show(State(app): State<App>, staff: Staff) -> Result<Response, PageError> {
    list(&app, &staff, None).await
}

async fn list(app: &App, staff: &Staff, created: Option<&str>) -> Result<Response, PageError> {
    let page = Keys {
        base: Base::new(),
        bar: staff.bar.clone(),
        keys: app.db().keys(staff.shop.id).await?,
        created,
    };
    Ok(render(&page))
}

/// Creates a key and shows it once. The page is not stored, because the answer has `no-store`.
pub(super) async fn create(
    State(app): State<App>,
    StaffForm { staff, form }: StaffForm,
) -> Result<Response, PageError> {
    let scopes: Vec<Scope> = form
        .all("scope")
        .filter_map(|name| name.parse().ok())
        .collect();
    let (_, key) = add(&app, &staff.shop, form.get("name").trim(), &scopes).await?;
    list(&app, &staff, Some(key.expose())).await
}

pub(super) async fn revoke(
    State(app): State<App>,
    Path(id): Path<String>,
    StaffForm { staff, .. }: StaffForm,
) -> Result<Redirect, PageError> {
    if !app
        .db()
        .revoke_key(staff.shop.id, &id, Timestamp::now())
        .await?
    {
        return Err(PageError::not_found());
    }
    Ok(Redirect::to(&staff.link("/dashboard/keys")))
}
