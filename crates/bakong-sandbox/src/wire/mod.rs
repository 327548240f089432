//! The wire format of the Open API, byte for byte.
//!
//! Architecture Invariant: this module is written from the documents alone and shares no code with the
//! client crates, so that client and server cannot share a mistake.

mod endpoint;
mod failure;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use khqr_core::{Amount, Currency};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

pub use self::endpoint::ApiEndpoint;
pub(crate) use self::endpoint::TokenUse;
use self::failure::quota_message;
pub(crate) use self::failure::{Failure, documented_message};
use crate::bank::{Lookup, Transfer};

/// A complete response.
pub(crate) type Answer = Response<Bytes>;

/// The maximum number of identifiers in a list request.
pub(crate) const MAX_LIST: usize = 50;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html");

/// The page with which nginx rejects a client.
const FORBIDDEN_PAGE: &str = "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n\
    <center><h1>403 Forbidden</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

/// The response after the daily quota is spent, as reported from production, where the limit is 100.
pub(crate) fn quota_exhausted(limit: u32) -> Answer {
    failure(StatusCode::OK, 17, &quota_message(limit))
}

/// A failure in the API's envelope. The keys have the order of the reference's sample for this error code.
pub(crate) fn failure(status: StatusCode, error_code: u8, message: &str) -> Answer {
    let order = match error_code {
        11 | 12 => KeyOrder::DataLast,
        _ => KeyOrder::DataFirst,
    };
    envelope(order, status, 1, Some(error_code), message, None::<()>)
}

/// The order of the keys of an envelope.
#[derive(Clone, Copy)]
enum KeyOrder {
    /// As in the reference's samples of failures, tokens and links.
    DataFirst,
    /// As in real responses with transactions, and in the reference's samples of accounts.
    DataLast,
}

fn envelope<T: Serialize>(
    order: KeyOrder,
    status: StatusCode,
    response_code: u8,
    error_code: Option<u8>,
    response_message: &str,
    data: Option<T>,
) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct DataFirst<'a, T> {
        data: Option<T>,
        error_code: Option<u8>,
        response_code: u8,
        response_message: &'a str,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct DataLast<'a, T> {
        response_code: u8,
        response_message: &'a str,
        error_code: Option<u8>,
        data: Option<T>,
    }

    let body = match order {
        KeyOrder::DataFirst => serde_json::to_vec(&DataFirst {
            data,
            error_code,
            response_code,
            response_message,
        }),
        KeyOrder::DataLast => serde_json::to_vec(&DataLast {
            response_code,
            response_message,
            error_code,
            data,
        }),
    };
    // Serialization does not fail; if it did, the client should see an outage.
    match body {
        Ok(body) => with_body(status, JSON, body.into()),
        Err(_) => with_body(StatusCode::INTERNAL_SERVER_ERROR, JSON, Bytes::new()),
    }
}

#[derive(Serialize)]
struct Token<'a> {
    token: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deeplink {
    short_link: String,
}

/// The kind of identifiers in a list request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ListedBy {
    Md5,
    Hash,
}

/// The result for one identifier of a list.
#[derive(Serialize)]
struct Item<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    md5: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<&'a str>,
    status: &'static str,
    message: &'static str,
    data: Option<Transaction<'a>>,
}

/// A transaction, with the key order of real responses.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Transaction<'a> {
    hash: &'a str,
    from_account_id: &'a str,
    to_account_id: &'a str,
    currency: &'static str,
    #[serde(serialize_with = "plain_number")]
    amount: Amount,
    description: Option<&'a str>,
    created_date_ms: u64,
    acknowledged_date_ms: u64,
    // Null in almost every real response.
    tracking_status: Option<&'a str>,
    receiver_bank: Option<&'a str>,
    receiver_bank_account: Option<&'a str>,
    instruction_ref: Option<&'a str>,
    external_ref: &'a str,
}

/// The response to a request that the API refuses.
pub(crate) fn refusal(failure: Failure) -> Answer {
    let status = match failure {
        Failure::Unauthorized => StatusCode::UNAUTHORIZED,
        _ => StatusCode::OK,
    };
    self::failure(status, failure.error_code(), failure.message())
}

pub(crate) fn email_sent() -> Answer {
    success(None::<()>, "Email has been sent")
}

pub(crate) fn token_issued(token: &str) -> Answer {
    success(Some(Token { token }), "Token has been issued")
}

fn success<T: Serialize>(data: Option<T>, message: &str) -> Answer {
    envelope(KeyOrder::DataFirst, StatusCode::OK, 0, None, message, data)
}

pub(crate) fn deeplink(short_link: String) -> Answer {
    success(
        Some(Deeplink { short_link }),
        "Getting deep link successfully",
    )
}

pub(crate) fn account_exists() -> Answer {
    found(None::<()>, "Account ID exists")
}

pub(crate) fn transaction(payment: &Transfer) -> Answer {
    found(Some(Transaction::of(payment)), TRANSACTION_FOUND)
}

/// The response to a list request: one item for each identifier, in the order of the request.
pub(crate) fn transactions<'a>(
    listed_by: ListedBy,
    results: impl Iterator<Item = (&'a str, Lookup<'a>)>,
) -> Answer {
    let items: Vec<_> = results
        .map(|(identifier, found)| Item::of(listed_by, identifier, found))
        .collect();
    found(Some(items), SUCCESS)
}

/// The reference's message for a transaction that was found. The live service also sends `Success`.
const TRANSACTION_FOUND: &str = "Getting transaction successfully.";

/// The message of a list, and of an item with a transaction. The reference contains no lists.
const SUCCESS: &str = "Success";

fn found<T: Serialize>(data: Option<T>, message: &str) -> Answer {
    envelope(KeyOrder::DataLast, StatusCode::OK, 0, None, message, data)
}

impl<'a> Item<'a> {
    fn of(listed_by: ListedBy, identifier: &'a str, found: Lookup<'a>) -> Self {
        let (status, message, data) = match found {
            Lookup::Transferred(payment) => ("SUCCESS", SUCCESS, Some(Transaction::of(payment))),
            Lookup::NotFound => ("NOT_FOUND", Failure::TransactionNotFound.message(), None),
            Lookup::StaticCode => ("STATIC_QR", Failure::StaticQr.message(), None),
            Lookup::Failed => ("FAILED", Failure::TransactionFailed.message(), None),
        };
        let named = |by| (listed_by == by).then_some(identifier);
        Self {
            md5: named(ListedBy::Md5),
            hash: named(ListedBy::Hash),
            status,
            message,
            data,
        }
    }
}

impl<'a> Transaction<'a> {
    fn of(payment: &'a Transfer) -> Self {
        Self {
            hash: payment.hash(),
            from_account_id: payment.payer().as_str(),
            to_account_id: payment.payee().as_str(),
            currency: payment.amount().currency().alphabetic_code(),
            amount: payment.amount(),
            description: payment.description(),
            created_date_ms: payment.created_at().as_millis(),
            acknowledged_date_ms: payment.acknowledged_at().as_millis(),
            tracking_status: None,
            receiver_bank: None,
            receiver_bank_account: None,
            instruction_ref: payment.instruction_ref(),
            external_ref: payment.external_ref(),
        }
    }
}

/// The response to a request that does not belong to the API. The response has no error code, because none fits.
pub(crate) fn rejected(status: StatusCode) -> Answer {
    rejected_for(status, status.canonical_reason().unwrap_or("Rejected"))
}

/// Like [`rejected`], with this message.
pub(crate) fn rejected_for(status: StatusCode, message: &str) -> Answer {
    envelope(KeyOrder::DataFirst, status, 1, None, message, None::<()>)
}

pub(crate) fn method_not_allowed() -> Answer {
    let mut answer = rejected(StatusCode::METHOD_NOT_ALLOWED);
    let post = HeaderValue::from_static("POST");
    answer.headers_mut().insert(ALLOW, post);
    answer
}

pub(crate) fn forbidden_page() -> Answer {
    with_body(
        StatusCode::FORBIDDEN,
        HTML,
        Bytes::from_static(FORBIDDEN_PAGE.as_bytes()),
    )
}

pub(crate) fn with_body(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

/// Serializes an amount as the shortest JSON number (`1`, `1.5`, `0.01`, `4400`), without a float.
fn plain_number<S: Serializer>(amount: &Amount, serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = amount.payload_text().to_string();
    if amount.currency() == Currency::Usd && text.contains('.') {
        text.truncate(text.trim_end_matches('0').len());
    }
    RawValue::from_string(text)
        .map_err(serde::ser::Error::custom)?
        .serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(answer: &Answer) -> &str {
        std::str::from_utf8(answer.body()).unwrap()
    }

    #[test]
    fn amounts_are_the_shortest_numbers() {
        #[derive(Serialize)]
        #[serde(transparent)]
        struct Number(#[serde(serialize_with = "plain_number")] Amount);
        for (units, currency, expected) in [
            (100, Currency::Usd, "1"),
            (150, Currency::Usd, "1.5"),
            (151, Currency::Usd, "1.51"),
            (1, Currency::Usd, "0.01"),
            (100_000, Currency::Usd, "1000"),
            (4_400, Currency::Khr, "4400"),
            (u64::MAX, Currency::Usd, "184467440737095516.15"),
            (u64::MAX, Currency::Khr, "18446744073709551615"),
        ] {
            let number = Number(Amount::from_minor_units(units, currency));
            assert_eq!(serde_json::to_string(&number).unwrap(), expected);
        }
    }

    #[test]
    fn failures_match_the_reference() {
        assert_eq!(
            text(&refusal(Failure::TransactionNotFound)),
            r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction could not be found. Please check and try again."}"#
        );
        assert_eq!(
            text(&refusal(Failure::TransactionFailed)),
            r#"{"data":null,"errorCode":3,"responseCode":1,"responseMessage":"Transaction failed."}"#
        );
        assert_eq!(refusal(Failure::Unauthorized).status(), 401);
    }

    #[test]
    fn token_responses_match_the_reference() {
        assert_eq!(
            text(&email_sent()),
            r#"{"data":null,"errorCode":null,"responseCode":0,"responseMessage":"Email has been sent"}"#
        );
        assert_eq!(
            text(&token_issued("<jwt-token>")),
            r#"{"data":{"token":"<jwt-token>"},"errorCode":null,"responseCode":0,"responseMessage":"Token has been issued"}"#
        );
    }

    #[test]
    fn a_rejection_has_no_error_code() {
        let answer = rejected(StatusCode::NOT_FOUND);
        assert_eq!(
            text(&answer),
            r#"{"data":null,"errorCode":null,"responseCode":1,"responseMessage":"Not Found"}"#
        );
    }
}
