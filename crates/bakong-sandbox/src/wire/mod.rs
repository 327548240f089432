//! What goes over the wire, byte for byte: written here from the documents and from nothing else, so that
//! a client of this workspace cannot be right by sharing a mistake with its server.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use khqr_core::{Amount, Currency};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

pub(crate) use crate::failure::Failure;
use crate::failure::quota_message;
use crate::ledger::LookUp;
use crate::payment::Transfer;

/// A complete answer.
pub(crate) type Answer = Response<Bytes>;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html");

/// The page of an nginx that turns a client away.
const FORBIDDEN_PAGE: &str = "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n\
    <center><h1>403 Forbidden</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

/// What is said to a token whose requests of the day are spent, as reported from production, where the
/// limit is 100.
pub(crate) fn quota_exhausted(limit: u32) -> Answer {
    failure(StatusCode::OK, 17, &quota_message(limit))
}

/// A failure in the API's envelope, its keys in the order that the reference's samples have for this code.
pub(crate) fn failure(status: StatusCode, error_code: u8, message: &str) -> Answer {
    if matches!(error_code, 11 | 12) {
        let envelope = DataLast {
            response_code: 1,
            response_message: message,
            error_code: Some(error_code),
            data: None::<()>,
        };
        return json(status, &envelope);
    }
    let envelope = DataFirst {
        data: None::<()>,
        error_code: Some(error_code),
        response_code: 1,
        response_message: message,
    };
    json(status, &envelope)
}

/// The envelope with its keys as the reference's samples of failures, tokens and links have them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DataFirst<'a, T> {
    data: Option<T>,
    error_code: Option<u8>,
    response_code: u8,
    response_message: &'a str,
}

/// The envelope with its keys as real answers with transactions, and the reference's samples of accounts,
/// have them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DataLast<'a, T> {
    response_code: u8,
    response_message: &'a str,
    error_code: Option<u8>,
    data: Option<T>,
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

/// By what the transactions of a list were asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ListedBy {
    Md5,
    Hash,
}

/// What became of one identifier of a list.
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

/// A found transaction, its keys in the order of real answers.
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
    // Null in nearly every real answer.
    tracking_status: Option<&'a str>,
    receiver_bank: Option<&'a str>,
    receiver_bank_account: Option<&'a str>,
    instruction_ref: Option<&'a str>,
    external_ref: &'a str,
}

pub(crate) fn email_sent() -> Answer {
    success(None::<()>, "Email has been sent")
}

pub(crate) fn token_issued(token: &str) -> Answer {
    success(Some(Token { token }), "Token has been issued")
}

fn success<T: Serialize>(data: Option<T>, response_message: &'static str) -> Answer {
    let envelope = DataFirst {
        data,
        error_code: None,
        response_code: 0,
        response_message,
    };
    json(StatusCode::OK, &envelope)
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
    found(Some(Transaction::of(payment)), SUCCESS)
}

/// The answer to a list: an item for each identifier asked, in the order asked.
pub(crate) fn transactions<'a>(
    listed_by: ListedBy,
    looked_up: impl Iterator<Item = (&'a str, LookUp<'a>)>,
) -> Answer {
    let items: Vec<_> = looked_up
        .map(|(identifier, found)| Item::of(listed_by, identifier, found))
        .collect();
    found(Some(items), SUCCESS)
}

/// The live service's word for a found transaction.
const SUCCESS: &str = "Success";

fn found<T: Serialize>(data: Option<T>, response_message: &'static str) -> Answer {
    let envelope = DataLast {
        response_code: 0,
        response_message,
        error_code: None,
        data,
    };
    json(StatusCode::OK, &envelope)
}

impl<'a> Item<'a> {
    fn of(listed_by: ListedBy, identifier: &'a str, found: LookUp<'a>) -> Self {
        let (status, message, data) = match found {
            LookUp::Transferred(payment) => ("SUCCESS", SUCCESS, Some(Transaction::of(payment))),
            LookUp::Nothing => ("NOT_FOUND", Failure::TransactionNotFound.message(), None),
            LookUp::StaticCode => ("STATIC_QR", Failure::StaticQr.message(), None),
            LookUp::Failed => ("FAILED", Failure::TransactionFailed.message(), None),
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

/// An answer to what is no request of the API at all. No error code of the API's fits, so it has none.
pub(crate) fn rejected(status: StatusCode) -> Answer {
    rejected_for(status, status.canonical_reason().unwrap_or("Rejected"))
}

/// The same for a reason.
pub(crate) fn rejected_for(status: StatusCode, response_message: &str) -> Answer {
    let envelope = DataFirst {
        data: None::<()>,
        error_code: None,
        response_code: 1,
        response_message,
    };
    json(status, &envelope)
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

fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    // Nothing here can fail to be written; if it did, an outage is what a client should see.
    match serde_json::to_vec(body) {
        Ok(body) => with_body(status, JSON, body.into()),
        Err(_) => with_body(StatusCode::INTERNAL_SERVER_ERROR, JSON, Bytes::new()),
    }
}

/// An amount as a JSON number in its shortest form (`1`, `1.5`, `0.01`, `4400`), never by way of a float.
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
    fn amounts_are_shortest_numbers() {
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
    fn failures_are_those_of_the_reference() {
        assert_eq!(
            text(&Failure::TransactionNotFound.answer()),
            r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction could not be found. Please check and try again."}"#
        );
        assert_eq!(
            text(&Failure::TransactionFailed.answer()),
            r#"{"data":null,"errorCode":3,"responseCode":1,"responseMessage":"Transaction failed."}"#
        );
        assert_eq!(Failure::Unauthorized.answer().status(), 401);
    }

    #[test]
    fn token_answers_are_those_of_the_reference() {
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
    fn a_rejection_can_not_be_taken_for_an_answer_of_the_api() {
        let answer = rejected(StatusCode::NOT_FOUND);
        assert_eq!(
            text(&answer),
            r#"{"data":null,"errorCode":null,"responseCode":1,"responseMessage":"Not Found"}"#
        );
    }
}
