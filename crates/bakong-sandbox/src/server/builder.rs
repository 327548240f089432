//! Starts a sandbox.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use khqr_core::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::connection;
use super::sandbox::{Sandbox, base_url};
use crate::access::QuotaLimit;
use crate::backend::Backend;
use crate::clock::{ClockFn, SandboxClock};
use crate::control::Guard;
use crate::entropy::Entropy;
use crate::fault::Fault;
use crate::persist::{self, Loaded, PersistTask, Shared, StateFile};
use crate::state::{Change, State};

impl Sandbox {
    /// Starts a sandbox on a free port of 127.0.0.1 with the system time.
    ///
    /// # Errors
    /// Fails if no port is free, or if the operating system returns no random bytes.
    ///
    /// # Panics
    /// Panics outside a tokio runtime with I/O enabled. The runtime's timers must be enabled too: without them,
    /// every connection fails.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Configures a sandbox before it starts.
    #[must_use]
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder::default()
    }
}

/// The configuration of a [`Sandbox`].
#[derive(Clone)]
pub struct SandboxBuilder {
    clock: SandboxClock,
    clock_fn: Option<ClockFn>,
    seed: Option<[u8; 32]>,
    address: SocketAddr,
    quota: Option<QuotaLimit>,
    initial_quota: QuotaLimit,
    faults: Option<Vec<Fault>>,
    state_file: Option<PathBuf>,
    allowed_hosts: Vec<String>,
}

impl Default for SandboxBuilder {
    fn default() -> Self {
        Self {
            clock: SandboxClock::default(),
            clock_fn: None,
            seed: None,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            quota: None,
            initial_quota: QuotaLimit::unlimited(),
            faults: None,
            state_file: None,
            allowed_hosts: Vec::new(),
        }
    }
}

impl SandboxBuilder {
    /// Sets the clock. The default is the system time.
    #[must_use]
    pub const fn clock(mut self, clock: SandboxClock) -> Self {
        self.clock = clock;
        self
    }

    /// Reads the time from this function instead of a clock, for tests that have a time of their own.
    ///
    /// The sandbox calls the function for each request and for each call of a handle. Its clock then counts as
    /// [frozen](SandboxClock::is_frozen) at that time. [`clock`](Self::clock), a state file, [`Sandbox::advance`],
    /// [`Sandbox::set_clock`] and the control API do not change the time. Times after the year 9999 count as its end. The
    /// function must not call the sandbox, which waits for the result.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    /// use bakong_sandbox::Sandbox;
    /// use bakong_sandbox::khqr_core::Timestamp;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let millis = Arc::new(AtomicU64::new(1_795_000_000_000));
    /// let time = Arc::clone(&millis);
    /// let sandbox = Sandbox::builder()
    ///     .clock_fn(move || Timestamp::from_millis(time.load(Relaxed)))
    ///     .start()
    ///     .await?;
    /// millis.fetch_add(1_000, Relaxed);
    /// assert_eq!(sandbox.now(), Timestamp::from_millis(1_795_000_001_000));
    /// # sandbox.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn clock_fn(mut self, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock_fn = Some(Arc::new(now));
        self
    }

    /// Draws every random value (token key, verification codes, hashes, references) from this seed, so
    /// that a run can be repeated. Anyone who knows the seed can forge the sandbox's tokens.
    #[must_use]
    pub const fn seed(mut self, seed: [u8; 32]) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Listens on this port of 127.0.0.1. The default, 0, selects a free port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.address.set_port(port);
        self
    }

    /// Listens on this address.
    ///
    /// Anyone who can reach an address other than loopback controls the sandbox, its tokens and its e-mails. A client
    /// that uses a name from the public DNS also needs [`allow_host`](Self::allow_host).
    #[must_use]
    pub const fn listen(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Allows browsers and clients of the control API to use this host name, such as `bakong.example.com`. Omit the
    /// port, and never use a name that a stranger could register.
    ///
    /// On loopback, `localhost`, names under `.localhost` and loopback addresses are always allowed. On
    /// other addresses, any IP address, names without dots, and names under `.local`,
    /// `.internal`, `.test` or `.home.arpa` are allowed as well.
    #[must_use]
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.allowed_hosts.push(name.into());
        self
    }

    /// Sets the daily quota, and ignores the one in the state file.
    #[must_use]
    pub const fn quota(mut self, quota: QuotaLimit) -> Self {
        self.quota = Some(quota);
        self
    }

    /// Sets the daily quota unless [`quota`](Self::quota) or the state file sets it. The default is
    /// [`QuotaLimit::unlimited`].
    #[must_use]
    pub const fn initial_quota(mut self, quota: QuotaLimit) -> Self {
        self.initial_quota = quota;
        self
    }

    /// Adds a fault, and ignores the faults in the state file.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.get_or_insert_default().push(fault);
        self
    }

    /// Replaces the faults of earlier calls, and ignores the faults in the state file.
    #[must_use]
    pub fn faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults = Some(faults.into_iter().collect());
        self
    }

    /// Persists the state in this file, and continues from its content.
    ///
    /// The file contains registrations and e-mails, the token key, transfers, accounts, open codes, the latest 1,000
    /// short links, the clock, the quota and its use, the faults and their counters, and the seed with its number of
    /// draws. Every change is in the file before the response to its request is sent. A killed process therefore loses
    /// nothing that a client saw, unless the file [cannot be written](Sandbox::save_error). After a power failure,
    /// about the last second may be missing. The file does not contain recorded requests, [allowed
    /// hosts](Self::allow_host), or faults with bytes that are not UTF-8.
    ///
    /// The content of the file overrides the seed and the clock of this builder. A [quota](Self::quota)
    /// and [faults](Self::faults) of this builder override the file.
    ///
    /// The file must be a regular file of at most 512 MiB, enough for about a million payments.
    ///
    /// Only the file's owner may read it. `FILE.lock` in the same folder reserves the file for one sandbox
    /// until it is stopped with [`Sandbox::stop`], or until the process ends or every connection,
    /// [`Customer`](crate::Customer) and handle is dropped. Do not modify the file during that time.
    ///
    /// ```
    /// # use bakong_sandbox::Sandbox;
    /// # use khqr_core::{AccountId, Amount, KhqrBuilder};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = std::env::temp_dir().join(format!("bakong-sandbox-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let code = KhqrBuilder::individual(AccountId::new("sokha@devb")?, "Sokha Coffee")
    /// #     .static_code(khqr_core::Currency::Usd)?
    /// #     .to_text();
    /// let file = folder.join("bakong.jsonl");
    /// let sandbox = Sandbox::builder().state_file(&file).start().await?;
    /// let dara = sandbox.customer(AccountId::new("dara@devb")?);
    /// let options = bakong_sandbox::TransferOptions::new().amount(Amount::us_cents(150));
    /// let paid = dara.pay_with(&code, &options)?;
    /// sandbox.stop_and_save().await?;
    ///
    /// let again = Sandbox::builder().state_file(&file).start().await?;
    /// assert_eq!(again.payments()[0].hash(), paid.hash());
    /// # again.stop().await;
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn state_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.state_file = Some(file.into());
        self
    }

    /// Starts the sandbox.
    ///
    /// # Errors
    /// Fails if the address is in use, if the operating system returns no random bytes, or if the state
    /// file is in use by another sandbox ([`io::ErrorKind::ResourceBusy`]), cannot be read or written, or
    /// is not valid ([`io::ErrorKind::InvalidData`]; the message names the line). An invalid file is not
    /// changed.
    ///
    /// # Panics
    /// Panics outside a tokio runtime with I/O enabled. The runtime's timers must be enabled too: without them,
    /// every connection fails.
    pub async fn start(self) -> io::Result<Sandbox> {
        let file = self.state_file.as_deref();
        let file = file.map(StateFile::lock).transpose()?;
        let loaded = match &file {
            Some(file) => persist::load(file)?,
            None => None,
        };
        let is_new = loaded.is_none();
        let (state, load_warning) = match loaded {
            Some(Loaded { state, warning }) => (state, warning),
            None => {
                let entropy = match self.seed {
                    Some(seed) => Entropy::from_seed(seed),
                    None => Entropy::from_system()?,
                };
                (State::new(self.clock, entropy), None)
            }
        };
        let mut backend = Backend::new(state);
        if let Some(clock_fn) = self.clock_fn {
            backend.set_clock_fn(clock_fn);
        }
        if is_new {
            backend.commit(Change::quota_limit(self.initial_quota));
        }
        if let Some(quota) = self.quota {
            backend.set_quota(quota);
        }
        if let Some(faults) = self.faults {
            backend.clear_faults();
            for fault in faults {
                backend.add_fault(fault);
            }
        }
        let listener = TcpListener::bind(self.address).await.map_err(|error| {
            let text = format!("cannot listen on {}: {error}", self.address);
            io::Error::new(error.kind(), text)
        })?;
        let address = listener.local_addr()?;
        backend.set_base_url(base_url(address));
        let shared = Arc::new(Shared::new(backend));
        let (running, stopped) = watch::channel(());
        let persist = match file {
            Some(file) => {
                let (shared, warning) = (Arc::clone(&shared), load_warning.clone());
                let persist = PersistTask::start(file, shared, warning)?;
                let task = persist.run(stopped.clone());
                Some((persist, task))
            }
            None => None,
        };
        let guard = Guard::new(address, self.allowed_hosts.into());
        let server = connection::serve(listener, Arc::clone(&shared), guard, stopped);
        let server = tokio::spawn(server);
        Ok(Sandbox {
            address,
            shared,
            running,
            server,
            persist,
            load_warning,
        })
    }
}

impl fmt::Debug for SandboxBuilder {
    /// Omits the seed, from which tokens can be forged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxBuilder")
            .field("clock", &self.clock)
            .field("has_clock_fn", &self.clock_fn.is_some())
            .field("address", &self.address)
            .field("quota", &self.quota)
            .field("initial_quota", &self.initial_quota)
            .field("faults", &self.faults)
            .field("state_file", &self.state_file)
            .field("allowed_hosts", &self.allowed_hosts)
            .finish_non_exhaustive()
    }
}
