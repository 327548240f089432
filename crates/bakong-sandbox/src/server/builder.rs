//! How a sandbox is started: where it listens, by which clock, and with what it begins.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::clock::SandboxClock;
use crate::control::Guard;
use crate::entropy::Entropy;
use crate::fault::Fault;
use crate::keep::{self, Keeper, Loaded, Place};
use crate::quota::QuotaLimit;
use crate::sandbox::{Sandbox, base_url};
use crate::server;
use crate::state::{Shared, State};

/// Starts a [`Sandbox`] otherwise than [`Sandbox::start`] does.
#[derive(Clone)]
pub struct SandboxBuilder {
    clock: SandboxClock,
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
            seed: None,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            quota: None,
            initial_quota: QuotaLimit::off(),
            faults: None,
            state_file: None,
            allowed_hosts: Vec::new(),
        }
    }
}

impl SandboxBuilder {
    /// Goes by this clock; by the system's unless said.
    #[must_use]
    pub const fn clock(mut self, clock: SandboxClock) -> Self {
        self.clock = clock;
        self
    }

    /// Draws everything random (the key of tokens, codes in mails, hashes, references) from this seed, so
    /// that a run can be repeated. Whoever knows it can forge the sandbox's tokens.
    #[must_use]
    pub const fn seed(mut self, seed: [u8; 32]) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Listens on this port of 127.0.0.1; on a free one unless said, or for 0.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.address.set_port(port);
        self
    }

    /// Listens at this address. Beware of any that is not loopback: whoever can reach it is in control of
    /// the sandbox, its tokens and its mails. Whoever names it by a name that is registered in the public DNS has
    /// to [allow](Self::allow_host) that.
    #[must_use]
    pub const fn listen(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Lets browsers, and whoever asks the control, call the sandbox by this name, too, such as `bakong.example.com`:
    /// without a port, and none that a stranger could get. By themselves go: on loopback `localhost`, what ends in
    /// `.localhost`, and loopback addresses; elsewhere also any address, a name without dots, and what ends in
    /// `.local`, `.internal`, `.test` or `.home.arpa`.
    #[must_use]
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.allowed_hosts.push(name.into());
        self
    }

    /// Counts the requests of a day and refuses those above, whatever a state file says of it.
    #[must_use]
    pub const fn quota(mut self, quota: QuotaLimit) -> Self {
        self.quota = Some(quota);
        self
    }

    /// The quota where neither [`quota`](Self::quota) nor a state file says one; [`QuotaLimit::off`] unless said.
    #[must_use]
    pub const fn initial_quota(mut self, quota: QuotaLimit) -> Self {
        self.initial_quota = quota;
        self
    }

    /// With this fault from the start, after those that were asked for before, and in place of those in a
    /// state file.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.get_or_insert_default().push(fault);
        self
    }

    /// With these faults from the start and no other: none of those that were asked for before, and none of
    /// those in a state file.
    #[must_use]
    pub fn faults(mut self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.faults = Some(faults.into_iter().collect());
        self
    }

    /// Keeps the state in this file, and goes on from there if there is something in it.
    ///
    /// Kept are registrations and mails, the key of the tokens, payments, planned ones too, accounts, the codes
    /// that were asked about or told of, the last 1,000 short links, the clock, the quota with what counts and what
    /// was used of it, the faults with what is left of each, and where the seed stands: each before whoever caused
    /// it is answered, so that a process that is killed has forgotten nothing that it told, unless the file
    /// [cannot be written](Sandbox::save_error). What the system has not brought to the disk yet, at most about the
    /// last second, may be missing after a failure of power. Not kept are the requests that were recorded, the
    /// [hosts that are allowed](Self::allow_host), and of a fault what no [rule](Fault::from_json) can say, such as
    /// bytes that are no text.
    ///
    /// What the file says counts, and the seed and the clock that were set do not; a
    /// [quota](Self::quota) and [faults](Self::faults) that were set count, and what the file says of them
    /// does not.
    ///
    /// Only the file's owner may read it. It is one sandbox's at a time, which `FILE.lock` beside it sees to, until
    /// [`Sandbox::stop`]; where that is not called, until the process ends, or every connection,
    /// [`Customer`](crate::Customer) and handle is gone. Leave it alone meanwhile.
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
    /// If the address is taken, the system gives no random bytes, or the state file is in use by another sandbox
    /// ([`io::ErrorKind::ResourceBusy`]), can be read or written by nobody here, or makes no sense
    /// ([`io::ErrorKind::InvalidData`]; the text says in which line). A file that cannot be read is left as it is.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O enabled. Faults that take time, a state file, and events that somebody
    /// listens to need its timers too.
    pub async fn start(self) -> io::Result<Sandbox> {
        let place = self.state_file.as_deref().map(Place::take).transpose()?;
        let loaded = match &place {
            Some(place) => keep::load(place)?,
            None => None,
        };
        let (mut state, load_warning) = match loaded {
            Some(Loaded { state, warning }) => (state, warning),
            None => {
                let entropy = match self.seed {
                    Some(seed) => Entropy::from_seed(seed),
                    None => Entropy::from_system()?,
                };
                let mut state = State::new(self.clock, entropy);
                state.quota.quota = self.initial_quota;
                (state, None)
            }
        };
        if let Some(quota) = self.quota {
            state.quota.set(quota, state.clock.now());
        }
        if let Some(faults) = self.faults {
            state.clear_faults();
            for fault in faults {
                state.add_fault(fault);
            }
        }
        let shared = Arc::new(Shared::new(state));
        let listener = TcpListener::bind(self.address).await.map_err(|error| {
            let text = format!("cannot listen at {}: {error}", self.address);
            io::Error::new(error.kind(), text)
        })?;
        let address = listener.local_addr()?;
        shared.with(|state| state.links.set_base_url(base_url(address)));
        let keeper = match place {
            Some(place) => Some(Keeper::start(
                place,
                Arc::clone(&shared),
                load_warning.clone(),
            )?),
            None => None,
        };
        let (running, stopped) = watch::channel(());
        let keeping = keeper.as_ref().map(|it| it.run(stopped.clone()));
        let guard = Guard::new(address, self.allowed_hosts.into());
        let server = server::serve(listener, Arc::clone(&shared), guard, stopped);
        let server = tokio::spawn(server);
        Ok(Sandbox {
            address,
            shared,
            running,
            server,
            keeper,
            keeping,
            load_warning,
        })
    }
}

impl fmt::Debug for SandboxBuilder {
    /// Leaves the seed out: tokens come from it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxBuilder")
            .field("clock", &self.clock)
            .field("address", &self.address)
            .field("quota", &self.quota)
            .field("initial_quota", &self.initial_quota)
            .field("faults", &self.faults)
            .field("state_file", &self.state_file)
            .field("allowed_hosts", &self.allowed_hosts)
            .finish_non_exhaustive()
    }
}
