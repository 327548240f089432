//! The handle that a test or a program holds: plays the bank, moves time, stops the server.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use khqr_core::{AccountId, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::builder::SandboxBuilder;
use crate::clock::SandboxClock;
use crate::customer::Customer;
use crate::exchange::RecordedRequest;
use crate::fault::Fault;
use crate::keep::Keeper;
use crate::payment::Transfer;
use crate::quota::QuotaLimit;
use crate::registry::Mail;
use crate::state::{Shared, State};

/// A running sandbox. Dropping it stops the server and closes its connections.
pub struct Sandbox {
    pub(crate) address: SocketAddr,
    pub(crate) shared: Arc<Shared>,
    /// The server stops when this goes.
    pub(crate) running: watch::Sender<()>,
    pub(crate) server: JoinHandle<()>,
    /// Where there is a state file.
    pub(crate) keeper: Option<Arc<Keeper>>,
    pub(crate) keeping: Option<JoinHandle<()>>,
    pub(crate) load_warning: Option<String>,
}

impl Sandbox {
    /// Starts a sandbox on a free port of 127.0.0.1, by the system's time.
    ///
    /// # Errors
    /// If no port is free, or the system gives no random bytes.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled. Faults that take time, a state file, and events that somebody
    /// listens to need its timers too.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// For another clock, a seed or a given port.
    #[must_use]
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }

    /// Where the server listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for a client on this machine, such as `http://127.0.0.1:49152`: no slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        base_url(self.address)
    }

    /// The moment on the sandbox's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.with(|state| state.clock.now())
    }

    /// The sandbox's clock as it stands.
    #[must_use]
    pub fn clock(&self) -> SandboxClock {
        self.shared.with(|state| state.clock)
    }

    /// Moves the sandbox's clock on.
    pub fn advance(&self, by: Duration) {
        self.shared
            .with(|state| state.move_clock(|clock| clock.advance(by)));
    }

    /// Goes by another clock from now on: one that stands still, or shows another moment; [`SandboxClock::system`] is
    /// the way back to the present. What has happened stays as it is when the time goes back: payments that
    /// were transferred, with their times, which may then lie ahead of the clock, and tokens, until their own
    /// end. Payments that are still to come come when their moment does. Of the quota's use only the last day
    /// that something was asked on is remembered.
    pub fn set_clock(&self, to: SandboxClock) {
        self.shared
            .with(|state| state.move_clock(|clock| *clock = to));
    }

    /// How many requests a day may be made.
    #[must_use]
    pub fn quota(&self) -> QuotaLimit {
        self.shared.with(|state| state.quota.quota)
    }

    /// Sets how many requests a day may be made. What was used stays used.
    pub fn set_quota(&self, quota: QuotaLimit) {
        self.shared.with(|state| state.set_quota(quota));
    }

    /// How many requests that count were made today with the tokens of `email`; 0 if it is not registered.
    #[must_use]
    pub fn quota_used(&self, email: &str) -> u32 {
        self.shared.with(|state| {
            let id = state.registry.id(email);
            id.map_or(0, |id| state.quota.used(id, state.clock.now()))
        })
    }

    /// A customer who pays from `account`, which there is from then on. Nobody's money runs out here.
    #[must_use]
    pub fn customer(&self, account: AccountId<'_>) -> Customer {
        self.register_account(account);
        Customer::new(account.into(), Arc::clone(&self.shared))
    }

    /// Lets `POST /v1/check_bakong_account` know of `account`. Accounts of [customers](Self::customer), and
    /// those that money was transferred to, are known without this.
    pub fn register_account(&self, account: AccountId<'_>) {
        self.shared.with(|state| state.open_account(account.into()));
    }

    /// Every payment that was ordered, as it stands now, in the order of ordering.
    #[must_use]
    pub fn payments(&self) -> Vec<Transfer> {
        self.shared
            .with(|state| state.ledger.payments(state.clock.now()))
    }

    /// The mails that were sent to `email`, oldest first.
    #[must_use]
    pub fn mailbox(&self, email: &str) -> Vec<Mail> {
        self.shared
            .with(|state| state.registry.mailbox(email).to_vec())
    }

    /// The code in the last mail to `email`: what `POST /v1/verify` takes.
    #[must_use]
    pub fn verification_code(&self, email: &str) -> Option<String> {
        self.shared.with(|state| {
            let mail = state.registry.mailbox(email).last()?;
            Some(mail.code.clone())
        })
    }

    /// Registers `email`, if it is not, and gives a token for it: the way over the API in one step, for
    /// tests that are about something else.
    #[must_use]
    pub fn issue_token(&self, email: &str) -> String {
        self.shared.with(|state| state.issue_token(email))
    }

    /// Makes every token that was issued so far worthless, as if each had expired.
    pub fn revoke_tokens(&self) {
        self.shared.with(State::revoke_tokens);
    }

    /// Adds a fault. Of several the first that fits a request strikes, until it is used up.
    pub fn fault(&self, fault: Fault) {
        self.shared.with(|state| state.add_fault(fault));
    }

    /// How many faults are left.
    #[must_use]
    pub fn fault_count(&self) -> usize {
        self.shared.with(|state| state.faults.len())
    }

    /// Takes back all faults that are left.
    pub fn clear_faults(&self) {
        self.shared.with(State::clear_faults);
    }

    /// The last 10,000 requests that reached the sandbox whole, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.with(|state| state.exchanges.to_vec())
    }

    /// Forgets payments, accounts, registrations, mails, faults, requests and quota use, and makes every
    /// token worthless. The clock and the quota's limit stay as they are.
    pub fn reset(&self) {
        self.shared.with(State::reset);
    }

    /// Stops: takes no more connections, closes those that are open, and comes back when none is left.
    /// The state file, if there is one, has everything, and is free for another sandbox; whether that worked is
    /// told by [`Sandbox::stop_and_save`].
    pub async fn stop(self) {
        let _ = self.stop_and_save().await;
    }

    /// The same as [`Sandbox::stop`].
    ///
    /// # Errors
    /// If something is not in the state file, since it cannot be written, or if the file is gone and cannot be made.
    pub async fn stop_and_save(self) -> io::Result<()> {
        drop(self.running);
        // The server neither panics nor is aborted.
        let _ = self.server.await;
        if let Some(keeping) = self.keeping {
            let _ = keeping.await;
        }
        self.keeper.map_or(Ok(()), |keeper| keeper.stop())
    }

    /// What of the state file was left out at the start: a last line that ends in its middle, since the
    /// process that wrote it was killed, or could not write it. What came after may be missing.
    #[must_use]
    pub fn load_warning(&self) -> Option<&str> {
        self.load_warning.as_deref()
    }

    /// Why the state file could not be written when that was tried last. It is tried again within a minute; what
    /// happens meanwhile may not be in it, and is lost if the process is killed.
    #[must_use]
    pub fn save_error(&self) -> Option<String> {
        self.keeper.as_ref()?.trouble()
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// The URL of a server at `address` for whoever is on this machine.
pub(crate) fn base_url(address: SocketAddr) -> String {
    // Nobody can go to "any address".
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(host, address.port()))
}
