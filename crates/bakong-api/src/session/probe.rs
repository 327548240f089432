//! Sends one request to find out whether a token has expired, while other callers wait for its answer.

use futures_util::lock::MutexGuard;

use super::Session;
use super::token_slot::TokenVersion;
use crate::error::ApiError;
use crate::transport::Transport;

/// A request that tells whether the token has expired. Dropping it without [`finish`](Self::finish) means that the
/// caller stopped waiting, and the next caller sends a probe.
pub(super) struct Probe<'s, T> {
    session: &'s Session<T>,
    _lock: MutexGuard<'s, ()>,
}

impl<T> Probe<'_, T> {
    /// Records that the answer arrived, or that the request failed. The other callers continue.
    pub(super) fn finish(self) {
        self.session.with_token_slot(|slot| slot.probes += 1);
    }
}

impl<T: Transport> Session<T> {
    /// Returns a token to send. The request is a probe if the token has expired by a clock that no answer has confirmed.
    /// If another caller is sending a probe, waits for its answer. A probe that fails without an answer about the token
    /// tells nothing, so the waiting callers send their own requests.
    pub(super) async fn token_to_send(
        &self,
    ) -> Result<(TokenVersion, Option<Probe<'_, T>>), ApiError> {
        self.load_first_token().await?;
        let finished = self.with_token_slot(|slot| slot.probes);
        if self.needs_probe() {
            let lock = self.probe_lock.lock().await;
            let is_first = self.with_token_slot(|slot| slot.probes) == finished;
            if is_first && self.needs_probe() {
                let version = self.ensure_token().await?;
                let probe = Probe {
                    session: self,
                    _lock: lock,
                };
                return Ok((version, Some(probe)));
            }
        }
        Ok((self.ensure_token().await?, None))
    }

    fn needs_probe(&self) -> bool {
        let now = self.now();
        self.with_token_slot(|slot| slot.life.needs_probe(now))
    }
}
