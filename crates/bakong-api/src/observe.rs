//! Events of a session, to count requests (refused and repeated ones also use the daily quota), and to notice a failed
//! renewal before the token expires, or a wrong clock.

pub use crate::envelope::AnswerSummary;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use http::Response;
use khqr_core::Timestamp;

use crate::clock::SessionClock;
use crate::endpoint::EndpointInfo;
use crate::error::ApiError;
use crate::server_time::Skew;
use crate::token::TokenStoreError;
use crate::transport::TransportError;

/// Receives events of a [`Session`](crate::Session): requests, repetitions by the transport, and token renewals.
///
/// The methods are called while a request is being processed and delay it, so they should return quickly. An implementation
/// of [`before_sending`](Self::before_sending) needs the attribute `async_trait::async_trait`.
#[async_trait]
pub trait SessionObserver: Send + Sync {
    /// A request is about to be sent. The session waits for this method, so that the observer can count the request in a
    /// store first. Not called before repetitions by the transport.
    ///
    /// # Errors
    /// [`TransportError`] if the request must not be sent. Its kind must be one of those whose request
    /// [cannot have arrived](crate::transport::TransportErrorKind::may_have_arrived).
    async fn before_sending(&self, endpoint: EndpointInfo) -> Result<(), TransportError> {
        let _ = endpoint;
        Ok(())
    }

    /// A request is about to be sent.
    fn sending(&self, attempt: Attempt) {
        let _ = attempt;
    }

    /// The answer has arrived, or the attempt failed. The kind of the error tells whether the request
    /// [may have arrived](crate::transport::TransportErrorKind::may_have_arrived). Not called if the caller stopped
    /// waiting; the request may have arrived anyway.
    ///
    /// Do not log bodies: those of `verify` and `renew_token` contain a token.
    fn finished(&self, attempt: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        let _ = (attempt, result);
    }

    /// A difference of more than a minute between this machine's clock and Bakong's began or ended, as the `Date` of an
    /// answer shows. Called before [`finished`](Self::finished) of that answer. With a wrong clock, new codes have the
    /// wrong expiry, so tell a person to set the clock.
    fn skew_changed(&self, skew: Skew) {
        let _ = skew;
    }

    /// The token was renewed. `expires_at` is the new token's expiry, if it has one.
    fn token_renewed(&self, expires_at: Option<Timestamp>) {
        let _ = expires_at;
    }

    /// The token was not renewed. The session tries again after a pause. `usable_until` is the old token's expiry
    /// if the token is usable until then.
    fn token_not_renewed(&self, error: &ApiError, usable_until: Option<Timestamp>) {
        let _ = (error, usable_until);
    }

    /// The token was renewed, and the [`TokenStore`](crate::token::TokenStore) failed to save it. The session uses
    /// the new token, but the token is lost after a restart.
    fn token_not_saved(&self, error: &TokenStoreError) {
        let _ = error;
    }
}

#[async_trait]
impl<O: SessionObserver + ?Sized> SessionObserver for Arc<O> {
    async fn before_sending(&self, endpoint: EndpointInfo) -> Result<(), TransportError> {
        (**self).before_sending(endpoint).await
    }

    fn sending(&self, attempt: Attempt) {
        (**self).sending(attempt);
    }

    fn finished(&self, attempt: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        (**self).finished(attempt, result);
    }

    fn skew_changed(&self, skew: Skew) {
        (**self).skew_changed(skew);
    }

    fn token_renewed(&self, expires_at: Option<Timestamp>) {
        (**self).token_renewed(expires_at);
    }

    fn token_not_renewed(&self, error: &ApiError, usable_until: Option<Timestamp>) {
        (**self).token_not_renewed(error, usable_until);
    }

    fn token_not_saved(&self, error: &TokenStoreError) {
        (**self).token_not_saved(error);
    }
}

/// The observers of a session, in the order in which they were added.
pub(crate) type Observers = Vec<Arc<dyn SessionObserver>>;

/// One attempt to send a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The endpoint.
    pub endpoint: EndpointInfo,
    /// The number of the attempt, starting at 1.
    pub number: u32,
}

/// Counts the attempts to send one request, and reads the `Date` of each answer. Every request of a session carries this
/// in its extensions.
#[derive(Clone)]
pub struct Attempts(Arc<Inner>);

struct Inner {
    endpoint: EndpointInfo,
    number: AtomicU32,
    observers: Arc<Observers>,
    clock: SessionClock,
    /// When the current attempt was sent: milliseconds since 1970 by the local clock.
    sent_at: AtomicU64,
}

impl Attempts {
    /// Begins the first attempt.
    pub(crate) fn start(
        endpoint: EndpointInfo,
        observers: Arc<Observers>,
        clock: SessionClock,
    ) -> Self {
        let attempts = Self(Arc::new(Inner {
            endpoint,
            number: AtomicU32::new(1),
            observers,
            sent_at: AtomicU64::new(clock.local_now().as_millis()),
            clock,
        }));
        attempts.notify(|observer| observer.sending(attempts.current()));
        attempts
    }

    /// Begins another attempt. A transport calls this before it repeats a request, with the result of the
    /// previous attempt.
    pub fn repeat(&self, previous: Result<&Response<Bytes>, &TransportError>) {
        self.finish(previous);
        // `Relaxed` suffices, because the attempts of one request never overlap.
        self.0.number.fetch_add(1, Ordering::Relaxed);
        let sent_at = self.0.clock.local_now().as_millis();
        self.0.sent_at.store(sent_at, Ordering::Relaxed);
        self.notify(|observer| observer.sending(self.current()));
    }

    pub(crate) fn finish(&self, result: Result<&Response<Bytes>, &TransportError>) {
        let sent_at = Timestamp::from_millis(self.0.sent_at.load(Ordering::Relaxed));
        if let Ok(answer) = result
            && let Some(skew) = self.0.clock.observe(sent_at, answer)
        {
            self.notify(|observer| observer.skew_changed(skew));
        }
        self.notify(|observer| observer.finished(self.current(), result));
    }

    fn notify(&self, event: impl Fn(&dyn SessionObserver)) {
        self.0.observers.iter().for_each(|observer| event(observer));
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
