//! The interface to a token store, and the lease that permits one process to renew the token.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use khqr_core::Timestamp;

use crate::error::Remedy;
use crate::token::AccessToken;
use crate::token::life::pause_after;

/// Stores a token. Several processes may share a store: a token that one process renewed is loaded by the others.
///
/// # Renewal lease
/// A renewal invalidates the old token and counts against the daily quota, so of all processes that share a store
/// only one should renew at a time. A session therefore acquires the store's lease before it renews:
///
/// 1. It calls [`acquire_renewal`](Self::acquire_renewal), and continues only if the lease is granted.
/// 2. It loads the token again. If another process has stored a new token, it uses that token and releases the
///    lease.
/// 3. It renews, saves the new token and calls [`RenewalLease::release`]. If the renewal fails, it calls
///    [`RenewalLease::fail`], and the store grants no lease until a pause has passed.
///
/// A lease must expire on its own, because its holder may be killed. An implementation that keeps leases in a
/// database should let them expire after about a minute: a renewal takes at most as long as a request.
///
/// The lease saves requests. It is not needed for correctness: if two processes renew at the same time, one request
/// is wasted, and a session whose token was invalidated loads or requests another token.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Returns the stored token, if there is one.
    ///
    /// # Errors
    /// [`TokenStoreError`] if the store cannot be read, or contains something that is not a token.
    async fn load(&self) -> Result<Option<AccessToken>, TokenStoreError>;

    /// Replaces the stored token.
    ///
    /// # Errors
    /// [`TokenStoreError`] if the token is not stored. In this case, the previous token must still be stored.
    async fn save(&self, token: &AccessToken) -> Result<(), TokenStoreError>;

    /// Requests the lease for renewing the token.
    ///
    /// The default grants every request, without a lease: processes that share the store may then renew at the
    /// same time, and each has its own pause after a failure.
    ///
    /// # Errors
    /// [`TokenStoreError`] if the token must not be renewed because the store does not work. The session treats
    /// this as a failed renewal.
    async fn acquire_renewal(
        &self,
        request: LeaseRequest,
    ) -> Result<LeaseOutcome, TokenStoreError> {
        let _ = request;
        Ok(LeaseOutcome::Granted(Box::new(NoLease)))
    }

    /// Waits while another process holds the lease, at most until that lease expires. A session that cannot renew
    /// calls this after Bakong rejected its token, and then loads the token again.
    ///
    /// The default returns at once.
    async fn wait_for_renewal(&self, now: Timestamp) {
        let _ = now;
    }
}

/// A request for a renewal lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LeaseRequest {
    /// The time of this machine's clock. Leases do not use Bakong's time, because a process does not know it before its
    /// first answer.
    pub now: Timestamp,
    /// The expiry of the session's token on this machine's clock, if that token is usable until then. Without a usable token, the store
    /// should wait while another process holds the lease, at most until that lease expires.
    pub usable_until: Option<Timestamp>,
    /// Whether to ignore the pause after a failed renewal, as [`Session::renew`](crate::Session::renew) does.
    pub ignores_pause: bool,
}

impl LeaseRequest {
    /// Creates a request made at this time by a session without a usable token.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self {
            now,
            usable_until: None,
            ignores_pause: false,
        }
    }
}

/// The answer to a [`LeaseRequest`].
#[derive(Debug)]
#[non_exhaustive]
pub enum LeaseOutcome {
    /// The session may renew.
    Granted(Box<dyn RenewalLease>),
    /// Another process is renewing.
    Held,
    /// A renewal failed, and no lease is granted before `until`.
    Paused {
        /// The end of the pause.
        until: Timestamp,
        /// Why the renewal failed. May come from another process.
        reason: Box<str>,
    },
}

/// The right to renew a token. A lease is dropped when a caller stops waiting for a renewal: dropping it should
/// release it, as [`release`](Self::release) does, or let it expire.
#[async_trait]
pub trait RenewalLease: Send + fmt::Debug {
    /// Ends the lease after a renewal. The new token has been passed to [`TokenStore::save`].
    async fn release(self: Box<Self>);

    /// Ends the lease after a failed renewal. The store must grant no lease before [`RenewalFailure::retry_at`].
    async fn fail(self: Box<Self>, failure: &RenewalFailure);
}

/// A failed renewal.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RenewalFailure {
    /// When the renewal failed, by this machine's clock.
    pub at: Timestamp,
    /// What must happen before a renewal can succeed.
    pub remedy: Remedy,
    /// Whether the old token is still usable.
    pub usable: bool,
    /// The error, without secrets. It may contain the project's e-mail address.
    pub reason: String,
}

impl RenewalFailure {
    /// Creates the failure of a renewal at this time, in a session without a usable token.
    #[must_use]
    pub const fn new(at: Timestamp, remedy: Remedy, reason: String) -> Self {
        Self {
            at,
            remedy,
            usable: false,
            reason,
        }
    }

    /// Returns the end of the pause. `failures` is the number of failed renewals between the last success and
    /// this failure. The pause grows from one minute to one hour, or to six hours while the old token is usable.
    #[must_use]
    pub fn retry_at(&self, failures: u32) -> Timestamp {
        let pause = pause_after(self.remedy, failures, self.usable);
        self.at.saturating_add(pause)
    }
}

/// The lease that a store without leases grants. It does nothing.
#[derive(Debug)]
struct NoLease;

#[async_trait]
impl RenewalLease for NoLease {
    async fn release(self: Box<Self>) {}

    async fn fail(self: Box<Self>, _: &RenewalFailure) {}
}

#[async_trait]
impl<S: TokenStore + ?Sized> TokenStore for Arc<S> {
    async fn load(&self) -> Result<Option<AccessToken>, TokenStoreError> {
        (**self).load().await
    }

    async fn save(&self, token: &AccessToken) -> Result<(), TokenStoreError> {
        (**self).save(token).await
    }

    async fn acquire_renewal(
        &self,
        request: LeaseRequest,
    ) -> Result<LeaseOutcome, TokenStoreError> {
        (**self).acquire_renewal(request).await
    }

    async fn wait_for_renewal(&self, now: Timestamp) {
        (**self).wait_for_renewal(now).await;
    }
}

/// Stores a token in memory, for the sessions of one process. This store has no renewal lease.
///
/// A clone is cheap and shares the stored token.
#[derive(Clone, Default, Debug)]
pub struct MemoryTokenStore(Arc<Mutex<Option<AccessToken>>>);

impl MemoryTokenStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl TokenStore for MemoryTokenStore {
    async fn load(&self) -> Result<Option<AccessToken>, TokenStoreError> {
        let token = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(token.clone())
    }

    async fn save(&self, token: &AccessToken) -> Result<(), TokenStoreError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(())
    }
}

/// A token could not be loaded or saved. The error contains no part of the token.
#[derive(Clone, Debug)]
pub struct TokenStoreError {
    what: Box<str>,
    cause: Arc<dyn std::error::Error + Send + Sync>,
}

impl TokenStoreError {
    /// Creates an error: `what` failed because of `cause`. Neither may contain the token.
    pub fn new(
        what: impl Into<Box<str>>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            what: what.into(),
            cause: cause.into().into(),
        }
    }
}

impl fmt::Display for TokenStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.cause)
    }
}

impl std::error::Error for TokenStoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.cause)
    }
}
