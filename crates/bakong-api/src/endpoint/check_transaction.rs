//! Has it been paid? The question that everything else is for.

use bytes::Bytes;
use http::Response;
use khqr_core::{Amount, Md5Handle};

use super::body::JsonObject;
use super::reference::{ExternalRef, InstructionRef, ShortHash, TransactionHash};
use super::{Endpoint, EndpointInfo, TokenUse, sealed};
use crate::envelope::{Envelope, Outcome};
use crate::error::{ApiError, ErrorClass, ErrorCode, OF_ANOTHER};
use crate::transaction::{Reading, Transaction};

/// An endpoint that asks about one transaction.
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
            /// The question.
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
                let mut mended = String::new();
                let envelope = Envelope::open(response, &mut mended)?;
                let $asked = self;
                CheckAnswer::of(envelope, |$transaction| $is_other)
            }
        }
    };
}

check! {
    /// `POST /v1/check_transaction_by_md5`: has this dynamic code been paid?
    CheckTransactionByMd5 { md5: Md5Handle } "check_transaction_by_md5",
    |this| JsonObject::default().raw("md5", format_args!("\"{}\"", this.md5)),
    // No answer repeats it.
    |_asked, _transaction| false
}

check! {
    /// `POST /v1/check_transaction_by_hash`: what is known of the transaction with this hash?
    CheckTransactionByHash { hash: TransactionHash } "check_transaction_by_hash",
    |this| JsonObject::default().text("hash", this.hash.as_str()),
    |asked, transaction| is_other(&transaction.hash, |hash| {
        hash.eq_ignore_ascii_case(asked.hash.as_str())
    })
}

check! {
    /// `POST /v1/check_transaction_by_short_hash`: the same by the hash's first eight digits, and by the
    /// amount, without which so few digits could be another's.
    CheckTransactionByShortHash { hash: ShortHash, amount: Amount } "check_transaction_by_short_hash",
    |this| JsonObject::default()
        .text("hash", this.hash.as_str())
        .raw("amount", this.amount.payload_text())
        .text("currency", this.amount.currency().alphabetic_code()),
    |asked, transaction| is_other(&transaction.hash, |hash| {
        let short = hash.get(..asked.hash.as_str().len());
        short.is_some_and(|short| short.eq_ignore_ascii_case(asked.hash.as_str()))
    })
}

check! {
    /// `POST /v1/check_transaction_by_instruction_ref`: the same by the reference that the payer's bank
    /// gave to the instruction.
    CheckTransactionByInstructionRef { reference: InstructionRef }
    "check_transaction_by_instruction_ref",
    |this| JsonObject::default().text("instructionRef", this.reference.as_str()),
    |asked, transaction| is_other(&transaction.instruction_ref, |reference| {
        reference == asked.reference.as_str()
    })
}

check! {
    /// `POST /v1/check_transaction_by_external_ref`: the same by the payer bank's own reference.
    CheckTransactionByExternalRef { reference: ExternalRef } "check_transaction_by_external_ref",
    |this| JsonObject::default().text("externalRef", this.reference.as_str()),
    |asked, transaction| is_other(&transaction.external_ref, |reference| {
        reference == asked.reference.as_str()
    })
}

/// Whether a transaction says something of itself, and that is not what was asked by.
fn is_other(said: &Reading<String>, is_asked: impl FnOnce(&str) -> bool) -> bool {
    said.as_deref().is_some_and(|said| !is_asked(said.trim()))
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
    /// Reads an answer, which must not tell of a transaction that `is_other` than the one asked about.
    fn of(
        envelope: Envelope<'_>,
        is_other: impl FnOnce(&Transaction) -> bool,
    ) -> Result<Self, ApiError> {
        let contradiction =
            || envelope.malformed("it says that it failed, and tells of a transaction");
        match (envelope.outcome, envelope.data) {
            (Outcome::Success, None) => Err(envelope.malformed("it says success and nothing more")),
            (Outcome::Success, Some(data)) => {
                let object = envelope.object.as_ref();
                match object.and_then(|object| Transaction::of(object, data)) {
                    None => Err(envelope.malformed("it says success without a transaction")),
                    Some(transaction) if is_other(&transaction) => {
                        Err(envelope.malformed(OF_ANOTHER))
                    }
                    Some(transaction) => Ok(Self::Paid(Box::new(transaction))),
                }
            }
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
