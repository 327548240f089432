//! Has it been paid? The question that everything else is for.

use bytes::Bytes;
use http::Response;
use khqr_core::Md5Handle;
use serde::Serialize;

use super::{Endpoint, EndpointInfo, TokenUse, json, sealed};
use crate::envelope::{Envelope, Outcome};
use crate::error::{ApiError, ErrorClass, ErrorCode};
use crate::transaction::Transaction;

/// `POST /v1/check_transaction_by_md5`: has this dynamic code been paid?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CheckTransactionByMd5 {
    md5: Md5Handle,
}

impl CheckTransactionByMd5 {
    /// A question about the code with this handle.
    #[must_use]
    pub const fn new(md5: Md5Handle) -> Self {
        Self { md5 }
    }
}

impl sealed::Body for CheckTransactionByMd5 {
    fn body(&self) -> Result<Bytes, ApiError> {
        #[derive(Serialize)]
        struct Body {
            md5: String,
        }
        json(&Body {
            md5: self.md5.to_string(),
        })
    }
}

impl Endpoint for CheckTransactionByMd5 {
    type Answer = CheckAnswer;

    const INFO: EndpointInfo = EndpointInfo {
        name: "check_transaction_by_md5",
        path: "/v1/check_transaction_by_md5",
        token: TokenUse::Required,
        repeatable: true,
    };

    fn read(&self, response: &Response<Bytes>) -> Result<CheckAnswer, ApiError> {
        CheckAnswer::of(Envelope::open(response)?)
    }
}

/// What Bakong knows of a payment. Whatever else comes is an [`ApiError`], and says nothing of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CheckAnswer {
    /// It was paid.
    Paid(Box<Transaction>),
    /// Bakong knows of no payment: the only answer that may be read as "not paid yet".
    NotFound,
    /// A payment was tried and failed.
    Failed,
    /// The code is static, and cannot be looked up by MD5.
    StaticQr,
}

impl CheckAnswer {
    pub(crate) fn of(envelope: Envelope) -> Result<Self, ApiError> {
        let contradiction =
            || envelope.malformed("it says that it failed, and tells of a transaction");
        match (envelope.outcome, &envelope.data) {
            (Outcome::Success, None) => Err(envelope.malformed("it says success and nothing more")),
            (Outcome::Success, Some(data)) => Transaction::read(data)
                .map(|transaction| Self::Paid(Box::new(transaction)))
                .ok_or_else(|| envelope.malformed("it says success without a transaction")),
            // Each of these ends a payment or lets it end, so none is taken from an answer that may say
            // that money came.
            (Outcome::Failure, Some(_)) => Err(contradiction()),
            (Outcome::Failure, None) if envelope.tells_of_transaction => Err(contradiction()),
            (Outcome::Failure, None) => match envelope.code() {
                Some(ErrorCode::TransactionFailed) => Ok(Self::Failed),
                Some(ErrorCode::StaticQr) => Ok(Self::StaticQr),
                // One document of NBC's prints "Transaction failed." with code 1.
                Some(ErrorCode::TransactionNotFound) if says_failed(envelope.message()) => {
                    Ok(Self::Failed)
                }
                Some(ErrorCode::TransactionNotFound) => Ok(Self::NotFound),
                _ => Err(envelope.error(ErrorClass::Refused)),
            },
        }
    }
}

fn says_failed(message: &str) -> bool {
    message.to_ascii_lowercase().contains("transaction failed")
}
