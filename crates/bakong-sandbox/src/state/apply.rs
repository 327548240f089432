//! Applies a change to the state.

use std::time::Duration;

use super::{Change, State};
use crate::access::{Mail, QuotaLimit, Registry, TokenKey};
use crate::bank::{Ledger, Links, OpenCodes, TransferStatus};
use crate::clock::SandboxClock;
use crate::entropy::from_hex;

impl State {
    /// Modifies the state. This is the only function that does.
    ///
    /// # Errors
    /// Returns the reason if the change is inconsistent with the state, which only a damaged state file
    /// can cause.
    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), String> {
        match change {
            Change::Reset => self.reset(),
            Change::Drawn(drawn) => self.entropy = self.entropy.after(*drawn),
            Change::TokenKey(text) => {
                let key = from_hex(text).ok_or("tokenKey is not 128 hexadecimal digits")?;
                self.token_key = TokenKey::new(key);
            }
            Change::Clock(setting) => self.clock = SandboxClock::from_setting(*setting),
            Change::QuotaLimit {
                limit,
                reset_seconds,
                checks_only,
            } => {
                let reset_time = Duration::from_secs(*reset_seconds);
                let quota = QuotaLimit::unlimited().with_limit(*limit);
                self.quota.limit = quota.resets_at(reset_time).with_checks_only(*checks_only);
            }
            Change::Mail {
                email,
                sent_at,
                code,
            } => {
                let (sent_at, code) = (*sent_at, code.clone());
                self.registry.deliver(email, Mail { sent_at, code });
            }
            Change::Registered { email, id } => {
                // The ID is written into tokens without escaping, so it must not need JSON escapes.
                from_hex::<8>(id).ok_or("registered.id is not 16 hexadecimal digits")?;
                self.registry.register(email, id);
            }
            Change::Issued { id, iat, exp } => self.token_key.record_issued(id, *iat, *exp),
            Change::Account(account) => self.ledger.open_account(account.clone()),
            Change::Order(order) => self
                .ledger
                .insert(order)
                .map_err(|reason| format!("order: {reason}"))?,
            Change::Settled(position) => {
                let transfer = self.ledger.settle(*position);
                let transfer = transfer.ok_or_else(|| format!("no order {position} to settle"))?;
                if transfer.status() == TransferStatus::Transferred {
                    self.open_codes.remove(transfer.md5());
                }
            }
            Change::StaticCode(md5) => {
                self.ledger.mark_static(*md5);
                self.open_codes.remove(*md5);
            }
            Change::OpenCode(code) => self.open_codes.insert(code),
            Change::Link { id, qr } => self.links.insert(id, qr),
            Change::Used { id, used } => self.quota.set_used(id, *used),
            Change::Fault { number, rule } => self.faults.insert(*number, rule),
            Change::FaultCounters(counters) => self.faults.set_counters(*counters),
            Change::FaultRemoved(number) => self.faults.remove(*number),
            Change::FaultDraws(drawn) => self.faults.set_draws(*drawn),
            Change::LastFault(number) => self.faults.set_last_number(*number),
            Change::Complete => {}
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.registry = Registry::default();
        self.ledger = Ledger::default();
        self.quota.clear();
        self.faults.clear();
        self.open_codes = OpenCodes::default();
        self.links = Links::default();
    }
}
