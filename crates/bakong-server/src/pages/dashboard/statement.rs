//! `/dashboard/statement`: the books of a day.

use askama::Template;
use axum::extract::Query;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;

use crate::api::statement::{self, Entry, StatementBody};
use crate::pages::page::{Base, PageError, render};
use crate::pages::session::{Bar, Staff};

/// Which day.
#[derive(Debug, Deserialize)]
pub(super) struct DayQuery {
    day: Option<String>,
}

impl DayQuery {
    fn day(&self) -> Option<&str> {
        self.day.as_deref().filter(|day| !day.is_empty())
    }
}

#[derive(Template)]
#[template(path = "statement.html")]
struct StatementPage {
    base: Base,
    bar: Bar,
    statement: StatementBody,
}

impl StatementPage {
    /// Returns the entries with a class and a name for their status.
    fn entries(&self) -> impl Iterator<Item = (&'static str, &'static str, &Entry)> {
        let t = self.base.t;
        let settled = self.statement.settled.iter();
        let settled = settled.map(move |entry| ("good", t.paid, entry));
        let other = self.statement.other_accounts.iter();
        let other = other.map(move |entry| ("wait", t.wrong_recipient, entry));
        let review = self.statement.needs_review.iter();
        let review = review.map(move |entry| ("wait", t.under_review, entry));
        settled.chain(other).chain(review)
    }
}

pub(super) async fn show(
    staff: Staff,
    Query(query): Query<DayQuery>,
) -> Result<Response, PageError> {
    let page = StatementPage {
        base: Base::new(),
        statement: statement::of_day(&staff.shop, query.day()).await?,
        bar: staff.bar,
    };
    Ok(render(&page))
}

pub(super) async fn csv(
    staff: Staff,
    Query(query): Query<DayQuery>,
) -> Result<Response, PageError> {
    let body = statement::of_day(&staff.shop, query.day()).await?;
    let mut response = statement::csv(&body);
    // The day was parsed, so it has only digits and hyphens.
    let name = format!(
        "attachment; filename=\"statement-{}-{}.csv\"",
        staff.bar.mode, body.day
    );
    if let Ok(name) = HeaderValue::try_from(name) {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
