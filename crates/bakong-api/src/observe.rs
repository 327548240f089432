//! Watching a session: each request costs one of the day's, refused and repeated ones too, and a token that
//! could not be renewed or kept is best known before it is needed.

pub use crate::envelope::AnswerSummary;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http::Response;
use khqr_core::Timestamp;

use crate::endpoint::EndpointInfo;
use crate::error::ApiError;
use crate::token::TokenStoreError;
use crate::transport::TransportError;

/// Told of every request that a [`Session`](crate::Session) sends, of every repetition by its transport, and
/// of what becomes of the token.
///
/// Its methods are called on the way of the request: they should be quick.
pub trait SessionObserver: Send + Sync {
    /// A request is about to be sent.
    fn sending(&self, attempt: Attempt) {
        let _ = attempt;
    }

    /// Its answer is there, or an error that says whether it
    /// [may have arrived](crate::transport::TransportErrorKind::may_have_arrived). Not called if the caller stopped
    /// waiting: whether the request arrived is open then.
    ///
    /// Print no body: that of `verify` and `renew_token` holds a token.
    fn finished(&self, attempt: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        let _ = (attempt, result);
    }

    /// The token was renewed. `expires_at` is what the new one says of itself.
    fn token_renewed(&self, expires_at: Option<Timestamp>) {
        let _ = expires_at;
    }

    /// The token could not be renewed. It is tried again after a pause that grows.
    fn token_not_renewed(&self, error: &ApiError) {
        let _ = error;
    }

    /// The token was renewed, and the [`TokenStore`](crate::token::TokenStore) could not keep it: the session uses
    /// it, and will not find it after a restart.
    fn token_not_kept(&self, error: &TokenStoreError) {
        let _ = error;
    }
}

impl<O: SessionObserver + ?Sized> SessionObserver for Arc<O> {
    fn sending(&self, attempt: Attempt) {
        (**self).sending(attempt);
    }

    fn finished(&self, attempt: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        (**self).finished(attempt, result);
    }

    fn token_renewed(&self, expires_at: Option<Timestamp>) {
        (**self).token_renewed(expires_at);
    }

    fn token_not_renewed(&self, error: &ApiError) {
        (**self).token_not_renewed(error);
    }

    fn token_not_kept(&self, error: &TokenStoreError) {
        (**self).token_not_kept(error);
    }
}

/// Two that are told, the first first.
pub(crate) struct Both(
    pub(crate) Arc<dyn SessionObserver>,
    pub(crate) Arc<dyn SessionObserver>,
);

impl SessionObserver for Both {
    fn sending(&self, attempt: Attempt) {
        self.0.sending(attempt);
        self.1.sending(attempt);
    }

    fn finished(&self, attempt: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        self.0.finished(attempt, result);
        self.1.finished(attempt, result);
    }

    fn token_renewed(&self, expires_at: Option<Timestamp>) {
        self.0.token_renewed(expires_at);
        self.1.token_renewed(expires_at);
    }

    fn token_not_renewed(&self, error: &ApiError) {
        self.0.token_not_renewed(error);
        self.1.token_not_renewed(error);
    }

    fn token_not_kept(&self, error: &TokenStoreError) {
        self.0.token_not_kept(error);
        self.1.token_not_kept(error);
    }
}

/// One sending of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// What is asked.
    pub endpoint: EndpointInfo,
    /// How many times it is sent with this: 1 for the first.
    pub number: u32,
}

/// Keeps count of how often one request is sent. In the extensions of each that a session sends.
#[derive(Clone)]
pub struct Attempts(Arc<Inner>);

struct Inner {
    endpoint: EndpointInfo,
    number: AtomicU32,
    observer: Arc<dyn SessionObserver>,
}

impl Attempts {
    /// The first sending.
    pub(crate) fn start(endpoint: EndpointInfo, observer: Arc<dyn SessionObserver>) -> Self {
        let attempts = Self(Arc::new(Inner {
            endpoint,
            number: AtomicU32::new(1),
            observer,
        }));
        attempts.0.observer.sending(attempts.current());
        attempts
    }

    /// To be called by a transport before it sends the request again, with what came of it so far.
    pub fn repeat(&self, previous: Result<&Response<Bytes>, &TransportError>) {
        self.finish(previous);
        // One request is sent by one task at a time.
        self.0.number.fetch_add(1, Ordering::Relaxed);
        self.0.observer.sending(self.current());
    }

    pub(crate) fn finish(&self, result: Result<&Response<Bytes>, &TransportError>) {
        self.0.observer.finished(self.current(), result);
    }

    fn current(&self) -> Attempt {
        Attempt {
            endpoint: self.0.endpoint,
            number: self.0.number.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Attempts").field(&self.current()).finish()
    }
}
