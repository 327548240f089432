//! Sends a question and reads its answer, so that drivers need not know the endpoints.

use std::sync::Arc;

use bakong_api::endpoint::ListAnswer;
use bakong_api::endpoint::{
    CheckTransactionByHash, CheckTransactionByMd5, CheckTransactionByMd5List,
    CheckTransactionByShortHash, Endpoint, RenewToken,
};
use bakong_api::khqr_core::Md5Handle;
use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{AccessToken, ApiError, BaseUrl, CheckAnswer, ErrorClass, Session, Transport};
use bytes::Bytes;
use http::{Request, Response};

use crate::ask::{Question, Reply};

/// The answer to a question, or the error.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answered {
    /// The reply for [`Tracker::answer`](crate::Tracker::answer).
    pub reply: Reply,
    /// The error, if the question failed as a whole.
    pub error: Option<Arc<ApiError>>,
    /// The errors of single items of a list.
    pub item_errors: Vec<(Md5Handle, Arc<ApiError>)>,
    /// The new token, if [`Question::read`] read the answer to a renewal.
    pub token: Option<AccessToken>,
}

impl Answered {
    const fn new(reply: Reply) -> Self {
        Self {
            reply,
            error: None,
            item_errors: Vec::new(),
            token: None,
        }
    }

    /// Returns the error that concerns this payment.
    #[must_use]
    pub fn error_of(&self, md5: &Md5Handle) -> Option<Arc<ApiError>> {
        let mut items = self.item_errors.iter();
        let item = items.find(|(item, _)| item == md5).map(|(_, error)| error);
        item.or(self.error.as_ref()).cloned()
    }

    fn of_check(question: &Question, result: Result<CheckAnswer, ApiError>) -> Self {
        match result {
            Ok(answer) => Self::new(Reply::Check(Ok(answer))),
            Err(error) => question.failed_with(error),
        }
    }

    fn of_list(question: &Question, result: Result<ListAnswer<Md5Handle>, ApiError>) -> Self {
        let answers = match result {
            Ok(answers) => answers,
            Err(error) => return question.failed_with(error),
        };
        let mut item_errors = Vec::new();
        let items = answers.into_iter().map(|(md5, answer)| {
            let answer = answer.map_err(|error| {
                let class = error.class();
                item_errors.push((md5, Arc::new(error)));
                class
            });
            (md5, answer)
        });
        let reply = Reply::List(Ok(items.collect()));
        Self {
            item_errors,
            ..Self::new(reply)
        }
    }
}

impl Question {
    /// Builds the HTTP request of the question. `renewal` has the e-mail address for [`Question::Renewal`].
    ///
    /// # Errors
    /// [`ApiError`] if the request cannot be built: see [`Endpoint::to_request`]. A renewal needs `renewal`. Pass the
    /// error to [`failed_with`](Self::failed_with).
    pub fn to_request(
        &self,
        base: &BaseUrl,
        token: Option<&AccessToken>,
        renewal: Option<&RenewToken>,
    ) -> Result<Request<Bytes>, ApiError> {
        match self {
            Self::Md5(md5) => CheckTransactionByMd5::new(*md5).to_request(base, token),
            Self::Md5List(md5s) => list(md5s)?.to_request(base, token),
            Self::Hash(hash) => CheckTransactionByHash::new(hash.clone()).to_request(base, token),
            Self::ShortHash(hash, amount) => {
                CheckTransactionByShortHash::new(hash.clone(), *amount).to_request(base, token)
            }
            Self::Renewal => match renewal {
                Some(renewal) => renewal.to_request(base, token),
                None => Err(invalid("a renewal needs an e-mail address")),
            },
        }
    }

    /// Reads the response to the request that [`to_request`](Self::to_request) built.
    #[must_use]
    pub fn read(&self, response: &Response<Bytes>) -> Answered {
        match self {
            Self::Md5(md5) => {
                Answered::of_check(self, CheckTransactionByMd5::new(*md5).read(response))
            }
            Self::Md5List(md5s) => {
                let answer = list(md5s).and_then(|list| list.read(response));
                Answered::of_list(self, answer)
            }
            Self::Hash(hash) => {
                let endpoint = CheckTransactionByHash::new(hash.clone());
                Answered::of_check(self, endpoint.read(response))
            }
            Self::ShortHash(hash, amount) => {
                let endpoint = CheckTransactionByShortHash::new(hash.clone(), *amount);
                Answered::of_check(self, endpoint.read(response))
            }
            Self::Renewal => {
                // The address has no effect on how the answer is read.
                let renewal = RenewToken::new("shop@example.com").map_err(invalid);
                match renewal.and_then(|renewal| renewal.read(response)) {
                    Ok(token) => Answered {
                        reply: Reply::Renewal(Ok(token.expires_at())),
                        token: Some(token),
                        ..Answered::new(Reply::Renewal(Ok(None)))
                    },
                    Err(error) => self.failed_with(error),
                }
            }
        }
    }

    /// Returns the reply for a question that failed with an error of this class.
    #[must_use]
    pub const fn failed(&self, class: ErrorClass) -> Reply {
        match self {
            Self::Md5List(_) => Reply::List(Err(class)),
            Self::Renewal => Reply::Renewal(Err(class)),
            Self::Md5(_) | Self::Hash(_) | Self::ShortHash(..) => Reply::Check(Err(class)),
        }
    }

    /// Returns the answer for a question that failed with this error, for example a
    /// [`TransportError`](bakong_api::transport::TransportError).
    #[must_use]
    pub fn failed_with(&self, error: impl Into<ApiError>) -> Answered {
        let error = error.into();
        Answered {
            error: Some(Arc::new(error.clone())),
            ..Answered::new(self.failed(class_of(&error)))
        }
    }

    /// Sends the question over `session`, which uses and renews its own token.
    ///
    /// The session passes the expiry of a renewed token to its observers, so the reply to a renewal has no expiry.
    pub async fn send<T: Transport>(&self, session: &Session<T>) -> Answered {
        match self {
            Self::Md5(md5) => {
                let result = session.send(&CheckTransactionByMd5::new(*md5)).await;
                Answered::of_check(self, result)
            }
            Self::Md5List(md5s) => match list(md5s) {
                Ok(list) => Answered::of_list(self, session.send(&list).await),
                Err(error) => self.failed_with(error),
            },
            Self::Hash(hash) => {
                let endpoint = CheckTransactionByHash::new(hash.clone());
                Answered::of_check(self, session.send(&endpoint).await)
            }
            Self::ShortHash(hash, amount) => {
                let endpoint = CheckTransactionByShortHash::new(hash.clone(), *amount);
                Answered::of_check(self, session.send(&endpoint).await)
            }
            Self::Renewal => match session.renew().await {
                Ok(_) => Answered::new(Reply::Renewal(Ok(None))),
                Err(error) => self.failed_with(error),
            },
        }
    }
}

/// Builds the endpoint of a list. A tracker never asks for a list with an invalid number of MD5s.
fn list(md5s: &[Md5Handle]) -> Result<CheckTransactionByMd5List, ApiError> {
    CheckTransactionByMd5List::new(md5s.iter().copied()).map_err(invalid)
}

/// Returns the error of a request that cannot be built.
fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ApiError {
    TransportError::new(TransportErrorKind::InvalidRequest, error).into()
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
