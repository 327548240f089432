//! The operations of a sandbox. Each operation commits changes and emits events.

use bytes::Bytes;
use http::Request;
use khqr_core::{AccountIdBuf, Khqr, Md5Handle, Timestamp};

use super::{Backend, Event, Outcome, RecordedRequest, view};
use crate::access::{IssuedToken, QuotaLimit};
use crate::bank::{Ledger, Lookup, Transfer, TransferError, TransferOptions, TransferStatus};
use crate::clock::SandboxClock;
use crate::entropy::Entropy;
use crate::fault::{Effect, Fault};
use crate::state::Change;
use crate::wire::{Answer, ApiEndpoint};

/// Transfers and codes.
impl Backend {
    /// Carries out every order that is due at `now`, in the order of their due times.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        while let Some(position) = self.state().ledger.next_due(now) {
            self.commit(Change::Settled(position));
            self.emit_transfer(position);
        }
    }

    /// Carries out every order that is due at `now`, and returns the ledger.
    pub(crate) fn settled_ledger(&mut self, now: Timestamp) -> &Ledger {
        self.settle(now);
        &self.state().ledger
    }

    /// Pays a code from `payer`.
    pub(crate) fn pay(
        &mut self,
        code: &str,
        payer: AccountIdBuf,
        options: &TransferOptions,
        now: Timestamp,
    ) -> Result<Transfer, TransferError> {
        self.settle(now);
        let mut entropy = self.state().entropy;
        let order = options.order(code, payer, now, || {
            (entropy.transaction_hash(), entropy.external_ref())
        })?;
        let is_paid = self.state().ledger.is_paid(order.md5);
        if is_paid && !order.static_code && !order.again {
            return Err(TransferError::AlreadyPaid);
        }
        let position = self.state().ledger.transfers().len();
        let is_due = order.due <= now;
        self.commit(Change::Drawn(entropy.drawn()));
        self.commit(Change::Order(Box::new(order)));
        if is_due {
            self.settle(now);
        } else {
            self.emit_transfer(position);
        }
        let transfer = self.state().ledger.transfer(position);
        match transfer.ok_or(TransferError::AlreadyPaid)?.clone() {
            Transfer {
                status: TransferStatus::Refused(reason),
                ..
            } => Err(reason),
            transfer => Ok(transfer),
        }
    }

    fn emit_transfer(&mut self, position: usize) {
        if let Some(transfer) = self.state.ledger.transfer(position) {
            self.events
                .emit(Event::Transfer, || view::transfer(transfer));
        }
    }

    /// Records the text of a code. A static code becomes known as static, so that later checks by MD5
    /// report it. A dynamic code that can be paid now becomes open.
    pub(crate) fn observe_code(&mut self, khqr: &Khqr<'_>, now: Timestamp) {
        let md5 = khqr.md5();
        match khqr.amount() {
            Ok(None) if !self.state().ledger.is_static(md5) => {
                self.commit(Change::StaticCode(md5));
            }
            Ok(Some(_)) => {
                let found = self.settled_ledger(now).find_by_md5(md5);
                let is_unpaid = matches!(found, Lookup::NotFound);
                let is_open = self.state().open_codes.get(md5).is_some();
                if is_unpaid && (is_open || khqr.verify(now).is_ok()) {
                    let changed = self.state().open_codes.with_text(md5, khqr.text(), now);
                    if let Some(code) = changed {
                        self.commit(Change::OpenCode(code));
                    }
                    if let Some(code) = self.state.open_codes.get(md5) {
                        self.events.emit(Event::Code, || view::code(code));
                    }
                }
            }
            Ok(None) | Err(_) => {}
        }
    }

    /// Records a check that found no payment: a shop is probably showing the code.
    pub(crate) fn observe_check(&mut self, md5: Md5Handle, now: Timestamp) {
        let code = self.state().open_codes.checked(md5, now);
        self.commit(Change::OpenCode(code));
    }

    pub(crate) fn open_account(&mut self, account: AccountIdBuf) {
        if !self.state().ledger.has_account(account.as_id()) {
            self.commit(Change::Account(account));
        }
    }

    /// Creates a short link to a code, and returns its URL.
    pub(crate) fn create_link(&mut self, code: &str) -> String {
        let id = self.draw(Entropy::link_id);
        let link = format!("{}/l/{id}", self.base_url);
        let qr = code.to_owned();
        self.commit(Change::Link { id, qr });
        link
    }
}

/// Access.
impl Backend {
    /// Draws a random value from the seed.
    fn draw<T>(&mut self, draw: impl FnOnce(&mut Entropy) -> T) -> T {
        let mut entropy = self.state().entropy;
        let value = draw(&mut entropy);
        self.commit(Change::Drawn(entropy.drawn()));
        value
    }

    /// Sends a verification code to an address by e-mail. Returns false if the address is already registered.
    pub(crate) fn request_token(&mut self, email: &str, now: Timestamp) -> bool {
        if self.state().registry.id(email).is_some() {
            return false;
        }
        let code = self.draw(Entropy::verification_code);
        self.commit(Change::Mail {
            email: email.to_owned(),
            sent_at: now,
            code,
        });
        let registry = &self.state.registry;
        self.events
            .emit(Event::Mail, || view::last_mail(registry, email));
        true
    }

    /// Registers an address if necessary, and issues a token.
    pub(crate) fn issue_token(&mut self, email: &str, now: Timestamp) -> IssuedToken {
        let id = match self.state().registry.id(email) {
            Some(id) => id.to_owned(),
            None => {
                let id = self.draw(Entropy::registration_id);
                self.commit(Change::Registered {
                    email: email.to_owned(),
                    id: id.clone(),
                });
                id
            }
        };
        let issued = self.state().token_key.sign(&id, now);
        let (iat, exp) = (issued.iat, issued.exp);
        self.commit(Change::Issued { id, iat, exp });
        // The quota event lists the registered addresses, and this one may be new.
        self.emit_quota();
        issued
    }

    /// Invalidates every token that was issued so far.
    pub(crate) fn revoke_tokens(&mut self) {
        let key = self.draw(Entropy::hmac_key);
        self.commit(Change::token_key(&key));
    }

    /// Counts a request of a registration ID. Returns the limit if the request exceeds it.
    pub(crate) fn count_request(&mut self, id: &str, now: Timestamp) -> Option<u32> {
        let count = self.state().quota.used(id, now).saturating_add(1);
        self.set_used(id, count, now);
        let limit = self.state().quota.limit.limit()?;
        if count == limit {
            self.emit_quota();
        }
        (count > limit).then_some(limit)
    }

    /// Sets the number of today's requests of a registration ID.
    pub(crate) fn set_used(&mut self, id: &str, count: u32, now: Timestamp) {
        let used = self.state().quota.used_today(count, now);
        let id = id.to_owned();
        self.commit(Change::Used { id, used });
    }

    /// Replaces the quota limit. Requests already made today count against it.
    pub(crate) fn set_quota(&mut self, limit: QuotaLimit) {
        let now = self.state().clock.now();
        let moved = self.state().quota.moved_to(limit, now);
        self.commit(Change::quota_limit(limit));
        for (id, used) in moved {
            self.commit(Change::Used { id, used });
        }
        self.emit_quota();
    }

    pub(crate) fn emit_quota(&mut self) {
        let state = &self.state;
        self.events.emit(Event::Quota, || view::quota(state));
    }
}

/// Faults, time and requests.
impl Backend {
    /// Adds a fault, and returns its number.
    pub(crate) fn add_fault(&mut self, fault: Fault) -> u64 {
        let number = self.state().faults.last_number().saturating_add(1);
        let rule = Box::new(fault);
        self.commit(Change::Fault { number, rule });
        self.emit_faults();
        number
    }

    pub(crate) fn clear_faults(&mut self) {
        let numbers: Vec<u64> = self.fault_numbers().collect();
        for number in numbers {
            self.commit(Change::FaultRemoved(number));
        }
        self.emit_faults();
    }

    /// Removes a fault. Returns false if no fault has this number.
    pub(crate) fn remove_fault(&mut self, number: u64) -> bool {
        if !self.fault_numbers().any(|it| it == number) {
            return false;
        }
        self.commit(Change::FaultRemoved(number));
        self.emit_faults();
        true
    }

    fn fault_numbers(&self) -> impl Iterator<Item = u64> {
        self.state().faults.iter().map(|(number, _)| number)
    }

    /// Selects the fault that matches a request, and counts the request as one use of it.
    pub(crate) fn match_fault(&mut self, endpoint: Option<ApiEndpoint>) -> Option<(u64, Fault)> {
        let selection = self.state().faults.select(endpoint);
        for counters in selection.counters {
            self.commit(Change::FaultCounters(counters));
        }
        if let Some(draws) = selection.draws {
            self.commit(Change::FaultDraws(draws));
        }
        if selection.matched.is_some() {
            self.emit_faults();
        }
        selection.matched
    }

    fn emit_faults(&mut self) {
        let faults = &self.state.faults;
        self.events.emit(Event::Fault, || view::faults(faults));
    }

    /// Replaces the clock.
    pub(crate) fn set_clock(&mut self, clock: SandboxClock) {
        self.commit(Change::Clock(clock.setting()));
        self.events.emit(Event::Clock, || view::clock(&clock));
        // Without listeners, the ledger need not be settled before the next lookup.
        if self.events.has_listeners() {
            self.settle(clock.now());
        }
    }

    /// Removes transfers, accounts, registrations, e-mails, faults, requests and quota use, and invalidates every
    /// token. The clock and the quota limit stay.
    pub(crate) fn reset(&mut self) {
        self.commit(Change::Reset);
        self.revoke_tokens();
        self.recorded.clear();
        self.log.clear();
        self.events.emit(Event::Reset, || ());
    }

    /// Records a request of the API and its response. `why` is the reason of a refusal.
    pub(crate) fn record(
        &mut self,
        request: &Request<Bytes>,
        effect: &Effect,
        fault: Option<u64>,
        why: Option<String>,
        at: Timestamp,
    ) {
        let answer = effect.answer();
        self.recorded.push(RecordedRequest {
            at,
            endpoint: ApiEndpoint::at(request.uri().path()),
            status: answer.map(Answer::status),
            why: why.clone(),
        });
        self.record_in_log(request, Outcome { answer, fault, why }, at);
    }

    /// Records a request only in the log.
    pub(crate) fn record_in_log(
        &mut self,
        request: &Request<Bytes>,
        outcome: Outcome<'_>,
        at: Timestamp,
    ) {
        self.log.record(at, request, outcome);
        let log = &self.log;
        self.events.emit(Event::Request, || log.latest(1).next());
    }
}
