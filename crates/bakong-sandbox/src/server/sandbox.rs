//! The handle of a running sandbox.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use khqr_core::{AccountId, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::customer::Customer;
use crate::access::{Mail, QuotaLimit};
use crate::backend::{Backend, LoggedRequest, RecordedRequest};
use crate::bank::Transfer;
use crate::clock::SandboxClock;
use crate::fault::Fault;
use crate::persist::{PersistTask, Shared};

/// A running sandbox. Dropping it stops the server and closes its connections.
pub struct Sandbox {
    pub(super) address: SocketAddr,
    pub(super) shared: Arc<Shared>,
    /// The server stops when this is dropped.
    pub(super) running: watch::Sender<()>,
    pub(super) server: JoinHandle<()>,
    /// The task of the state file, if there is one.
    pub(super) persist: Option<(Arc<PersistTask>, JoinHandle<()>)>,
    pub(super) load_warning: Option<String>,
}

impl Sandbox {
    /// The address of the server.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for a client on this machine, such as `http://127.0.0.1:49152`, without a trailing
    /// slash.
    #[must_use]
    pub fn base_url(&self) -> String {
        base_url(self.address)
    }

    /// The current time on the sandbox's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// The sandbox's clock.
    #[must_use]
    pub fn clock(&self) -> SandboxClock {
        self.shared.with(|backend| backend.state().clock)
    }

    /// Moves the sandbox's clock forward.
    pub fn advance(&self, by: Duration) {
        self.shared
            .with(|backend| backend.set_clock(backend.state().clock.advanced(by)));
    }

    /// Replaces the sandbox's clock. [`SandboxClock::system`] returns to the system time.
    ///
    /// Setting the clock back does not undo anything. Completed transfers keep their times, which can then
    /// be in the future. Tokens are valid until they expire. Scheduled transfers wait until they are due.
    /// The sandbox remembers the quota use of one day only, the last day with requests.
    pub fn set_clock(&self, to: SandboxClock) {
        self.shared.with(|backend| backend.set_clock(to));
    }

    /// The daily quota.
    #[must_use]
    pub fn quota(&self) -> QuotaLimit {
        self.shared.with(|backend| backend.state().quota.limit)
    }

    /// Sets the daily quota. Requests already made today count against it.
    pub fn set_quota(&self, quota: QuotaLimit) {
        self.shared.with(|backend| backend.set_quota(quota));
    }

    /// How many of today's requests count against the quota of `email`; 0 for an unregistered address.
    #[must_use]
    pub fn quota_used(&self, email: &str) -> u32 {
        self.shared.with(|backend| {
            let state = backend.state();
            let id = state.registry.id(email);
            id.map_or(0, |id| state.quota.used(id, state.clock.now()))
        })
    }

    /// A customer who pays from `account`, with unlimited money. The account is registered if necessary.
    #[must_use]
    pub fn customer(&self, account: AccountId<'_>) -> Customer {
        self.register_account(account);
        Customer::new(account.into(), Arc::clone(&self.shared))
    }

    /// Registers `account`, so that `POST /v1/check_bakong_account` finds it. Accounts of
    /// [customers](Self::customer) and accounts that received money already exist.
    pub fn register_account(&self, account: AccountId<'_>) {
        self.shared
            .with(|backend| backend.open_account(account.into()));
    }

    /// Every transfer with its current status, oldest order first.
    #[must_use]
    pub fn payments(&self) -> Vec<Transfer> {
        self.shared.with(|backend| {
            let now = backend.state().clock.now();
            let ledger = backend.settled_ledger(now);
            ledger.transfers().cloned().collect()
        })
    }

    /// The e-mails to `email`, oldest first.
    #[must_use]
    pub fn mailbox(&self, email: &str) -> Vec<Mail> {
        self.shared
            .with(|backend| backend.state().registry.mailbox(email).to_vec())
    }

    /// The code in the latest e-mail to `email`, which `POST /v1/verify` accepts.
    #[must_use]
    pub fn verification_code(&self, email: &str) -> Option<String> {
        Some(self.mailbox(email).pop()?.code)
    }

    /// Registers `email` if necessary, and issues a token without the e-mail and the verification.
    #[must_use]
    pub fn issue_token(&self, email: &str) -> String {
        self.shared.with(|backend| {
            let now = backend.state().clock.now();
            backend.issue_token(email, now).token
        })
    }

    /// Invalidates every token that was issued so far, as if each had expired.
    pub fn revoke_tokens(&self) {
        self.shared.with(Backend::revoke_tokens);
    }

    /// Adds a fault. Of the faults that match a request, the one added first applies, until it is used up.
    pub fn fault(&self, fault: Fault) {
        self.shared.with(|backend| backend.add_fault(fault));
    }

    /// The number of faults that are not used up.
    #[must_use]
    pub fn fault_count(&self) -> usize {
        self.shared.with(|backend| backend.state().faults.len())
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.shared.with(Backend::clear_faults);
    }

    /// The latest 10,000 complete requests to the Open API, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.with(|backend| backend.recorded.to_vec())
    }

    /// The requests after the request with this number, oldest first, with their results. The log has only the latest
    /// 200 requests. Start with 0, and continue with the number of the last element.
    #[must_use]
    pub fn logged_requests_after(&self, number: u64) -> Vec<LoggedRequest> {
        self.shared.with(|backend| backend.log.after(number))
    }

    /// Removes transfers, accounts, registrations, e-mails, faults, requests and quota use, and invalidates every
    /// token. The clock and the quota limit stay.
    pub fn reset(&self) {
        self.shared.with(Backend::reset);
    }

    /// Stops the server, closes its connections, and returns when all are closed.
    ///
    /// When this returns, the state file, if there is one, is complete and another sandbox can use it. Use
    /// [`Sandbox::stop_and_save`] to learn whether the file could be written.
    pub async fn stop(self) {
        let _ = self.stop_and_save().await;
    }

    /// Stops like [`Sandbox::stop`].
    ///
    /// # Errors
    /// Fails if the state file lacks a change that could not be written, or if it was removed and cannot be
    /// recreated.
    pub async fn stop_and_save(self) -> io::Result<()> {
        drop(self.running);
        // The server task neither panics nor is aborted.
        let _ = self.server.await;
        match self.persist {
            Some((persist, task)) => {
                let _ = task.await;
                persist.stop()
            }
            None => Ok(()),
        }
    }

    /// What the sandbox ignored when it loaded the state file: a truncated last line, left by a previous process
    /// that was killed or could not write to the file. Later changes may be missing.
    #[must_use]
    pub fn load_warning(&self) -> Option<&str> {
        self.load_warning.as_deref()
    }

    /// Why the last attempt to write the state file failed. The sandbox retries within a minute. Changes in
    /// the meantime may be missing from the file, and are lost if the process is killed.
    #[must_use]
    pub fn save_error(&self) -> Option<String> {
        let (persist, _) = self.persist.as_ref()?;
        persist.error()
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// The URL of a server at `address`, for clients on this machine.
pub(super) fn base_url(address: SocketAddr) -> String {
    // Clients cannot connect to an unspecified address.
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(host, address.port()))
}
