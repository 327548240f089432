//! `/dashboard`: the quota, payments that need a decision, open payments.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Redirect, Response};
use bakong_flow::bakong_api::token::TokenState;

use crate::api::probes::problems_of;
use crate::api::statement::{BalanceOfRequests, balance};
use crate::app::App;
use crate::db::PaymentFilter;
use crate::domain::{Payment, Reason, Status};
use crate::pages::form::StaffForm;
use crate::pages::format;
use crate::pages::page::{Base, PageError, render};
use crate::pages::session::{Bar, Staff};
use crate::pages::text::Texts;
use crate::problem::Problem;
use crate::service::{self, NewDecision};
use crate::shop::{Mode, Shop};

/// How many payments a list shows.
const MAX_LIST: i64 = 50;
/// Who decided, in the audit log.
const BY: &str = "dashboard";

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Overview {
    base: Base,
    bar: Bar,
    version: String,
    problems: Vec<&'static str>,
    balance: BalanceOfRequests,
    token: &'static str,
    token_expires: Option<String>,
    reviews: Vec<Review>,
    open: Vec<OpenPayment>,
}

/// A payment that needs a decision: what was expected, and what arrived.
struct Review {
    id: String,
    order: String,
    reasons: Vec<&'static str>,
    expected: String,
    expected_account: String,
    created_at: String,
    received: Option<String>,
    received_account: Option<String>,
    from: Option<String>,
    received_at: Option<String>,
    hash: Option<String>,
}

struct OpenPayment {
    order: String,
    description: Option<String>,
    amount: String,
    expires_at: String,
    is_expired: bool,
    checkout: String,
}

impl Review {
    fn of(payment: &Payment, shop: &Shop, t: &'static Texts) -> Self {
        let transaction = payment.transaction.as_ref();
        let received = transaction.and_then(|it| {
            let amount = it.amount.as_deref()?;
            Some(format!(
                "{} {}",
                format::grouped(amount),
                it.currency.as_deref().unwrap_or_default()
            ))
        });
        let at = transaction.and_then(|it| it.created_at_ms);
        Self {
            id: payment.id.clone(),
            order: payment.order_id.clone(),
            reasons: payment
                .reasons
                .iter()
                .map(|reason| name_of(*reason, t))
                .collect(),
            expected: format::amount(payment.amount),
            expected_account: shop.merchant.account.to_string(),
            created_at: format::time(payment.attempt.created_at),
            received,
            received_account: transaction.and_then(|it| it.to_account_id.clone()),
            from: transaction.and_then(|it| it.from_account_id.clone()),
            received_at: at.map(|at| format::time(khqr_core::Timestamp::from_millis(at))),
            hash: transaction.and_then(|it| it.hash.clone()),
        }
    }
}

const fn name_of(reason: Reason, t: &'static Texts) -> &'static str {
    match reason {
        Reason::Late => t.late,
        Reason::AmountMismatch => t.amount_mismatch,
        Reason::WrongCurrency => t.wrong_currency,
        Reason::WrongRecipient => t.wrong_recipient,
        Reason::Duplicate => t.duplicate,
        Reason::Manual => t.manual,
        Reason::Cancelled => t.was_cancelled,
        Reason::Unreadable => t.unreadable,
        Reason::OtherCode => t.other_code_reason,
        Reason::NotOpened => t.not_opened,
    }
}

pub(super) async fn show(State(app): State<App>, staff: Staff) -> Result<Response, PageError> {
    let shop = &staff.shop;
    let base = Base::new();
    let t = base.t;
    shop.opened.written().await;
    let version = app.db().books_version(shop.id).await?;
    let list = async |status| {
        let filter = PaymentFilter {
            status: Some(status),
            ..PaymentFilter::default()
        };
        app.db().payments(shop.id, &filter, None, MAX_LIST).await
    };
    let reviews = list(Status::NeedsReview).await?;
    let open = list(Status::Open).await?;
    let now = shop.now();
    let page = Overview {
        version,
        problems: problems_of(shop),
        balance: balance(shop).await?,
        token: match shop.watcher.health().token {
            TokenState::Valid => t.token_valid,
            TokenState::DueForRenewal | TokenState::Renewing => t.token_due,
            TokenState::Expired => t.token_expired,
            TokenState::Rejected => t.token_rejected,
            _ => t.token_missing,
        },
        token_expires: token_expires(&app, shop).await,
        reviews: reviews
            .iter()
            .map(|payment| Review::of(payment, shop, t))
            .collect(),
        open: open
            .into_iter()
            .map(|payment| OpenPayment {
                amount: format::amount(payment.amount),
                expires_at: format::time(payment.attempt.expires_at),
                is_expired: payment.attempt.expires_at <= now,
                checkout: format!("/pay/{}", payment.checkout_token),
                order: payment.order_id,
                description: payment.description,
            })
            .collect(),
        base,
        bar: staff.bar.clone(),
    };
    Ok(render(&page))
}

/// Returns when the token in the file of a live shop expires.
async fn token_expires(app: &App, shop: &Shop) -> Option<String> {
    let live = app
        .site()
        .live
        .clone()
        .filter(|_| shop.mode == Mode::Live)?;
    let token = tokio::task::spawn_blocking(move || live.token())
        .await
        .ok()?
        .ok()?;
    token.expires_at().map(format::time)
}

/// Stores a decision on a payment that needs one.
pub(super) async fn resolve(
    State(app): State<App>,
    Path(id): Path<String>,
    StaffForm { staff, form }: StaffForm,
) -> Result<Redirect, PageError> {
    let note = form.get("note").to_owned();
    let decision = match form.get("decision") {
        "accept" => NewDecision::accept(note),
        "reject" => NewDecision::reject(note),
        _ => return Err(Problem::invalid("decision", "choose accept or reject").into()),
    };
    service::resolve(app.db(), &staff.shop, &id, decision, BY).await?;
    app.feed().wake();
    Ok(Redirect::to(&staff.link("/dashboard")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::pages::text::texts;

    #[test]
    fn each_reason_has_its_own_name() {
        let reasons = Reason::ALL;
        let names: BTreeSet<_> = reasons.map(|reason| name_of(reason, texts())).into();
        assert_eq!(names.len(), reasons.len());
    }
}
