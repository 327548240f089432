//! The endpoints that check one payment.

use bytes::Bytes;
use http::Response;
use khqr_core::{Amount, Md5Handle};

use super::body::JsonObject;
use super::reference::{ExternalRef, InstructionRef, ShortHash, TransactionHash};
use super::{Endpoint, EndpointInfo, TokenUse, sealed};
use crate::envelope::{Envelope, ResponseCode};
use crate::error::{ApiError, CONTRADICTION, ErrorClass, ErrorCode, OTHER_TRANSACTION};
use crate::transaction::{Reading, Transaction};

/// Defines an endpoint that checks one transaction.
macro_rules! check {
    (
        $(#[$doc:meta])*
        $name:ident { $($field:ident: $type:ty),+ } $path:literal,
        |$this:ident| $body:expr,
        |$asked:ident, $transaction:ident| $is_other:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct $name {
            $($field: $type,)+
        }

        impl $name {
            /// Creates the check.
            #[must_use]
            pub const fn new($($field: $type),+) -> Self {
                Self { $($field),+ }
            }
        }

        impl sealed::Body for $name {
            fn body(&self) -> Bytes {
                let $this = self;
                $body.finish()
            }
        }

        impl Endpoint for $name {
            type Answer = CheckAnswer;

            const INFO: EndpointInfo = EndpointInfo {
                name: $path,
                path: concat!("/v1/", $path),
                token: TokenUse::Required,
                repeatable: true,
            };

            fn read(&self, response: &Response<Bytes>) -> Result<CheckAnswer, ApiError> {
                let mut repaired = String::new();
                let envelope = Envelope::open(response, &mut repaired)?;
                let $asked = self;
                CheckAnswer::of(envelope, |$transaction| $is_other)
            }
        }
    };
}

check! {
    /// `POST /v1/check_transaction_by_md5`: checks whether this dynamic code has been paid.
    CheckTransactionByMd5 { md5: Md5Handle } "check_transaction_by_md5",
    |this| JsonObject::default().raw("md5", format_args!("\"{}\"", this.md5)),
    // No answer repeats the MD5, so there is nothing to compare.
    |_asked, _transaction| false
}

check! {
    /// `POST /v1/check_transaction_by_hash`: looks up the transaction with this hash.
    CheckTransactionByHash { hash: TransactionHash } "check_transaction_by_hash",
    |this| JsonObject::default().text("hash", this.hash.as_str()),
    |asked, transaction| has_other_hash(&transaction.hash, |hash| {
        hash.eq_ignore_ascii_case(asked.hash.as_str())
    })
}

check! {
    /// `POST /v1/check_transaction_by_short_hash`: looks up a transaction by the first eight digits of its hash
    /// and its amount. The digits alone could belong to another transaction.
    CheckTransactionByShortHash { hash: ShortHash, amount: Amount } "check_transaction_by_short_hash",
    |this| JsonObject::default()
        .text("hash", this.hash.as_str())
        .raw("amount", this.amount.payload_text())
        .text("currency", this.amount.currency().alphabetic_code()),
    |asked, transaction| has_other_hash(&transaction.hash, |hash| {
        let short = hash.get(..asked.hash.as_str().len());
        short.is_some_and(|short| short.eq_ignore_ascii_case(asked.hash.as_str()))
    })
}

check! {
    /// `POST /v1/check_transaction_by_instruction_ref`: looks up a transaction by the reference that the
    /// payer's bank assigned to the payment instruction.
    CheckTransactionByInstructionRef { reference: InstructionRef }
    "check_transaction_by_instruction_ref",
    |this| JsonObject::default().text("instructionRef", this.reference.as_str()),
    |asked, transaction| is_other(&transaction.instruction_ref, |reference| {
        reference == asked.reference.as_str()
    })
}

check! {
    /// `POST /v1/check_transaction_by_external_ref`: looks up a transaction by the payer bank's own reference.
    CheckTransactionByExternalRef { reference: ExternalRef } "check_transaction_by_external_ref",
    |this| JsonObject::default().text("externalRef", this.reference.as_str()),
    |asked, transaction| is_other(&transaction.external_ref, |reference| {
        reference == asked.reference.as_str()
    })
}

/// Whether the transaction has an identifier that differs from the requested one.
fn is_other(identifier: &Reading<String>, is_asked: impl FnOnce(&str) -> bool) -> bool {
    identifier
        .as_deref()
        .is_some_and(|identifier| !is_asked(identifier.trim()))
}

/// Whether the transaction has a hash other than the requested one, or an unreadable one.
fn has_other_hash(hash: &Reading<String>, is_asked: impl FnOnce(&str) -> bool) -> bool {
    match hash {
        Reading::Known(hash) => !is_asked(hash),
        Reading::Absent => false,
        Reading::Unreadable(_) => true,
    }
}

/// What Bakong knows about a payment. Any other answer is an [`ApiError`] and says nothing about the payment.
///
/// Bakong may add results. In a `match`, treat a result that the program does not know as an unreadable answer: the
/// payment is neither made nor missing.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CheckAnswer {
    /// The payment was made.
    Paid(Box<Transaction>),
    /// Bakong knows no such payment. This is the only answer that means "not paid yet".
    NotFound,
    /// A payment was attempted and failed.
    Failed,
    /// The code is static, and cannot be looked up by MD5.
    StaticQr,
}

impl CheckAnswer {
    /// Reads an answer. `is_other` recognizes a transaction that was not requested.
    fn of(
        envelope: Envelope<'_>,
        is_other: impl FnOnce(&Transaction) -> bool,
    ) -> Result<Self, ApiError> {
        match (envelope.response_code, envelope.data) {
            (ResponseCode::Success, None) => {
                Err(envelope.malformed("the answer reports success without data"))
            }
            (ResponseCode::Success, Some(_)) if envelope.contradicts_itself => {
                Err(envelope.malformed(CONTRADICTION))
            }
            (ResponseCode::Success, Some(data)) => match Transaction::from_json(data.get()) {
                None => Err(envelope.malformed("the answer reports success without a transaction")),
                Some(transaction) if is_other(&transaction) => {
                    Err(envelope.malformed(OTHER_TRANSACTION))
                }
                Some(transaction) => Ok(Self::Paid(Box::new(transaction))),
            },
            // The three results below can close an order as unpaid, so none of them is returned for an answer
            // that may report a payment.
            (ResponseCode::Failure, data) if data.is_some() || envelope.mentions_transaction => {
                Err(envelope.malformed("the answer reports a failure and contains a transaction"))
            }
            (ResponseCode::Failure, _) => match envelope.code() {
                Some(ErrorCode::TransactionFailed) => Ok(Self::Failed),
                Some(ErrorCode::StaticQr) => Ok(Self::StaticQr),
                // One of NBC's documents prints "Transaction failed." with code 1.
                Some(ErrorCode::TransactionNotFound) if reports_failed(envelope.message()) => {
                    Ok(Self::Failed)
                }
                Some(ErrorCode::TransactionNotFound) => Ok(Self::NotFound),
                _ => Err(envelope.into_error(ErrorClass::Refused)),
            },
        }
    }
}

fn reports_failed(message: &str) -> bool {
    message.to_ascii_lowercase().contains("transaction failed")
}
