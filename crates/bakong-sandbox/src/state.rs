//! All that a sandbox knows, in one place, and the one function from a request to its answer.
//!
//! Nothing here waits, reads a socket or needs a runtime, so any bytes can be put to it in a test.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::Request;

use crate::clock::Clock;
use crate::endpoint::Endpoint;
use crate::entropy::Entropy;
use crate::exchange::{Exchange, Exchanges};
use crate::fault::{Effect, Faults, Outcome};
use crate::ledger::Ledger;
use crate::registry::Registry;
use crate::token::TokenKey;

pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) token_key: TokenKey,
    pub(crate) registry: Registry,
    pub(crate) ledger: Ledger,
    pub(crate) faults: Faults,
    pub(crate) exchanges: Exchanges,
}

impl State {
    pub(crate) fn new(clock: Clock, mut entropy: Entropy) -> Self {
        Self {
            clock,
            token_key: TokenKey::new(entropy.hmac_key()),
            entropy,
            registry: Registry::default(),
            ledger: Ledger::default(),
            faults: Faults::default(),
            exchanges: Exchanges::default(),
        }
    }

    /// Answers `request`, or does to it what a fault asks for, and records it.
    pub(crate) fn handle(&mut self, request: &Request<Bytes>) -> Effect {
        let at = self.clock.now();
        let endpoint = Endpoint::at(request.uri().path());
        let effect = match self.faults.next(endpoint) {
            Some(trouble) => trouble.befall(|| self.answer(endpoint, request, at)),
            None => Effect::undisturbed(self.answer(endpoint, request, at)),
        };
        let status = match &effect.outcome {
            Outcome::Answer(answer) => Some(answer.status()),
            Outcome::Cut | Outcome::Hang => None,
        };
        self.exchanges.record(Exchange {
            at,
            endpoint,
            status,
        });
        effect
    }

    /// Makes every token that was issued so far worthless.
    pub(crate) fn revoke_tokens(&mut self) {
        self.token_key = TokenKey::new(self.entropy.hmac_key());
    }

    pub(crate) fn issue_token(&mut self, email: &str) -> String {
        let id = self.registry.register(email, &mut self.entropy);
        self.token_key.issue(id, self.clock.now())
    }
}

/// The state, shared between the server, the sandbox's handle and its customers.
pub(crate) struct Shared(Mutex<State>);

impl Shared {
    pub(crate) const fn new(state: State) -> Self {
        Self(Mutex::new(state))
    }

    /// Runs `f` alone with the state. No panic in it is known; if there was one, the state goes on.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Shared {
    /// Says nothing: the state holds keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
