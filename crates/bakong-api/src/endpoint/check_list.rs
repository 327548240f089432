//! Many payments in one request: at most fifty, each with an answer of its own.
//!
//! Answers are matched by the identifier that they repeat, never by their place, and an item that cannot
//! be read hides none of the others.

use bytes::Bytes;
use http::Response;
use khqr_core::Md5Handle;

use super::body::json_list;
use super::check_transaction::CheckAnswer;
use super::field::InvalidField;
use super::reference::TransactionHash;
use super::{Endpoint, EndpointInfo, TokenUse, sealed};
use crate::envelope::{Envelope, Outcome};
use crate::error::{ApiError, ErrorClass};
use crate::json::{Object, Raw, is_empty, items, string};
use crate::transaction::Transaction;

/// How many a list may name.
const MAX: usize = 50;

/// `POST /v1/check_transaction_by_md5_list`: which of these dynamic codes have been paid?
///
/// To some tokens the live service answers with a 403 page ([`ErrorClass::Blocked`]): ask singly then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckTransactionByMd5List(Vec<Md5Handle>);

/// `POST /v1/check_transaction_by_hash_list`: what is known of the transactions with these hashes?
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckTransactionByHashList(Vec<TransactionHash>);

impl CheckTransactionByMd5List {
    /// The most that one request may name.
    pub const MAX: usize = MAX;

    /// A question about these codes. One that is named twice is asked once.
    ///
    /// # Errors
    /// [`InvalidField`] if there is none, or more than [`MAX`](Self::MAX).
    pub fn new(md5s: impl IntoIterator<Item = Md5Handle>) -> Result<Self, InvalidField> {
        distinct("md5", md5s).map(Self)
    }

    /// What is asked about, in the order of the answers.
    #[must_use]
    pub fn identifiers(&self) -> &[Md5Handle] {
        &self.0
    }
}

impl CheckTransactionByHashList {
    /// The most that one request may name.
    pub const MAX: usize = MAX;

    /// A question about these transactions. One that is named twice is asked once.
    ///
    /// # Errors
    /// [`InvalidField`] if there is none, or more than [`MAX`](Self::MAX).
    pub fn new(hashes: impl IntoIterator<Item = TransactionHash>) -> Result<Self, InvalidField> {
        distinct("hash", hashes).map(Self)
    }

    /// What is asked about, in the order of the answers.
    #[must_use]
    pub fn identifiers(&self) -> &[TransactionHash] {
        &self.0
    }
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
        // Whoever hands in a million need not wait for all to be looked at.
        if distinct.len() > MAX {
            break;
        }
    }
    match distinct.len() {
        1..=MAX => Ok(distinct),
        0 => Err(InvalidField::none(field)),
        _ => Err(InvalidField::too_many(field, MAX)),
    }
}

impl sealed::Body for CheckTransactionByMd5List {
    fn body(&self) -> Bytes {
        json_list(&self.0)
    }
}

impl sealed::Body for CheckTransactionByHashList {
    fn body(&self) -> Bytes {
        json_list(&self.0)
    }
}

impl Endpoint for CheckTransactionByMd5List {
    type Answer = ListAnswer<Md5Handle>;

    const INFO: EndpointInfo = EndpointInfo {
        name: "check_transaction_by_md5_list",
        path: "/v1/check_transaction_by_md5_list",
        token: TokenUse::Required,
        repeatable: true,
    };

    fn read(&self, response: &Response<Bytes>) -> Result<Self::Answer, ApiError> {
        let said = |text: &str, asked: &Md5Handle| text.trim().parse() == Ok(*asked);
        ListAnswer::read(response, &self.0, "md5", said)
    }
}

impl Endpoint for CheckTransactionByHashList {
    type Answer = ListAnswer<TransactionHash>;

    const INFO: EndpointInfo = EndpointInfo {
        name: "check_transaction_by_hash_list",
        path: "/v1/check_transaction_by_hash_list",
        token: TokenUse::Required,
        repeatable: true,
    };

    fn read(&self, response: &Response<Bytes>) -> Result<Self::Answer, ApiError> {
        let said =
            |text: &str, asked: &TransactionHash| text.trim().eq_ignore_ascii_case(asked.as_str());
        ListAnswer::read(response, &self.0, "hash", said)
    }
}

/// What Bakong says of each identifier of a list, in the order in which they were asked about.
#[derive(Clone, Debug)]
pub struct ListAnswer<K> {
    answers: Vec<(K, Result<CheckAnswer, ApiError>)>,
}

impl<K> ListAnswer<K> {
    /// Each identifier with its answer. An error says nothing of the payment: ask about it by itself.
    pub fn iter(&self) -> impl Iterator<Item = (&K, Result<&CheckAnswer, &ApiError>)> {
        self.answers
            .iter()
            .map(|(key, answer)| (key, answer.as_ref()))
    }

    /// The answer for this identifier; `None` if it was not asked about.
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
    /// Reads an answer. `said` tells whether an item's `identifier` is the one asked about.
    fn read(
        response: &Response<Bytes>,
        asked: &[K],
        identifier: &'static str,
        said: impl Fn(&str, &K) -> bool,
    ) -> Result<Self, ApiError> {
        let mut mended = String::new();
        let envelope = Envelope::open(response, &mut mended)?;
        if envelope.outcome == Outcome::Failure && envelope.data.is_some() {
            return Err(envelope.malformed("it says that it failed, and tells of transactions"));
        }
        let no_list = envelope.malformed("it holds no list");
        let malformed = |what| ListItem::malformed(response, what);
        let data = envelope.into_data()?;
        let items = data.and_then(items).ok_or(no_list)?;
        let items: Vec<ListItem<'_>> = items
            .into_iter()
            .filter_map(|raw| ListItem::read(raw, identifier))
            .collect();
        let answer_to = |key: &K| {
            let mut own = items.iter().filter(|item| said(&item.identifier, key));
            let Some(first) = own.next() else {
                return Err(malformed("it says nothing of this identifier"));
            };
            let answer = first.answer(response, identifier);
            // Said twice alike is said once; said differently, neither can be relied on.
            if own.any(|other| {
                other.answer(response, identifier).ok() != answer.as_ref().ok().cloned()
            }) {
                return Err(malformed("it says two things of this identifier"));
            }
            answer
        };
        let answers = asked.iter().map(|key| (key.clone(), answer_to(key)));
        Ok(Self {
            answers: answers.collect(),
        })
    }
}

/// One item, with the identifier that it repeats.
struct ListItem<'a> {
    identifier: String,
    object: Object<'a>,
    raw: Raw<'a>,
}

impl<'a> ListItem<'a> {
    /// `None` if it cannot be told which identifier it is about.
    fn read(raw: Raw<'a>, identifier: &str) -> Option<Self> {
        let object = Object::read(raw)?;
        let identifier = string(object.get(identifier)?)?;
        Some(Self {
            identifier,
            object,
            raw,
        })
    }

    fn malformed(response: &Response<Bytes>, what: &'static str) -> ApiError {
        ApiError::new(ErrorClass::Malformed, what).in_answer(response.status(), None)
    }

    fn answer(
        &self,
        response: &Response<Bytes>,
        identifier: &str,
    ) -> Result<CheckAnswer, ApiError> {
        let malformed = |what| Err(Self::malformed(response, what));
        if self.object.contradicts_itself() {
            return malformed("it says one thing twice, and differently");
        }
        let text = |key| self.object.get(key).and_then(string).unwrap_or_default();
        let told = self.transaction(identifier);
        let answer = match text("status").trim().to_ascii_uppercase().as_str() {
            "SUCCESS" => {
                return match told {
                    Told::Transaction(transaction) => Ok(CheckAnswer::Paid(transaction)),
                    Told::Nothing | Told::Unreadable => {
                        malformed("it says success without a transaction")
                    }
                };
            }
            "NOT_FOUND" => CheckAnswer::NotFound,
            "FAILED" => CheckAnswer::Failed,
            "STATIC_QR" => CheckAnswer::StaticQr,
            "SERVICE_FAILED" => {
                let class = ErrorClass::Unavailable { retry_after: None };
                let error = ApiError::told(class, text("message").into());
                return Err(error.in_answer(response.status(), None));
            }
            _ => return malformed("its status is none that is known"),
        };
        match told {
            Told::Nothing => Ok(answer),
            // None of these is taken from an item that may say that money came.
            Told::Transaction(_) | Told::Unreadable => {
                malformed("it says that it failed, and tells of a transaction")
            }
        }
    }

    /// The transaction under `data`, under `transaction`, or in the item itself.
    fn transaction(&self, identifier: &str) -> Told {
        let nested = ["data", "transaction"]
            .into_iter()
            .filter_map(|key| self.object.get(key))
            .filter(|raw| !is_empty(*raw));
        // In a list of hashes, the hash is what was asked by.
        let telling = Transaction::TELLING.into_iter();
        let is_inline = self.object.says(telling.filter(|key| *key != identifier));
        let mut places = nested.chain(is_inline.then_some(self.raw)).peekable();
        if places.peek().is_none() {
            return Told::Nothing;
        }
        places
            .find_map(Transaction::read)
            .map_or(Told::Unreadable, |transaction| {
                Told::Transaction(Box::new(transaction))
            })
    }
}

/// What an item tells of a transaction.
enum Told {
    Nothing,
    Transaction(Box<Transaction>),
    /// Something, and nobody knows what.
    Unreadable,
}
