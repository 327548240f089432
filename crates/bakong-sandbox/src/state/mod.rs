//! The persistent state of a sandbox, and the changes that it consists of.
//!
//! Architecture Invariant: [`State::apply`] is the only function that modifies a [`State`]. The running
//! sandbox and the reader of a state file both use it, so a file always restores what was running.

mod apply;
mod change;
mod snapshot;

pub(crate) use self::change::Change;
use crate::access::{QuotaUsage, Registry, TokenKey};
use crate::bank::{Ledger, Links, OpenCodes};
use crate::clock::SandboxClock;
use crate::entropy::Entropy;
use crate::fault::FaultQueue;

/// Everything that a state file contains.
pub(crate) struct State {
    pub(crate) clock: SandboxClock,
    pub(crate) entropy: Entropy,
    pub(crate) token_key: TokenKey,
    pub(crate) registry: Registry,
    pub(crate) ledger: Ledger,
    pub(crate) quota: QuotaUsage,
    pub(crate) faults: FaultQueue,
    pub(crate) open_codes: OpenCodes,
    pub(crate) links: Links,
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
            quota: QuotaUsage::default(),
            faults: FaultQueue::new(dice),
            open_codes: OpenCodes::default(),
            links: Links::default(),
        }
    }
}
