//! Sends a question over the session and counts the requests.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bakong_api::endpoint::{
    CheckTransactionByHash, CheckTransactionByMd5, CheckTransactionByMd5List,
    CheckTransactionByShortHash,
};
use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::observe::{Attempt, SessionObserver};
use bakong_api::transport::TransportError;
use bakong_api::{ApiError, CheckAnswer, ErrorClass, Session, Transport};
use bytes::Bytes;
use http::Response;

use crate::ask::{Question, Reply};

tokio::task_local! {
    /// The number of requests that were sent for the question of the current task.
    static SENT: SendCount;
}

/// The number of requests that were sent for a question. The number is known even if no answer arrives.
#[derive(Clone, Default, Debug)]
pub(super) struct SendCount(Arc<AtomicU32>);

impl SendCount {
    pub(super) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts the requests of the session: those of each question, and all others together.
#[derive(Default)]
pub(super) struct Counter {
    external: AtomicU32,
    /// The expiry of a renewed token, until it is taken.
    renewed: Mutex<Option<Option<Timestamp>>>,
}

impl Counter {
    /// Returns how many requests that do not belong to a question were sent since the last call.
    pub(super) fn take_external(&self) -> u32 {
        self.external.swap(0, Ordering::Relaxed)
    }

    /// Returns the expiry of the token that was renewed since the last call.
    pub(super) fn take_renewed(&self) -> Option<Option<Timestamp>> {
        let mut renewed = self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.take()
    }

    fn count(&self, change: impl Fn(u32) -> u32 + Copy) {
        let update = |count: &AtomicU32| {
            let _ = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                Some(change(count))
            });
        };
        if SENT.try_with(|sent| update(&sent.0)).is_err() {
            update(&self.external);
        }
    }
}

impl SessionObserver for Counter {
    fn sending(&self, _attempt: Attempt) {
        self.count(|count| count.saturating_add(1));
    }

    fn finished(&self, _attempt: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        if result.is_err_and(|error| !error.kind().may_have_arrived()) {
            self.count(|count| count.saturating_sub(1));
        }
    }

    fn token_renewed(&self, expires_at: Option<Timestamp>) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Some(expires_at);
    }
}

/// The result of a question.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) reply: Reply,
    pub(super) errors: Errors,
}

/// The errors of a question: one for all payments, or one for each item of a list.
#[derive(Debug, Default)]
pub(super) struct Errors {
    all: Option<Arc<ApiError>>,
    by_md5: HashMap<Md5Handle, Arc<ApiError>>,
}

impl Errors {
    /// Creates an error for all payments.
    pub(super) fn of_all(error: impl Into<ApiError>) -> Self {
        Self {
            all: Some(Arc::new(error.into())),
            by_md5: HashMap::new(),
        }
    }

    pub(super) fn of(&self, md5: &Md5Handle) -> Option<Arc<ApiError>> {
        self.by_md5.get(md5).or(self.all.as_ref()).cloned()
    }
}

/// Sends `question`, and counts the requests in `count`.
pub(super) async fn send<T: Transport>(
    session: Arc<Session<T>>,
    question: Question,
    count: SendCount,
) -> Exchange {
    let (reply, errors) = SENT.scope(count, ask(&session, question)).await;
    Exchange { reply, errors }
}

async fn ask<T: Transport>(session: &Session<T>, question: Question) -> (Reply, Errors) {
    match question {
        Question::Md5(md5) => check(session.send(&CheckTransactionByMd5::new(md5)).await),
        Question::Hash(hash) => check(session.send(&CheckTransactionByHash::new(hash)).await),
        Question::ShortHash(hash, amount) => {
            let endpoint = CheckTransactionByShortHash::new(hash, amount);
            check(session.send(&endpoint).await)
        }
        Question::Md5List(md5s) => list(session, md5s).await,
        Question::Renewal => {
            let (result, errors) = split(session.renew().await);
            // The expiry is passed to the observer instead.
            (Reply::Renewal(result.map(|()| None)), errors)
        }
    }
}

fn check(result: Result<CheckAnswer, ApiError>) -> (Reply, Errors) {
    let (result, errors) = split(result);
    (Reply::Check(result), errors)
}

async fn list<T: Transport>(session: &Session<T>, md5s: Vec<Md5Handle>) -> (Reply, Errors) {
    // A tracker never asks for a list with an invalid number of MD5s.
    let Ok(endpoint) = CheckTransactionByMd5List::new(md5s) else {
        return (Reply::List(Ok(Vec::new())), Errors::default());
    };
    let answers = match session.send(&endpoint).await {
        Ok(answers) => answers,
        Err(error) => {
            let (result, errors) = split(Err(error));
            return (Reply::List(result), errors);
        }
    };
    let mut errors = Errors::default();
    let items = answers.iter().map(|(md5, answer)| {
        let answer = match answer {
            Ok(answer) => Ok(answer.clone()),
            Err(error) => {
                errors.by_md5.insert(*md5, Arc::new(error.clone()));
                Err(error.class())
            }
        };
        (*md5, answer)
    });
    (Reply::List(Ok(items.collect())), errors)
}

/// Returns the class of an error. A rejected renewal does not mean that the question is rejected.
fn class_of(error: &ApiError) -> ErrorClass {
    match error.class() {
        ErrorClass::Refused | ErrorClass::Blocked | ErrorClass::Malformed
            if error.is_of_renewal() =>
        {
            ErrorClass::Unauthorized
        }
        class => class,
    }
}

fn split<A>(result: Result<A, ApiError>) -> (Result<A, ErrorClass>, Errors) {
    match result {
        Ok(answer) => (Ok(answer), Errors::default()),
        Err(error) => {
            let class = class_of(&error);
            (Err(class), Errors::of_all(error))
        }
    }
}
