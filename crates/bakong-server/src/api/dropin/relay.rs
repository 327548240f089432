//! Requests that only Bakong can answer. Each of them costs a request of the quota.
//!
//! A request is passed on only if the quota has more requests than payments are open, so that no final check is lost. Only
//! the worker that leads can count a request before it is sent; the others answer that Bakong cannot be reached.

use bakong_flow::bakong_api::endpoint::{
    AccountAnswer, CheckBakongAccount, CheckTransactionByHash, CheckTransactionByShortHash,
    Endpoint, GenerateDeeplinkByQr, SourceInfo,
};
use bakong_flow::bakong_api::{CheckAnswer, ShortHash, TransactionHash};
use khqr_core::{AccountId, Amount, Currency, Khqr};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::{Answer, ErrorCode};
use super::{Body, Program, read, transaction_json};
use crate::domain::parse_amount;
use crate::keys::Scope;
use crate::problem::Problem;
use crate::service::{self, NoAnswer};
use crate::shop::Shop;

#[derive(Deserialize)]
struct HashBody {
    hash: String,
}

/// `check_transaction_by_hash`.
pub(super) async fn by_hash(Program(caller): Program, body: Body) -> Result<Answer, Answer> {
    caller.require(Scope::Read)?;
    let HashBody { hash } = read(body)?;
    let Ok(hash) = TransactionHash::new(&hash) else {
        return Err(Answer::error(ErrorCode::TransactionNotFound));
    };
    check(&caller.shop, &CheckTransactionByHash::new(hash)).await
}

#[derive(Deserialize)]
struct ShortHashBody {
    hash: String,
    amount: Box<RawValue>,
    currency: String,
}

/// `check_transaction_by_short_hash`.
pub(super) async fn by_short_hash(Program(caller): Program, body: Body) -> Result<Answer, Answer> {
    caller.require(Scope::Read)?;
    let body: ShortHashBody = read(body)?;
    let missing = || Answer::error(ErrorCode::MissingFields);
    let currency: Currency = body.currency.parse().map_err(|_| missing())?;
    let amount: Amount = parse_amount(&body.amount, currency).map_err(|_| missing())?;
    let hash = ShortHash::new(&body.hash).map_err(|_| missing())?;
    check(
        &caller.shop,
        &CheckTransactionByShortHash::new(hash, amount),
    )
    .await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeeplinkBody {
    qr: String,
    source_info: Option<SourceBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceBody {
    app_icon_url: String,
    app_name: String,
    app_deep_link_callback: String,
}

/// `generate_deeplink_by_qr`.
pub(super) async fn deeplink(Program(caller): Program, body: Body) -> Result<Answer, Answer> {
    caller.require(Scope::Create)?;
    let body: DeeplinkBody = read(body)?;
    let missing = || Answer::error(ErrorCode::MissingFields);
    let khqr = Khqr::parse(&body.qr).map_err(|_| missing())?;
    let mut request = GenerateDeeplinkByQr::new(&khqr);
    if let Some(it) = &body.source_info {
        let source = SourceInfo::new(&it.app_icon_url, &it.app_name, &it.app_deep_link_callback);
        request = request.with_source(source.map_err(|_| missing())?);
    }
    let link = send(&caller.shop, &request).await?;
    Ok(Answer::deeplink(link.as_str()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountBody {
    account_id: String,
}

/// `check_bakong_account`.
pub(super) async fn account(Program(caller): Program, body: Body) -> Result<Answer, Answer> {
    caller.require(Scope::Read)?;
    let AccountBody { account_id } = read(body)?;
    let invalid = || Answer::error(ErrorCode::AccountInvalid);
    let account = AccountId::new(&account_id).map_err(|_| invalid())?;
    match send(&caller.shop, &CheckBakongAccount::new(account)).await? {
        AccountAnswer::Exists => Ok(Answer::account_exists()),
        AccountAnswer::NotFound => Err(Answer::error(ErrorCode::AccountNotFound)),
        AccountAnswer::Invalid => Err(invalid()),
        // A result that this version does not know.
        _ => Err(Problem::internal("Bakong sent an answer that this version does not know").into()),
    }
}

async fn check(
    shop: &Shop,
    request: &impl Endpoint<Answer = CheckAnswer>,
) -> Result<Answer, Answer> {
    let code = match send(shop, request).await? {
        CheckAnswer::Paid(transaction) => {
            return Ok(Answer::transaction(&transaction_json(&transaction)?));
        }
        CheckAnswer::NotFound => ErrorCode::TransactionNotFound,
        CheckAnswer::Failed => ErrorCode::TransactionFailed,
        CheckAnswer::StaticQr => ErrorCode::StaticQr,
        // A result that this version does not know is no answer to the question.
        _ => {
            return Err(
                Problem::internal("Bakong sent an answer that this version does not know").into(),
            );
        }
    };
    Err(Answer::error(code))
}

async fn send<E: Endpoint>(shop: &Shop, request: &E) -> Result<E::Answer, Answer> {
    let sent = service::send_spare(shop, request).await;
    sent.map_err(|no_answer| match no_answer {
        NoAnswer::NoQuota => Answer::error(ErrorCode::QuotaExhausted),
        NoAnswer::NotSent(error) => Problem::from(error).into(),
        NoAnswer::Failed(error) => error.into(),
    })
}
