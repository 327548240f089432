//! Keeping the token good: looked for in the store, renewed by one at a time, and kept.

use futures_util::lock::MutexGuard as GateGuard;
use khqr_core::Timestamp;

use super::Session;
use crate::error::{ApiError, ErrorClass};
use crate::session::token_slot::{TokenSlot, TokenVersion, no_token};
use crate::token::TokenStep;
use crate::token::TokenStoreError;
use crate::transport::Transport;

impl<T: Transport> Session<T> {
    /// A token to send, renewed before if it has to be.
    pub(super) async fn version(&self) -> Result<TokenVersion, ApiError> {
        self.look_in_store().await?;
        let now = (self.clock)();
        let (step, usable, generation, unsaved) = self.with_token_slot(|slot| {
            let usable = slot.has_usable(now);
            let (generation, unsaved) = (slot.generation, slot.unsaved);
            (slot.life.step(now), usable, generation, unsaved)
        });
        if unsaved {
            self.keep_what_was_left().await;
        }
        match step {
            TokenStep::Use if usable => {}
            TokenStep::RenewOrUse => {
                // Whoever comes while it is renewed has the old one.
                if let Some(gate) = self.gate.try_lock() {
                    // Told to the observer, and the old one is good.
                    let _ = self.make_good(&gate, generation).await;
                }
            }
            _ => {
                let gate = self.gate.lock().await;
                self.make_good(&gate, generation).await?;
            }
        }
        self.with_token_slot(|slot| slot.version())
    }

    /// A token to send if there is one that may be good.
    pub(super) async fn usable_pass(&self) -> Option<TokenVersion> {
        // It is no error that nobody has it, since none is needed.
        let _ = self.look_in_store().await;
        let now = (self.clock)();
        self.with_token_slot(|slot| {
            let usable = slot.life.is_usable(now);
            usable.then(|| slot.version().ok()).flatten()
        })
    }

    /// Takes the token from the store, the first time that one is needed.
    async fn look_in_store(&self) -> Result<(), ApiError> {
        let looked = |slot: &mut TokenSlot| slot.looked;
        let Some(store) = self
            .store
            .as_ref()
            .filter(|_| !self.with_token_slot(looked))
        else {
            return Ok(());
        };
        let _gate = self.gate.lock().await;
        if self.with_token_slot(looked) {
            return Ok(());
        }
        let found = store
            .load()
            .await
            .map_err(|error| ApiError::new(ErrorClass::Unauthorized, error.to_string()))?;
        self.with_token_slot(|slot| {
            // One that was set meanwhile is newer.
            if std::mem::replace(&mut slot.looked, true) {
                return;
            }
            slot.seen_in_store.clone_from(&found);
            if let Some(token) = found {
                slot.set(token);
            }
        });
        Ok(())
    }

    /// Sees to it that there is a token to send, by the store or by a renewal, unless somebody did so while the
    /// gate was waited for, when `generation` was the present token's.
    async fn make_good(&self, gate: &GateGuard<'_, ()>, generation: u64) -> Result<(), ApiError> {
        let now = (self.clock)();
        let is_done = self.with_token_slot(|slot| {
            let is_new = slot.generation != generation;
            slot.has_usable(now) && (is_new || slot.life.step(now) == TokenStep::Use)
        });
        if is_done || self.adopt_from_store(now).await {
            return Ok(());
        }
        match self.with_token_slot(|slot| slot.life.step(now)) {
            TokenStep::Use => Ok(()),
            TokenStep::Refuse(_) => Err(self.with_token_slot(|slot| slot.refusal())),
            TokenStep::Missing => Err(no_token()),
            TokenStep::Renew | TokenStep::RenewOrUse | TokenStep::Await => {
                self.ask_for_token(gate).await
            }
        }
    }

    /// Takes a token from the store that another put there, if it is better than the present one.
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

    /// Puts the present token into the store, if it is still to be kept there. Only whoever holds the gate may,
    /// so that the newest comes last.
    pub(super) async fn keep(&self, _gate: &GateGuard<'_, ()>) -> Result<(), TokenStoreError> {
        let version = self.with_token_slot(|slot| slot.to_save());
        let (Some(store), Some(version)) = (&self.store, version) else {
            return Ok(());
        };
        let result = store.save(&version.token).await;
        self.with_token_slot(|slot| slot.handed_to_store(version, result.is_ok()));
        result
    }

    /// Does what somebody left undone who stopped waiting while a token was kept.
    async fn keep_what_was_left(&self) {
        // Whoever has the gate sees to it.
        if let Some(gate) = self.gate.try_lock() {
            self.keep_and_tell(&gate).await;
        }
    }

    pub(super) async fn keep_and_tell(&self, gate: &GateGuard<'_, ()>) {
        if let Err(error) = self.keep(gate).await {
            self.tell(|observer| observer.token_not_kept(&error));
        }
    }

    /// Asks for a new token. Only whoever holds the gate may.
    pub(super) async fn ask_for_token(&self, gate: &GateGuard<'_, ()>) -> Result<(), ApiError> {
        let Some(renewal) = &self.renewal else {
            let why = "there is no e-mail address to renew it under";
            return Err(ApiError::new(ErrorClass::Unauthorized, why).of_renewal());
        };
        self.with_token_slot(|slot| slot.life.renewal_started());
        let abandoned = OnDrop(Some(|| {
            let now = (self.clock)();
            self.with_token_slot(|slot| slot.renewal_abandoned(now));
        }));
        let result = self.exchange(renewal, None).await;
        abandoned.defuse();
        let now = (self.clock)();
        match result {
            Ok(token) => {
                let expires_at = token.expires_at();
                self.with_token_slot(|slot| {
                    slot.renewed(token, now);
                    slot.unsaved = self.store.is_some();
                });
                self.tell(|observer| observer.token_renewed(expires_at));
                self.keep_and_tell(gate).await;
                Ok(())
            }
            Err(error) => {
                let error = error.of_renewal();
                self.with_token_slot(|slot| slot.renewal_failed(&error, now));
                self.tell(|observer| observer.token_not_renewed(&error));
                Err(error)
            }
        }
    }
}

/// Does something when a future is dropped in its midst.
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
