//! Ensures that a session has a usable token: loads the token, renews it once for all callers, and saves it.

use std::time::Duration;

use futures_util::lock::MutexGuard as RenewalLockGuard;
use khqr_core::{Printable, Timestamp};

use super::Session;
use super::token_slot::{TokenSlot, TokenVersion};
use crate::endpoint::no_token;
use crate::error::{ApiError, ErrorClass};
use crate::token::{
    LeaseOutcome, LeaseRequest, RenewalFailure, RenewalLease, TokenStep, TokenStoreError,
};
use crate::transport::{Transport, TransportError, TransportErrorKind};

/// When to ask again for a lease that another process holds. A renewal takes at most a minute.
const HELD_PAUSE: Duration = Duration::from_secs(60);

impl<T: Transport> Session<T> {
    /// Returns a token to send, after renewing it if necessary.
    pub(super) async fn ensure_token(&self) -> Result<TokenVersion, ApiError> {
        self.load_first_token().await?;
        let now = self.now();
        let (step, usable, generation, unsaved) = self.with_token_slot(|slot| {
            let usable = slot.has_usable(now);
            let (generation, unsaved) = (slot.generation, slot.unsaved);
            (slot.life.step(now), usable, generation, unsaved)
        });
        // A caller stopped waiting while it saved the token. If the lock is held, its holder saves.
        if unsaved && let Some(lock) = self.renewal_lock.try_lock() {
            self.save_or_report(&lock).await;
        }
        match step {
            TokenStep::Use if usable => {}
            TokenStep::RenewOrUse => {
                // Callers that arrive during the renewal use the old token.
                if let Some(lock) = self.renewal_lock.try_lock() {
                    // The observers receive the error, and the old token is usable.
                    let _ = self.ensure_usable(&lock, generation).await;
                }
            }
            _ => {
                let lock = self.renewal_lock.lock().await;
                self.ensure_usable(&lock, generation).await?;
            }
        }
        self.with_token_slot(|slot| slot.current())
    }

    /// Renews the token if it is due by the time that the first answer told. Before that answer, the expiry did not count.
    pub(super) async fn renew_if_due(&self) {
        let now = self.now();
        let (step, generation) =
            self.with_token_slot(|slot| (slot.life.step(now), slot.generation));
        let is_due = matches!(step, TokenStep::RenewOrUse | TokenStep::Renew);
        if is_due && let Some(lock) = self.renewal_lock.try_lock() {
            // The observers receive the error, and the caller has its answer.
            let _ = self.ensure_usable(&lock, generation).await;
        }
    }

    /// Returns a token if a usable one exists. Does not renew.
    pub(super) async fn usable_token(&self) -> Option<TokenVersion> {
        // The endpoint works without a token, so a store that cannot be read is not an error.
        let _ = self.load_first_token().await;
        let now = self.now();
        self.with_token_slot(|slot| {
            let usable = slot.life.is_usable(now);
            usable.then(|| slot.current().ok()).flatten()
        })
    }

    /// Loads the token from the store, once, before the first request that needs it.
    pub(super) async fn load_first_token(&self) -> Result<(), ApiError> {
        let is_loaded = |slot: &mut TokenSlot| slot.loaded;
        let store = self.store.as_ref();
        let Some(store) = store.filter(|_| !self.with_token_slot(is_loaded)) else {
            return Ok(());
        };
        let _lock = self.renewal_lock.lock().await;
        if self.with_token_slot(is_loaded) {
            return Ok(());
        }
        let found = store
            .load()
            .await
            .map_err(|error| ApiError::new(ErrorClass::Store, error.to_string()))?;
        self.with_token_slot(|slot| {
            // A token that was set in the meantime is newer.
            if std::mem::replace(&mut slot.loaded, true) {
                return;
            }
            slot.seen_in_store.clone_from(&found);
            if let Some(token) = found {
                slot.set(token);
            }
        });
        Ok(())
    }

    /// Gets a usable token from the store or by a renewal. Does nothing if another caller replaced the token while
    /// this one waited for the lock. `generation` is the token's generation before the wait.
    async fn ensure_usable(
        &self,
        lock: &RenewalLockGuard<'_, ()>,
        generation: u64,
    ) -> Result<(), ApiError> {
        let now = self.now();
        let is_done = self.with_token_slot(|slot| {
            let is_new = slot.generation != generation;
            slot.has_usable(now) && (is_new || slot.life.step(now) == TokenStep::Use)
        });
        if is_done || self.adopt_from_store(now).await {
            return Ok(());
        }
        match self.with_token_slot(|slot| slot.life.step(now)) {
            TokenStep::Use => Ok(()),
            TokenStep::Refuse(_) => {
                // The token was rejected, perhaps because another process is renewing it.
                if let Some(store) = &self.store {
                    store.wait_for_renewal(self.clock.local_now()).await;
                    if self.adopt_from_store(self.now()).await {
                        return Ok(());
                    }
                }
                Err(self.with_token_slot(|slot| slot.pause_reason()))
            }
            TokenStep::Missing => Err(no_token()),
            TokenStep::Renew | TokenStep::RenewOrUse | TokenStep::Await => {
                self.renew_token(lock, false).await
            }
        }
    }

    /// Uses a token that another process stored, if it is better than the current one.
    async fn adopt_from_store(&self, now: Timestamp) -> bool {
        let Some(store) = &self.store else {
            return false;
        };
        let Ok(Some(found)) = store.load().await else {
            return false;
        };
        self.with_token_slot(|slot| {
            if !slot.is_better(&found, now) {
                return false;
            }
            slot.seen_in_store = Some(found.clone());
            slot.set(found);
            true
        })
    }

    /// Saves the current token, if it must still be saved. Requires the lock, so that the newest token is saved
    /// last.
    pub(super) async fn save_pending(
        &self,
        _lock: &RenewalLockGuard<'_, ()>,
    ) -> Result<(), TokenStoreError> {
        let version = self.with_token_slot(|slot| slot.to_save());
        let (Some(store), Some(version)) = (&self.store, version) else {
            return Ok(());
        };
        let result = store.save(&version.token).await;
        self.with_token_slot(|slot| slot.save_finished(version, &result));
        result
    }

    pub(super) async fn save_or_report(&self, lock: &RenewalLockGuard<'_, ()>) {
        if let Err(error) = self.save_pending(lock).await {
            self.notify(|observer| observer.token_not_saved(&error));
        }
    }

    /// Requests a new token, under the store's lease. Requires the lock.
    pub(super) async fn renew_token(
        &self,
        lock: &RenewalLockGuard<'_, ()>,
        ignores_pause: bool,
    ) -> Result<(), ApiError> {
        let Some(renewal) = &self.renewal else {
            let why = "there is no e-mail address for the renewal";
            return Err(ApiError::new(ErrorClass::Unauthorized, why).of_renewal());
        };
        let lease = self.acquire_lease(ignores_pause).await?;
        // Another process may have renewed the token before this one got the lease.
        if !ignores_pause && self.adopt_from_store(self.now()).await {
            if let Some(lease) = lease {
                lease.release().await;
            }
            return Ok(());
        }
        self.with_token_slot(|slot| slot.life.renewal_started());
        let abandoned = OnDrop(Some(|| {
            let now = self.now();
            self.with_token_slot(|slot| slot.renewal_abandoned(now));
        }));
        let result = self.exchange(renewal, None).await;
        abandoned.defuse();
        let now = self.now();
        match result {
            Ok(token) => {
                let expires_at = token.expires_at();
                self.with_token_slot(|slot| {
                    slot.renewed(token, now);
                    slot.unsaved = self.store.is_some();
                });
                self.notify(|observer| observer.token_renewed(expires_at));
                self.save_or_report(lock).await;
                if let Some(lease) = lease {
                    lease.release().await;
                }
                Ok(())
            }
            Err(error) => {
                let failure = RenewalFailure {
                    at: self.clock.local_now(),
                    remedy: error.class().remedy(),
                    usable: self.with_token_slot(|slot| slot.has_usable(now)),
                    reason: error.to_string(),
                };
                let error = error.of_renewal();
                self.with_token_slot(|slot| slot.renewal_failed(&error, now));
                if let Some(lease) = lease {
                    lease.fail(&failure).await;
                }
                Err(self.report_not_renewed(error))
            }
        }
    }

    /// Acquires the store's renewal lease; `None` if the session has no store.
    async fn acquire_lease(
        &self,
        ignores_pause: bool,
    ) -> Result<Option<Box<dyn RenewalLease>>, ApiError> {
        let Some(store) = &self.store else {
            return Ok(None);
        };
        let now = self.now();
        let server_time = self.server_time().get();
        let usable_until = self.with_token_slot(|slot| slot.usable_until(now));
        let usable_until = usable_until.map(|expiry| server_time.to_local(expiry));
        // Other processes on this machine compare the time of a lease with the same clock.
        let request = LeaseRequest {
            now: self.clock.local_now(),
            usable_until: usable_until.filter(|_| !ignores_pause),
            ignores_pause,
        };
        let (error, until) = match store.acquire_renewal(request).await {
            Ok(LeaseOutcome::Granted(lease)) => return Ok(Some(lease)),
            Ok(LeaseOutcome::Held) => {
                let error = not_renewed(
                    TransportErrorKind::Busy,
                    "another process is renewing the token".to_owned(),
                );
                (error, Some(self.now().saturating_add(HELD_PAUSE)))
            }
            Ok(LeaseOutcome::Paused { until, reason }) => {
                let error = not_renewed(
                    TransportErrorKind::NotAllowed,
                    format!(
                        "the next renewal is possible in {}; the last renewal failed: {}",
                        Rounded(until.saturating_since(request.now)),
                        Printable(&reason)
                    ),
                );
                (error, Some(server_time.correct(until)))
            }
            Err(error) => {
                let error = ApiError::new(ErrorClass::Store, error.to_string());
                (error.of_renewal(), None)
            }
        };
        self.with_token_slot(|slot| match until {
            Some(until) => slot.renewal_deferred(&error, until),
            None => slot.renewal_failed(&error, now),
        });
        Err(self.report_not_renewed(error))
    }

    fn report_not_renewed(&self, error: ApiError) -> ApiError {
        let now = self.now();
        let usable_until = self.with_token_slot(|slot| slot.usable_until(now));
        self.notify(|observer| observer.token_not_renewed(&error, usable_until));
        error
    }
}

/// Creates the error for a renewal that was not sent.
fn not_renewed(kind: TransportErrorKind, why: String) -> ApiError {
    let error = TransportError::new(kind, why.as_str()).with_detail(why);
    ApiError::from(error).of_renewal()
}

/// A duration in hours, minutes or seconds, rounded up.
struct Rounded(Duration);

impl std::fmt::Display for Rounded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.as_millis().div_ceil(1_000) {
            seconds @ ..=120 => write!(f, "{seconds} s"),
            seconds @ ..=7_200 => write!(f, "{} min", seconds.div_ceil(60)),
            seconds => write!(f, "{} h", seconds.div_ceil(3_600)),
        }
    }
}

/// Runs a closure if a future is dropped before it completes.
struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> OnDrop<F> {
    fn defuse(mut self) {
        self.0 = None;
    }
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}
