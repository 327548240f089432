//! The drop-in: Bakong's own endpoints at `/bakong/v1`, for programs that poll Bakong themselves.
//!
//! Such a program changes its base URL and uses an API key as its token. Its lookups by MD5 are answered from the books, so
//! it can poll as often as it wants: the tracker decides when a request goes to Bakong.

mod answer;
mod books;
mod relay;

use axum::Router;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::routing::post;
use bakong_flow::bakong_api::Transaction;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use self::answer::{Answer, ErrorCode};
use super::auth::Caller;
use super::body::MAX_BODY;
use crate::app::App;

/// The base URL of the drop-in, below the address of the server.
const PATH: &str = "/bakong";
const PATH_WITH_VERSION: &str = "/bakong/v1";

/// Returns the routes. Every answer of an endpoint has Bakong's form, also an error.
///
/// An unknown path and a wrong method are problems of the server without a `responseCode`, because a program reads one as
/// "not paid". Some programs add `/v1/…` to a base URL that has `/v1` already, so both paths lead to an endpoint.
pub(super) fn router() -> Router<App> {
    let routes = Router::new()
        .route("/v1/check_transaction_by_md5", post(books::by_md5))
        .route(
            "/v1/check_transaction_by_md5_list",
            post(books::by_md5_list),
        )
        .route("/v1/check_transaction_by_hash", post(relay::by_hash))
        .route(
            "/v1/check_transaction_by_short_hash",
            post(relay::by_short_hash),
        )
        .route("/v1/renew_token", post(renew_token))
        .route("/v1/generate_deeplink_by_qr", post(relay::deeplink))
        .route("/v1/check_bakong_account", post(relay::account))
        .layer(DefaultBodyLimit::max(MAX_BODY));
    Router::new()
        .nest(PATH, routes.clone())
        .nest(PATH_WITH_VERSION, routes)
}

/// The caller of the drop-in: the bearer token is an API key.
struct Program(Caller);

impl FromRequestParts<App> for Program {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Answer> {
        Ok(Self(Caller::from_request_parts(parts, app).await?))
    }
}

/// The body of a request, or why it cannot be read.
type Body = Result<bytes::Bytes, BytesRejection>;

/// Reads the JSON of a body.
fn read<T: DeserializeOwned>(body: Body) -> Result<T, Answer> {
    let body = body
        .ok()
        .and_then(|body| serde_json::from_slice(&body).ok());
    body.ok_or_else(|| Answer::error(ErrorCode::MissingFields))
}

/// Returns a transaction as Bakong reported it.
fn transaction_json(transaction: &Transaction) -> Result<Box<RawValue>, Answer> {
    // It was JSON when it was read.
    RawValue::from_string(transaction.as_json().to_owned()).map_err(|_| Answer::outage())
}

/// The server renews its own token. The program goes on with its API key.
async fn renew_token(_: Program, headers: HeaderMap) -> Answer {
    // The extractor has read the key from this header.
    let key = super::auth::bearer(&headers).unwrap_or_default();
    Answer::token(key)
}
