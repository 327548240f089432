//! Lookups by MD5, answered from the books.

use axum::extract::State;
use bakong_flow::bakong_api::Transaction;
use bakong_flow::store::{Decision, PaymentKey, PaymentStore, StoredPayment};
use bakong_flow::{Mismatch, Outcome};
use khqr_core::Md5Handle;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::answer::{Answer, ErrorCode};
use super::{Body, Program, read, transaction_json};
use crate::api::auth::Caller;
use crate::app::App;
use crate::keys::Scope;
use crate::problem::Problem;
use crate::service;

/// The maximum number of MD5s in a list, as in Bakong's API.
const MAX_LIST: usize = 50;

#[derive(Deserialize)]
struct Md5Body {
    md5: String,
}

/// `check_transaction_by_md5`.
pub(super) async fn by_md5(
    State(app): State<App>,
    Program(caller): Program,
    body: Body,
) -> Result<Answer, Answer> {
    let Md5Body { md5 } = read(body)?;
    match look_up(&app, &caller, &md5).await? {
        Found::Transaction(json) => Ok(Answer::transaction(&json)),
        Found::Error(code) => Err(Answer::error(code)),
    }
}

/// An item of a list.
#[derive(Serialize)]
struct Item<'a> {
    md5: &'a str,
    status: &'static str,
    message: &'static str,
    data: Option<Box<RawValue>>,
}

/// `check_transaction_by_md5_list`.
pub(super) async fn by_md5_list(
    State(app): State<App>,
    Program(caller): Program,
    body: Body,
) -> Result<Answer, Answer> {
    let list: Vec<String> = read(body)?;
    if !(1..=MAX_LIST).contains(&list.len()) {
        return Err(Answer::error(ErrorCode::MissingFields));
    }
    let mut items = Vec::with_capacity(list.len());
    for md5 in &list {
        let found = look_up(&app, &caller, md5).await?;
        let (status, message, data) = match found {
            Found::Transaction(json) => ("SUCCESS", "Success", Some(json)),
            Found::Error(code) => (status(code), code.message(), None),
        };
        items.push(Item {
            md5,
            status,
            message,
            data,
        });
    }
    Ok(Answer::list(&items))
}

const fn status(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::StaticQr => "STATIC_QR",
        ErrorCode::TransactionFailed => "FAILED",
        _ => "NOT_FOUND",
    }
}

/// What the books say about an MD5.
enum Found {
    /// The transaction, as Bakong reported it.
    Transaction(Box<RawValue>),
    Error(ErrorCode),
}

/// Looks an MD5 up. The code of an unknown MD5 is watched from now on.
async fn look_up(app: &App, caller: &Caller, text: &str) -> Result<Found, Answer> {
    caller.require(Scope::Read)?;
    let not_found = Found::Error(ErrorCode::TransactionNotFound);
    // "Not found" would make the program ask for a text that cannot be paid until it gives up.
    let Ok(md5) = text.parse::<Md5Handle>() else {
        return Ok(Found::Error(ErrorCode::MissingFields));
    };
    let shop = &caller.shop;
    let stored = shop.store.find(&PaymentKey::Md5(md5)).await;
    if let Some(stored) = stored.map_err(Problem::from)?.pop() {
        return found(&stored);
    }
    // The server is about to show this code.
    let is_opening = app.db().is_opening(shop.id, &md5).await;
    if !is_opening.map_err(Problem::from)? {
        caller.require(Scope::Create)?;
        service::watch_md5(shop, md5).await?;
    }
    Ok(not_found)
}

/// Returns what a program learns about a payment.
///
/// Nobody but the program knows the order of a code that another program created, so the program compares the
/// transaction. A payment of this server that is under review is not reported as paid.
fn found(stored: &StoredPayment) -> Result<Found, Answer> {
    let error = |code| Ok(Found::Error(code));
    let not_found = error(ErrorCode::TransactionNotFound);
    let Some((outcome, _)) = &stored.finished else {
        return not_found;
    };
    let decision = stored.resolution.as_ref().map(|made| made.decision);
    match outcome {
        Outcome::Paid { transaction, .. } => json(transaction),
        Outcome::NeedsReview {
            transaction,
            mismatches,
        } => {
            let is_foreign = stored.payment.expected.is_none();
            let mut mismatches = mismatches.iter();
            let is_unreadable = |it: &Mismatch| matches!(it, Mismatch::Unreadable(_));
            match decision {
                Some(Decision::Accept) => json(transaction),
                None if is_foreign && mismatches.all(is_unreadable) => json(transaction),
                _ => not_found,
            }
        }
        Outcome::Failed => error(ErrorCode::TransactionFailed),
        Outcome::StaticQr => error(ErrorCode::StaticQr),
        _ => not_found,
    }
}

fn json(transaction: &Transaction) -> Result<Found, Answer> {
    transaction_json(transaction).map(Found::Transaction)
}
