//! The endpoints that check up to fifty payments in one request, each with its own result.
//!
//! Items are matched by the identifier that they repeat, never by their position. An item that cannot be read
//! does not affect the others.

use bytes::Bytes;
use http::Response;
use khqr_core::Md5Handle;
use serde_json::value::RawValue;

use super::body::json_list;
use super::check_transaction::CheckAnswer;
use super::field::InvalidField;
use super::reference::TransactionHash;
use super::{Endpoint, EndpointInfo, TokenUse, sealed};
use crate::envelope::{Envelope, ResponseCode, class_of_message};
use crate::error::{ApiError, CONTRADICTION, ErrorClass};
use crate::json::{Object, is_empty, items, string};
use crate::places::{self, NESTED};
use crate::transaction::Transaction;

/// The maximum number of identifiers in one request.
const MAX: usize = 50;

/// Defines an endpoint that checks a list of identifiers.
macro_rules! check_list {
    (
        $(#[$doc:meta])*
        $name:ident($identifier:ty) $path:literal, $field:literal,
        |$text:ident, $asked:ident| $matches:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct $name(Vec<$identifier>);

        impl $name {
            /// The maximum number of identifiers in one request.
            pub const MAX: usize = MAX;

            /// Creates a check of these identifiers. Duplicates are sent once.
            ///
            /// # Errors
            /// [`InvalidField`] if there are no identifiers, or more than [`MAX`](Self::MAX).
            pub fn new(
                identifiers: impl IntoIterator<Item = $identifier>,
            ) -> Result<Self, InvalidField> {
                distinct($field, identifiers).map(Self)
            }

            /// Returns the identifiers, in the order of the results.
            #[must_use]
            pub fn identifiers(&self) -> &[$identifier] {
                &self.0
            }
        }

        impl sealed::Body for $name {
            fn body(&self) -> Bytes {
                json_list(&self.0)
            }
        }

        impl Endpoint for $name {
            type Answer = ListAnswer<$identifier>;

            const INFO: EndpointInfo = EndpointInfo {
                name: $path,
                path: concat!("/v1/", $path),
                token: TokenUse::Required,
                repeatable: true,
            };

            fn read(&self, response: &Response<Bytes>) -> Result<Self::Answer, ApiError> {
                let matches = |$text: &str, $asked: &$identifier| $matches;
                ListAnswer::read(response, &self.0, $field, matches)
            }
        }
    };
}

check_list! {
    /// `POST /v1/check_transaction_by_md5_list`: checks whether these dynamic codes have been paid.
    ///
    /// The live service answers some tokens with a 403 page ([`ErrorClass::Blocked`]). In that case, use
    /// single checks.
    CheckTransactionByMd5List(Md5Handle) "check_transaction_by_md5_list", "md5",
    |text, asked| text.parse() == Ok(*asked)
}

check_list! {
    /// `POST /v1/check_transaction_by_hash_list`: looks up the transactions with these hashes.
    CheckTransactionByHashList(TransactionHash) "check_transaction_by_hash_list", "hash",
    |text, asked| TransactionHash::new(text).is_ok_and(|hash| hash == *asked)
}

fn distinct<K: PartialEq>(
    field: &'static str,
    keys: impl IntoIterator<Item = K>,
) -> Result<Vec<K>, InvalidField> {
    let mut distinct = Vec::new();
    for key in keys {
        if !distinct.contains(&key) {
            distinct.push(key);
        }
        // The search is quadratic, so it stops as soon as the list is too long.
        if distinct.len() > MAX {
            return Err(InvalidField::too_many(field, MAX));
        }
    }
    if distinct.is_empty() {
        return Err(InvalidField::empty_list(field));
    }
    Ok(distinct)
}

/// The result for each identifier of a list, in the order of the request.
#[derive(Clone, Debug)]
pub struct ListAnswer<K> {
    answers: Vec<(K, Result<CheckAnswer, ApiError>)>,
}

impl<K> ListAnswer<K> {
    /// Iterates over the identifiers and their results. An error says nothing about the payment: check that
    /// identifier separately.
    pub fn iter(&self) -> impl Iterator<Item = (&K, Result<&CheckAnswer, &ApiError>)> {
        self.answers
            .iter()
            .map(|(key, answer)| (key, answer.as_ref()))
    }

    /// Returns the result for this identifier; `None` if the request did not contain it.
    pub fn get(&self, key: &K) -> Option<Result<&CheckAnswer, &ApiError>>
    where
        K: PartialEq,
    {
        let mut answers = self.iter();
        answers
            .find(|(asked, _)| *asked == key)
            .map(|(_, answer)| answer)
    }
}

impl<K> IntoIterator for ListAnswer<K> {
    type Item = (K, Result<CheckAnswer, ApiError>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.answers.into_iter()
    }
}

impl<K: Clone> ListAnswer<K> {
    /// Reads an answer. `matches` compares the member `field` of an item with an identifier.
    fn read(
        response: &Response<Bytes>,
        asked: &[K],
        field: &'static str,
        matches: impl Fn(&str, &K) -> bool,
    ) -> Result<Self, ApiError> {
        let mut repaired = String::new();
        let envelope = Envelope::open(response, &mut repaired)?;
        if envelope.response_code == ResponseCode::Failure && envelope.data.is_some() {
            return Err(
                envelope.malformed("the answer reports a failure and contains transactions")
            );
        }
        let no_list = envelope.malformed("the data is not a list");
        let malformed = |what| ListItem::malformed(response, what);
        let items: Vec<ListItem<'_>> = envelope
            .into_data()?
            .and_then(items)
            .ok_or(no_list)?
            .into_iter()
            .filter_map(|item| ListItem::read(item, field))
            .collect();
        let answer_for = |key: &K| {
            let mut own = items.iter().filter(|item| matches(&item.identifier, key));
            let Some(first) = own.next() else {
                return Err(malformed("the list contains no item for this identifier"));
            };
            let answer = first.answer(response, field);
            // Equal duplicates count as one item. Different items cannot be trusted.
            if own.any(|other| other.answer(response, field).ok() != answer.as_ref().ok().cloned())
            {
                return Err(malformed(
                    "the list contains different items for this identifier",
                ));
            }
            answer
        };
        let answers = asked.iter().map(|key| (key.clone(), answer_for(key)));
        Ok(Self {
            answers: answers.collect(),
        })
    }
}

/// One item of a list, with the identifier that it repeats.
struct ListItem<'a> {
    identifier: String,
    object: Object<'a>,
    raw: &'a RawValue,
}

impl<'a> ListItem<'a> {
    /// Reads an item; `None` if it has no readable identifier.
    fn read(raw: &'a RawValue, field: &str) -> Option<Self> {
        let object = Object::parse(raw.get())?;
        let identifier = string(object.get(field)?)?.trim().to_owned();
        Some(Self {
            identifier,
            object,
            raw,
        })
    }

    fn malformed(response: &Response<Bytes>, what: &'static str) -> ApiError {
        ApiError::new(ErrorClass::Malformed, what).in_answer(response.status(), None)
    }

    fn answer(&self, response: &Response<Bytes>, field: &str) -> Result<CheckAnswer, ApiError> {
        let malformed = |what| Err(Self::malformed(response, what));
        if self.object.contradicts_itself() {
            return malformed("a member occurs twice with different values");
        }
        let text = |name| self.object.get(name).and_then(string).unwrap_or_default();
        if !places::agree(&self.object) {
            return malformed(CONTRADICTION);
        }
        let transaction = self.transaction(field);
        let status = text("status");
        let status = status.trim().to_ascii_uppercase();
        let message = text("message");
        let class = (status != "SUCCESS").then(|| class_of_message(&message));
        if let Some(class) = class.flatten() {
            let error = ApiError::with_server_message(class, message);
            return Err(error.in_answer(response.status(), None));
        }
        let answer = match status.as_str() {
            "SUCCESS" => {
                return match transaction.flatten() {
                    Some(transaction) => Ok(CheckAnswer::Paid(Box::new(transaction))),
                    None => malformed("the item reports success without a transaction"),
                };
            }
            "NOT_FOUND" => CheckAnswer::NotFound,
            "FAILED" => CheckAnswer::Failed,
            "STATIC_QR" => CheckAnswer::StaticQr,
            "SERVICE_FAILED" => {
                let class = ErrorClass::Unavailable { retry_after: None };
                let error = ApiError::with_server_message(class, message);
                return Err(error.in_answer(response.status(), None));
            }
            _ => return malformed("the status of the item is unknown"),
        };
        // An item that may report a payment must not count as unpaid.
        match transaction {
            None => Ok(answer),
            Some(_) => malformed("the item reports a failure and contains a transaction"),
        }
    }

    /// Returns the transaction under `data`, under `transaction` or in the item itself. `None` if all three are
    /// empty, `Some(None)` if none of them is readable.
    fn transaction(&self, field: &str) -> Option<Option<Transaction>> {
        let nested = NESTED
            .into_iter()
            .filter_map(|name| self.object.get(name))
            .filter(|value| !is_empty(value));
        // In a list of hashes, every item has a `hash`: its identifier, which is no sign of a transaction.
        let markers = Transaction::MARKERS.into_iter();
        let is_inline = self.object.has_any(markers.filter(|name| *name != field));
        let mut candidates = nested.chain(is_inline.then_some(self.raw)).peekable();
        candidates.peek()?;
        Some(candidates.find_map(|value| Transaction::from_json(value.get())))
    }
}
