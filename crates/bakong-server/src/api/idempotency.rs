//! The header `Idempotency-Key`: a request that is repeated gets the answer of the first one.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use khqr_core::Timestamp;

use super::auth::Caller;
use super::body::RawBody;
use crate::db::{Claim, Claimed, Db, LOCK, OpenedPayment};
use crate::domain::Payment;
use crate::ids;
use crate::problem::{Code, Problem};

/// The maximum length of a key in bytes.
const MAX_KEY: usize = 255;

/// An answer with a JSON body.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    body: String,
    /// The payment whose code the answer shows for the first time.
    opened: Option<OpenedPayment>,
}

impl Answer {
    pub(super) fn json(status: StatusCode, body: &impl serde::Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(body).map_err(Problem::internal)?;
        Ok(Self {
            status,
            body,
            opened: None,
        })
    }

    /// Marks a payment as open in the transaction that stores the answer.
    pub(super) fn opening(mut self, payment: &Payment) -> Self {
        self.opened = Some(OpenedPayment::of(payment));
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let kind = if self.status.is_success() {
            "application/json"
        } else {
            "application/problem+json"
        };
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(kind))];
        (self.status, kind, self.body).into_response()
    }
}

/// Executes a request once for each key. Without a key, executes it.
///
/// Stores successes, and refusals that a repetition would get too. After another error, a repetition is executed. After 400,
/// the key can be used for the corrected request.
pub(super) async fn once(
    db: &Db,
    caller: &Caller,
    headers: &HeaderMap,
    path: &str,
    body: &RawBody,
    execute: impl AsyncFnOnce(Option<&Claim>) -> Result<Answer, Problem>,
) -> Result<Response, Problem> {
    let shop = caller.shop.id;
    let Some(key) = key(headers)? else {
        return Ok(execute(None).await?.into_response());
    };
    let fingerprint = ids::sha256(&[path.as_bytes(), &body.0]);
    let owner = ids::random("")?;
    let now = Timestamp::now();
    let claim = match db.claim(shop, key, &fingerprint, owner, now).await? {
        Claimed::New(claim) => claim,
        Claimed::Answered { status, body } => {
            let status = StatusCode::from_u16(status).map_err(Problem::internal)?;
            let answer = Answer {
                status,
                body,
                opened: None,
            };
            let mut response = answer.into_response();
            let replayed = HeaderValue::from_static("true");
            response
                .headers_mut()
                .insert("idempotent-replayed", replayed);
            return Ok(response);
        }
        Claimed::InProgress => {
            return Err(Problem {
                retry_after: Some(1),
                ..Problem::new(
                    Code::IdempotencyInProgress,
                    "another request with this Idempotency-Key is in progress; try again",
                )
            });
        }
        Claimed::OtherRequest => {
            return Err(Problem::new(
                Code::IdempotencyMismatch,
                "this Idempotency-Key was used for a request with another method, path or body; use the key only to repeat the same request",
            ));
        }
    };
    let mut executing = std::pin::pin!(execute(Some(&claim)));
    let result = loop {
        tokio::select! {
            result = &mut executing => break result,
            () = tokio::time::sleep(LOCK / 3) => {
                if let Err(error) = db.extend(shop, &claim, Timestamp::now()).await {
                    tracing::warn!(%error, "an idempotency key was not extended");
                }
            }
        }
    };
    let (status, body, opened) = match &result {
        Ok(answer) => (answer.status, answer.body.clone(), answer.opened.as_ref()),
        Err(problem) if problem.is_final() => (problem.status(), problem.to_json(), None),
        Err(problem) => {
            if problem.status() == StatusCode::BAD_REQUEST {
                db.forget(shop, &claim).await?;
            } else {
                db.release(shop, &claim).await?;
            }
            return result.map(IntoResponse::into_response);
        }
    };
    db.answer(shop, &claim, status.as_u16(), &body, opened)
        .await?;
    result.map(IntoResponse::into_response)
}

fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = value.to_str().ok();
    let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let is_valid =
        |key: &&str| !key.is_empty() && key.len() <= MAX_KEY && key.bytes().all(is_printable);
    let key = key.filter(is_valid).ok_or_else(|| {
        let detail = format!("an Idempotency-Key has 1 to {MAX_KEY} printable ASCII characters");
        Problem::invalid("Idempotency-Key", detail)
    })?;
    Ok(Some(key))
}
