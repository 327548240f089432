//! Starts the shops of a server: the live one, and the one of the embedded sandbox.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bakong_flow::Watcher;
use bakong_flow::bakong_api::endpoint::RenewToken;
use bakong_flow::bakong_api::{AccessToken, BaseUrl, Session};
use bakong_http::{HyperTransport, HyperTransportBuilder};
use bakong_sandbox::Sandbox;
use bakong_store::{InvalidRegistration, Registration};

use super::database::Database;
use crate::config::{Config, LiveConfig, SandboxConfig};
use crate::db::Db;
use crate::error::StartError;
use crate::merchant::Merchant;
use crate::metrics::Metrics;
use crate::opened::Opened;
use crate::shop::{Mode, Shop, ShopClock};

/// The owner of the token in the embedded sandbox.
const SANDBOX_EMAIL: &str = "shop@example.com";
/// The name of the sandbox's registration. Its real host has a port that changes.
const SANDBOX_HOST: &str = "sandbox";

pub(super) async fn live_shop(
    live: &LiveConfig,
    common: &Common<'_>,
) -> Result<Arc<Shop>, StartError> {
    let token = live.token()?;
    let transport = HyperTransport::for_watcher()
        .user_agent(concat!("bakong-server/", env!("CARGO_PKG_VERSION")))
        .allow_plain_http(live.allow_plain_http)
        .trust_environment()
        .and_then(HyperTransportBuilder::build)
        .map_err(|error| StartError::new(error.to_string()))?;
    let registration = Registration::of(&live.base_url, &token).map_err(invalid_registration)?;
    let mut session = Session::new(transport, live.base_url.clone()).with_token(token);
    session = session.with_token_store(live.token_store());
    if let Some(email) = &live.renewal_email {
        let renewal = RenewToken::new(email)
            .map_err(|error| StartError::new(format!("renewal_email: {error}")))?;
        session = session.with_renewal(renewal);
    }
    let parts = Parts {
        mode: Mode::Live,
        clock: ShopClock::System,
        merchant: live.merchant.clone(),
        session,
        registration,
        renews_token: live.renewal_email.is_some(),
        requests_per_day: live.requests_per_day,
    };
    parts.start(common).await
}

pub(super) async fn start_sandbox(settings: &SandboxConfig) -> Result<Sandbox, StartError> {
    let mut builder = Sandbox::builder().port(settings.port);
    if let Some(file) = &settings.state_file {
        builder = builder.state_file(file);
    }
    let failed = |error| StartError::new(format!("the sandbox cannot start: {error}"));
    builder.start().await.map_err(failed)
}

pub(super) async fn test_shop(
    sandbox: &Arc<Sandbox>,
    common: &Common<'_>,
) -> Result<Arc<Shop>, StartError> {
    let merchant = match &common.config.live {
        // The same name on the code, but an account of the sandbox.
        Some(live) => live.merchant.clone(),
        None => Merchant::example().map_err(|error| StartError::new(error.to_string()))?,
    };
    let failed = |error: &dyn std::fmt::Display| {
        StartError::new(format!("the sandbox cannot be used: {error}"))
    };
    let transport = HyperTransport::for_watcher()
        .no_proxy()
        .build()
        .map_err(|error| failed(&error))?;
    let base_url = BaseUrl::new(&sandbox.base_url()).map_err(|error| failed(&error))?;
    let token = sandbox.issue_token(SANDBOX_EMAIL);
    let token = AccessToken::new(&token).map_err(|error| failed(&error))?;
    let parts = Parts {
        mode: Mode::Test,
        clock: ShopClock::Sandbox(Arc::clone(sandbox)),
        merchant,
        session: Session::new(transport, base_url).with_token(token),
        registration: Registration::new(SANDBOX_HOST, SANDBOX_EMAIL)
            .map_err(invalid_registration)?,
        // Each start issues a token for 90 days.
        renews_token: false,
        requests_per_day: bakong_flow::Quota::DEFAULT.limit,
    };
    parts.start(common).await
}

/// What the shops of a server share.
#[derive(Clone, Copy)]
pub(super) struct Common<'a> {
    pub(super) config: &'a Config,
    pub(super) database: &'a Database,
    pub(super) db: &'a Db,
    pub(super) metrics: &'a Metrics,
    pub(super) public_url: &'a Arc<str>,
}

/// What differs between a live shop and a test shop.
struct Parts {
    mode: Mode,
    clock: ShopClock,
    merchant: Merchant,
    session: Session<HyperTransport>,
    registration: Registration,
    renews_token: bool,
    requests_per_day: u32,
}

impl Parts {
    async fn start(self, common: &Common<'_>) -> Result<Arc<Shop>, StartError> {
        let &Common {
            config,
            database,
            db,
            metrics,
            public_url,
        } = common;
        let store = database.store(&self.registration).await?;
        let mut tracker = bakong_flow::Config::DEFAULT;
        tracker.quota.limit = self.requests_per_day;
        let watcher = Watcher::builder(self.session, Arc::clone(&store))
            .config(tracker)
            .clock(self.clock)
            .lease_term(config.lease_term)
            .start()
            .await?;
        let id = db.shop(self.registration.as_str()).await?;
        Ok(Arc::new(Shop {
            id,
            opened: Opened::new(db.clone(), id),
            has_stuck_events: AtomicBool::new(false),
            mode: self.mode,
            watcher,
            store,
            merchant: self.merchant,
            policy: config.policy,
            expires_in: config.expires_in,
            dropin_expires_in: config.dropin_expires_in,
            deeplinks: config.deeplinks,
            renews_token: self.renews_token,
            metrics: metrics.clone(),
            public_url: Arc::clone(public_url),
        }))
    }
}

fn invalid_registration(error: InvalidRegistration) -> StartError {
    StartError::new(error.to_string())
}
