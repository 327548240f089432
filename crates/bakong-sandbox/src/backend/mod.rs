//! All that a sandbox knows, in one place, and the one function from a request to its answer.
//!
//! Nothing here waits, reads a socket or needs a runtime, so any bytes can be put to it in a test.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::Request;
use khqr_core::AccountIdBuf;

use crate::clock::SandboxClock;
use crate::codes::OpenCodes;
use crate::control::view;
use crate::endpoint::ApiEndpoint;
use crate::entropy::Entropy;
use crate::events::{Event, Events};
use crate::exchange::{Exchanges, RecordedRequest};
use crate::fault::{Effect, Fault, Faults, Outcome};
use crate::keep::{Change, Journal};
use crate::ledger::Ledger;
use crate::links::Links;
use crate::log::Log;
use crate::payment::TransferStatus;
use crate::quota::{QuotaLedger, QuotaLimit};
use crate::registry::Registry;
use crate::token::{Issued, TokenKey};
use crate::wire::Answer;

pub(crate) struct State {
    pub(crate) clock: SandboxClock,
    pub(crate) entropy: Entropy,
    pub(crate) token_key: TokenKey,
    pub(crate) registry: Registry,
    pub(crate) ledger: Ledger,
    pub(crate) quota: QuotaLedger,
    pub(crate) faults: Faults,
    pub(crate) exchanges: Exchanges,
    pub(crate) log: Log,
    pub(crate) open_codes: OpenCodes,
    pub(crate) links: Links,
    pub(crate) events: Events,
    /// Whether everything was forgotten since a state file was told.
    is_reset: bool,
}

/// What has happened, for a state file.
pub(crate) struct News {
    /// Whether everything was forgotten before it.
    pub(crate) is_reset: bool,
    pub(crate) changes: Vec<Change>,
    /// The places of the payments that are new or whose status is.
    pub(crate) payments: Vec<usize>,
}

impl State {
    pub(crate) fn new(clock: SandboxClock, mut entropy: Entropy) -> Self {
        let dice = entropy.branch("faults");
        Self {
            clock,
            token_key: TokenKey::new(entropy.hmac_key()),
            entropy,
            registry: Registry::default(),
            ledger: Ledger::default(),
            quota: QuotaLedger::new(QuotaLimit::off()),
            faults: Faults::new(dice),
            exchanges: Exchanges::default(),
            log: Log::default(),
            open_codes: OpenCodes::default(),
            links: Links::default(),
            events: Events::default(),
            is_reset: false,
        }
    }

    /// Answers `request`, or does to it what a fault asks for, and records it.
    pub(crate) fn handle(&mut self, request: &Request<Bytes>) -> Effect {
        let at = self.clock.now();
        let endpoint = ApiEndpoint::at(request.uri().path());
        let exceeded = self.draw_on_quota(endpoint, request, at);
        // A browser asks for more than people do, such as an icon, and faults are for programs.
        let path = request.uri().path();
        let may_strike = endpoint.is_some() || path == "/v1" || path.starts_with("/v1/");
        let struck = may_strike.then(|| self.faults.next(endpoint)).flatten();
        let (fault, effect) = match struck {
            Some((number, trouble)) => {
                if trouble.expires_tokens() {
                    self.revoke_tokens();
                }
                let effect = trouble.befall(|| self.answer(endpoint, request, exceeded, at));
                (Some(number), effect)
            }
            None => {
                let answer = self.answer(endpoint, request, exceeded, at);
                (None, Effect::undisturbed(answer))
            }
        };
        let answer = match &effect.outcome {
            Outcome::Answer(answer) => Some(answer),
            Outcome::Cut | Outcome::Hang => None,
        };
        self.exchanges.record(RecordedRequest {
            at,
            endpoint,
            status: answer.map(Answer::status),
        });
        self.log.record(at, request, answer, fault);
        self.tell_of_request();
        if fault.is_some() {
            self.tell_of_faults();
        }
        effect
    }

    /// Records a request that was turned away before anything else.
    pub(crate) fn record(&mut self, request: &Request<Bytes>, answer: &Answer) {
        let at = self.clock.now();
        self.log.record(at, request, Some(answer), None);
        self.tell_of_request();
    }

    fn tell_of_request(&mut self) {
        let log = &self.log;
        self.events.tell(Event::Request, || log.last(1).next());
    }

    /// Makes every token that was issued so far worthless.
    pub(crate) fn revoke_tokens(&mut self) {
        self.token_key.replace(self.entropy.hmac_key());
    }

    pub(crate) fn issue_token(&mut self, email: &str) -> String {
        self.issue(email).token
    }

    /// The same, with the moment at which the token ends.
    pub(crate) fn issue(&mut self, email: &str) -> Issued {
        let id = self.registry.register(email, &mut self.entropy);
        let issued = self.token_key.issue(id, self.clock.now());
        // There may be an address more.
        self.tell_of_quota();
        issued
    }

    /// Lets there be `account`.
    pub(crate) fn open_account(&mut self, account: AccountIdBuf) {
        self.ledger.open_account(account);
    }

    pub(crate) fn add_fault(&mut self, fault: Fault) -> u64 {
        let number = self.faults.add(fault);
        self.tell_of_faults();
        number
    }

    pub(crate) fn clear_faults(&mut self) {
        self.faults.clear();
        self.tell_of_faults();
    }

    pub(crate) fn remove_fault(&mut self, number: u64) -> bool {
        let was_there = self.faults.remove(number);
        self.tell_of_faults();
        was_there
    }

    /// Does something to the clock, and lets everything happen whose moment has come.
    pub(crate) fn move_clock(&mut self, moved: impl FnOnce(&mut SandboxClock)) {
        moved(&mut self.clock);
        let clock = self.clock;
        self.events
            .tell(Event::SandboxClock, || view::clock(&clock));
        if self.events.has_listeners() {
            self.ledger.settle(clock.now());
        }
    }

    /// Forgets payments, accounts, registrations, mails, faults, requests and quota use. Tokens that were
    /// issued are worthless. The clock and the quota's limit stay.
    pub(crate) fn reset(&mut self) {
        self.registry = Registry::default();
        self.ledger = Ledger::default();
        self.quota.forget();
        self.faults.clear();
        self.exchanges = Exchanges::default();
        self.log.forget();
        self.open_codes.forget();
        self.links.forget();
        self.is_reset = true;
        self.revoke_tokens();
        self.events.tell(Event::Reset, || ());
    }

    fn tell_of_faults(&mut self) {
        let faults = &self.faults;
        self.events.tell(Event::Fault, || view::faults(faults));
    }

    /// Says that a quota is spent or was set, or whose there are.
    pub(crate) fn tell_of_quota(&mut self) {
        let (quota, registry, now) = (&self.quota, &self.registry, self.clock.now());
        self.events
            .tell(Event::QuotaLimit, || view::quota(quota, registry, now));
    }

    pub(crate) fn set_quota(&mut self, quota: QuotaLimit) {
        self.quota.set(quota, self.clock.now());
        self.tell_of_quota();
    }

    /// Tells what has become of payments since this was done last, and gives all that has happened since.
    pub(crate) fn publish(&mut self) -> News {
        let payments = self.ledger.take_news();
        for place in &payments {
            let Some(payment) = self.ledger.get(*place) else {
                continue;
            };
            if payment.status() == TransferStatus::Transferred {
                self.open_codes.close(payment.md5());
            }
            self.events.tell(Event::Transfer, || view::payment(payment));
        }
        let mut changes = self.registry.take_news();
        changes.append(&mut self.ledger.take_changes());
        changes.append(&mut self.quota.take_news());
        changes.append(&mut self.faults.take_news());
        changes.append(&mut self.open_codes.take_news());
        changes.append(&mut self.links.take_news());
        changes.append(&mut self.token_key.take_news());
        News {
            is_reset: std::mem::take(&mut self.is_reset),
            changes,
            payments,
        }
    }
}

/// The state, shared between the server, the sandbox's handle and its customers, and the state file, if
/// there is one.
pub(crate) struct Shared(Mutex<(State, Option<Journal>)>);

impl Shared {
    pub(crate) const fn new(state: State) -> Self {
        Self(Mutex::new((state, None)))
    }

    /// Runs `f` alone with the state. What has happened then is in the state file before anybody is told. No panic in
    /// it is known; if there was one, the state goes on.
    pub(crate) fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        self.with_journal(|state, _| f(state))
    }

    /// The same with the journal of the state file, which has all that happened before.
    pub(crate) fn with_journal<T>(
        &self,
        f: impl FnOnce(&mut State, &mut Option<Journal>) -> T,
    ) -> T {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, journal) = &mut *both;
        let result = f(state, journal);
        let news = state.publish();
        if let Some(journal) = journal {
            journal.record(state, news);
        }
        state.events.send();
        result
    }
}

impl fmt::Debug for Shared {
    /// Says nothing: the state holds keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
