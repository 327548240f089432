//! The server that the checkout uses: a sandbox inside this process, or a Bakong server on the network. Only the
//! address differs.

use std::sync::Arc;
use std::time::Duration;

use bakong_api::endpoint::{RequestToken, Verify};
use bakong_api::{BaseUrl, Session};
use bakong_flow::watcher::Role;
use bakong_flow::{Config, Watcher};
use bakong_sandbox::Sandbox;
use khqr_core::{AccountId, Timestamp};

use crate::arguments::CheckoutArguments;
use crate::common::advice::Advisor;
use crate::common::credentials::TokenSource;
use crate::common::exit::{Exit, Failure};
use crate::common::options::TransportOptions;
use crate::common::remote::{self, HttpWatcher, Remote};
use crate::common::shop_store::{KeptStore, LEASE_TERM, STORE_TIMEOUT};
use crate::common::time::PayAfter;
use crate::common::transport;

/// A started watcher, and the sandbox if there is one.
pub(super) struct Backend {
    pub(super) watcher: HttpWatcher,
    pub(super) advisor: Advisor,
    pub(super) kept: KeptStore,
    sandbox: Option<Sandbox>,
}

/// The e-mail address that is registered with the sandbox.
const EMAIL: &str = "shop@example.com";

/// The longest backoff after a request that did not arrive. It is shorter than the default, because a customer is
/// waiting.
const MAX_BACKOFF: Duration = Duration::from_secs(15);

/// The longest backoff after a request that may count against the quota, for example a refused one. It triples during a
/// long failure. A code of ten minutes then costs at most 30 of 100 requests.
const MAX_BACKOFF_IF_COUNTED: Duration = Duration::from_secs(30);

/// When the sandbox's customer pays by default.
const PAY_AFTER: PayAfter = PayAfter::Delay(Duration::from_secs(5));

impl Backend {
    /// Connects to the server that the command line names, or starts the sandbox.
    pub(super) async fn open(arguments: &CheckoutArguments) -> Result<Self, Failure> {
        let (remote, kept, sandbox) = if arguments.sandbox {
            let sandbox = Sandbox::start()
                .await
                .map_err(|error| failed(format!("cannot start the sandbox: {error}")))?;
            let remote = register(&sandbox).await?;
            (remote, KeptStore::in_memory(), Some(sandbox))
        } else {
            let remote = remote::open_once(&arguments.target, &arguments.token)?;
            let kept = arguments.keep.open(&remote).await?;
            (remote, kept, None)
        };
        let mut config = Config::DEFAULT;
        config.retry.longest = MAX_BACKOFF;
        config.retry.longest_if_counted = MAX_BACKOFF_IF_COUNTED;
        let builder = Watcher::builder(remote.session, Arc::clone(&kept.store)).config(config);
        Ok(Self {
            watcher: builder
                .lease_term(LEASE_TERM)
                .store_timeout(STORE_TIMEOUT)
                .start()
                .await
                .map_err(|error| failed(error.to_string()))?,
            advisor: remote.advisor,
            kept,
            sandbox,
        })
    }

    /// Returns the time by the estimate of Bakong's clock.
    pub(super) fn now(&self) -> Timestamp {
        self.watcher.session().now()
    }

    /// Whether this command sends the requests. If not, another command with the same store and token does.
    pub(super) fn is_leader(&self) -> bool {
        matches!(self.watcher.health().role, Role::Leader { .. })
    }

    pub(super) const fn is_sandbox(&self) -> bool {
        self.sandbox.is_some()
    }

    /// Makes the sandbox's customer pay the code later. Does nothing without a sandbox.
    pub(super) fn send_customer(
        &self,
        code: &str,
        pay_after: Option<PayAfter>,
    ) -> Result<(), Failure> {
        let (Some(sandbox), PayAfter::Delay(delay)) =
            (&self.sandbox, pay_after.unwrap_or(PAY_AFTER))
        else {
            return Ok(());
        };
        let account = AccountId::new("dara@devb").map_err(|error| failed(error.to_string()))?;
        sandbox
            .customer(account)
            .pay_after(code, delay)
            .map(|_| ())
            .map_err(|error| failed(format!("the sandbox's customer cannot pay: {error}")))
    }

    pub(super) async fn close(self) {
        // Releases the lease, so that another command can send requests at once.
        self.watcher.shutdown().await;
        if let Some(sandbox) = self.sandbox {
            sandbox.stop().await;
        }
    }
}

fn failed(message: String) -> Failure {
    Failure::new(Exit::NoAnswer, message)
}

/// Gets a token the way a project does: registers, reads the e-mail, and exchanges its code.
async fn register(sandbox: &Sandbox) -> Result<Remote, Failure> {
    let base_url = BaseUrl::new(&sandbox.base_url()).map_err(|error| failed(error.to_string()))?;
    let session = Session::new(transport::embedded()?, base_url.clone());
    let advisor = Advisor {
        base_url,
        token: TokenSource::None,
        transport: TransportOptions::default(),
        server_time: session.server_time().clone(),
    };
    let request_failed = |error| advisor.failure(&error);

    let request = RequestToken::new(EMAIL, "Sokha Coffee", "bakong checkout")
        .map_err(|error| failed(error.to_string()))?;
    session.send(&request).await.map_err(request_failed)?;
    let code = sandbox
        .verification_code(EMAIL)
        .ok_or_else(|| failed("the sandbox sent no e-mail".to_owned()))?;
    let verify = Verify::new(&code).map_err(|error| failed(error.to_string()))?;
    let token = session.send(&verify).await.map_err(request_failed)?;
    Ok(Remote {
        session: session.with_token(token),
        advisor,
    })
}
