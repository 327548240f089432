//! Starts the server, and stops it without losing anything.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bakong_flow::Watcher;
use bakong_flow::bakong_api::endpoint::RenewToken;
use bakong_flow::bakong_api::{AccessToken, BaseUrl, Session};
use bakong_http::{HyperTransport, HyperTransportBuilder};
use bakong_sandbox::Sandbox;
use bakong_store::tables::Tables;
use bakong_store::{PostgresDatabase, Registration, SqliteDatabase};
use khqr_core::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::config::{Config, LiveConfig, SandboxConfig, SecretText, StoreLocation};
use crate::db::{Db, LoginSecret};
use crate::deliveries::{self, Targets};
use crate::error::StartError;
use crate::feed::Feed;
use crate::ids;
use crate::keys::{ApiKey, Scope};
use crate::metrics::Metrics;
use crate::opened::Opened;
use crate::outbound::Sender;
use crate::shop::{Mode, Shop, ShopClock, ShopStore};
use crate::site::Site;
use crate::telegram::{self, Bot};
use crate::{api, connections, consumer, demo, pages, scrape};

/// The owner of the token in the embedded sandbox.
const SANDBOX_EMAIL: &str = "shop@example.com";
/// The name of the sandbox's registration. Its real host has a port that changes.
const SANDBOX_HOST: &str = "sandbox";
/// How long the one-time link of the dashboard is valid.
const LINK_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long requests in progress may take at the end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    public_url: Arc<str>,
    shops: Vec<Arc<Shop>>,
    sandbox: Option<Arc<Sandbox>>,
    database: Database,
    new_keys: Vec<NewKey>,
    login_link: Option<SecretText>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// An API key that was created at the start. It cannot be read again.
#[derive(Clone)]
pub struct NewKey {
    /// Whether the key belongs to the sandbox.
    pub test: bool,
    /// The key.
    pub key: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey")
            .field("test", &self.test)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
enum Database {
    Sqlite(SqliteDatabase),
    Postgres(PostgresDatabase),
}

impl Database {
    async fn open(location: &StoreLocation) -> Result<Self, StartError> {
        Ok(match location {
            StoreLocation::File(path) => Self::Sqlite(SqliteDatabase::open(path).await?),
            StoreLocation::Postgres(url) => {
                Self::Postgres(PostgresDatabase::open(url.expose()).await?)
            }
        })
    }

    fn tables(&self) -> Arc<dyn Tables> {
        match self {
            Self::Sqlite(database) => Arc::new(database.clone()),
            Self::Postgres(database) => Arc::new(database.clone()),
        }
    }

    async fn store(&self, registration: &Registration) -> Result<Arc<dyn ShopStore>, StartError> {
        Ok(match self {
            Self::Sqlite(database) => Arc::new(database.store(registration).await?),
            Self::Postgres(database) => Arc::new(database.store(registration).await?),
        })
    }

    async fn close(&self) {
        match self {
            Self::Sqlite(database) => database.close().await,
            Self::Postgres(database) => database.close(),
        }
    }
}

impl Server {
    /// Starts a server on a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] with a sentence that says what to do.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let tls = config.tls.as_ref().map(connections::tls).transpose()?;
        let (listener, address) = listen(config.bind).await?;
        let metrics_listener = match config.metrics_bind {
            Some(bind) => Some(listen(bind).await?),
            None => None,
        };
        let public_url: Arc<str> = match &config.public_url {
            Some(url) => url.trim_end_matches('/').into(),
            None if tls.is_some() => format!("https://{address}").into(),
            None => format!("http://{address}").into(),
        };
        let database = Database::open(&config.store).await?;
        let db = Db::open(database.tables()).await?;
        let metrics = Metrics::default();
        let common = Common {
            config,
            database: &database,
            db: &db,
            metrics: &metrics,
            public_url: &public_url,
        };
        let mut shops = Vec::new();
        if let Some(live) = &config.live {
            shops.push(live_shop(live, &common).await?);
        }
        let mut sandbox = None;
        if let Some(settings) = &config.sandbox {
            let started = Arc::new(start_sandbox(settings).await?);
            shops.push(test_shop(&started, &common).await?);
            sandbox = Some(started);
        }
        let new_keys = first_keys(config, &db, &shops).await?;
        let (stop, stopped) = watch::channel(false);
        let feed = Feed::new(stopped.clone());
        let sender = Sender::new(config.allow_private_webhooks)
            .map_err(|error| StartError::new(format!("TLS cannot be used: {error}")))?;
        let demo_shop = shops.iter().find(|shop| shop.mode == Mode::Test);
        let demo_shop = demo_shop.filter(|_| config.pages.demo).map(Arc::clone);
        let demo = match &demo_shop {
            Some(shop) => Some(demo::start(&db, shop, address).await?),
            None => None,
        };
        let site = Site::new(config, &public_url, sandbox.as_deref(), demo)?;
        let login_link = first_link(config, &db, &public_url).await?;
        let app = App::new(
            db.clone(),
            feed.clone(),
            shops.clone(),
            sender.clone(),
            metrics.clone(),
            site,
        );
        let mut tasks = JoinSet::new();
        for shop in &shops {
            tasks.spawn(consumer::run(db.clone(), Arc::clone(shop), feed.clone()));
            let maintain = consumer::maintain(db.clone(), Arc::clone(shop), stopped.clone());
            tasks.spawn(maintain);
            tasks.spawn(feed.clone().run(db.clone(), shop.id));
        }
        let bot = chat(config, &db, &shops).await?;
        let targets = Targets {
            sender,
            bot,
            metrics: metrics.clone(),
        };
        tasks.spawn(deliveries::run(db.clone(), targets, feed.clone()));
        tracing::info!(%address, tls = tls.is_some(), "the server listens");
        let router = api::router(&app, pages::router());
        tasks.spawn(connections::serve(listener, tls, router, stopped.clone()));
        let mut metrics_address = None;
        if let Some((listener, address)) = metrics_listener {
            metrics_address = Some(address);
            let router = scrape::router(app.clone());
            tasks.spawn(connections::serve(listener, None, router, stopped.clone()));
        }
        if let Some((shop, sandbox)) = demo_shop.zip(sandbox.clone()) {
            tasks.spawn(demo::check_early(shop, sandbox, stopped.clone()));
        }
        Ok(Self {
            address,
            metrics_address,
            public_url,
            shops,
            sandbox,
            database,
            new_keys,
            login_link,
            stop,
            tasks,
        })
    }

    /// The address on which the server listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address on which `/metrics` is served.
    #[must_use]
    pub const fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// The public address, without a slash at the end.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// The keys that were created because there were none. They are not stored in a readable form, so show them now.
    #[must_use]
    pub fn new_keys(&self) -> &[NewKey] {
        &self.new_keys
    }

    /// The address that starts a session of the dashboard, once and within a day; `None` if the dashboard has a password.
    #[must_use]
    pub fn login_link(&self) -> Option<&str> {
        self.login_link.as_ref().map(SecretText::expose)
    }

    /// The embedded sandbox, whose customers pay the test payments.
    #[must_use]
    pub fn sandbox(&self) -> Option<&Sandbox> {
        self.sandbox.as_deref()
    }

    /// Stops: ends the streams, waits for the requests in progress, and stores what is known. Open payments stay open in
    /// the store.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        for shop in &self.shops {
            shop.watcher.shutdown().await;
        }
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, ended).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        self.tasks.shutdown().await;
        for shop in &self.shops {
            shop.opened.written().await;
        }
        self.database.close().await;
        self.shops.clear();
        if let Some(sandbox) = self.sandbox.take().and_then(Arc::into_inner)
            && let Err(error) = sandbox.stop_and_save().await
        {
            tracing::warn!(%error, "the state of the sandbox was not saved");
        }
    }
}

async fn listen(bind: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error: std::io::Error| StartError::bind(bind, &error);
    let listener = TcpListener::bind(bind).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

async fn live_shop(live: &LiveConfig, common: &Common<'_>) -> Result<Arc<Shop>, StartError> {
    let token = live.token()?;
    let transport = HyperTransport::for_watcher()
        .user_agent(concat!("bakong-server/", env!("CARGO_PKG_VERSION")))
        .allow_plain_http(live.allow_plain_http)
        .trust_environment()
        .and_then(HyperTransportBuilder::build)
        .map_err(|error| StartError::new(error.to_string()))?;
    let owner = token.registration_id().unwrap_or("default").to_owned();
    let mut session = Session::new(transport, live.base_url.clone()).with_token(token);
    session = session.with_token_store(live.token_store());
    if let Some(email) = &live.renewal_email {
        let renewal = RenewToken::new(email)
            .map_err(|error| StartError::new(format!("renewal_email: {error}")))?;
        session = session.with_renewal(renewal);
    }
    let registration = registration(live.base_url.host(), &owner)?;
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

async fn start_sandbox(settings: &SandboxConfig) -> Result<Sandbox, StartError> {
    let mut builder = Sandbox::builder().port(settings.port);
    if let Some(file) = &settings.state_file {
        builder = builder.state_file(file);
    }
    let failed = |error| StartError::new(format!("the sandbox cannot start: {error}"));
    builder.start().await.map_err(failed)
}

async fn test_shop(sandbox: &Arc<Sandbox>, common: &Common<'_>) -> Result<Arc<Shop>, StartError> {
    let merchant = match &common.config.live {
        // The same name on the code, but an account of the sandbox.
        Some(live) => live.merchant.clone(),
        None => crate::merchant::Merchant::example()
            .map_err(|error| StartError::new(error.to_string()))?,
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
        registration: registration(SANDBOX_HOST, SANDBOX_EMAIL)?,
        // Each start issues a token for 90 days.
        renews_token: false,
        requests_per_day: bakong_flow::Quota::DEFAULT.limit,
    };
    parts.start(common).await
}

/// What the shops of a server share.
#[derive(Clone, Copy)]
struct Common<'a> {
    config: &'a Config,
    database: &'a Database,
    db: &'a Db,
    metrics: &'a Metrics,
    public_url: &'a Arc<str>,
}

/// What differs between a live shop and a test shop.
struct Parts {
    mode: Mode,
    clock: ShopClock,
    merchant: crate::merchant::Merchant,
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

fn registration(host: &str, owner: &str) -> Result<Registration, StartError> {
    Registration::new(host, owner).map_err(|error| StartError::new(error.to_string()))
}

/// Stores the chat of the configuration for the live shop, or for the test shop if there is no other. Ends other chats.
async fn chat(config: &Config, db: &Db, shops: &[Arc<Shop>]) -> Result<Option<Bot>, StartError> {
    let owner = shops.iter().min_by_key(|shop| shop.mode);
    let bot = match (&config.telegram, owner) {
        (Some(telegram), Some(shop)) => Some(Bot::new(telegram, Arc::clone(shop))?),
        _ => None,
    };
    let types: Vec<_> = telegram::TYPES.iter().map(|kind| kind.name()).collect();
    let types = types.join(" ");
    for shop in shops {
        let bot = bot.as_ref().filter(|bot| bot.shop() == shop.id);
        let address = bot.map(Bot::address);
        let chat = address.as_deref().map(|address| (address, types.as_str()));
        db.set_chat(shop.id, chat, Timestamp::now()).await?;
    }
    Ok(bot)
}

/// Creates the one-time link of the dashboard, unless the dashboard has a password.
async fn first_link(
    config: &Config,
    db: &Db,
    public_url: &str,
) -> Result<Option<SecretText>, StartError> {
    if config.pages.password_hash.is_some() {
        return Ok(None);
    }
    let secret = ids::random("").map_err(|error| StartError::new(error.to_string()))?;
    let now = Timestamp::now();
    let until = now.saturating_add(LINK_LIFE);
    db.add_secret(LoginSecret::Link, &secret, now, until)
        .await?;
    let link = format!("{public_url}/login?link={secret}");
    Ok(Some(SecretText::new(link)))
}

/// Stores the test key of the configuration, and creates a key for each shop that has none.
async fn first_keys(
    config: &Config,
    db: &Db,
    shops: &[Arc<Shop>],
) -> Result<Vec<NewKey>, StartError> {
    let now = Timestamp::now();
    let mut created = Vec::new();
    for shop in shops {
        let test = shop.mode == Mode::Test;
        if test && let Some(text) = &config.test_key {
            let key = ApiKey::chosen(text, Mode::Test)
                .map_err(|error| StartError::new(format!("BAKONG_TEST_KEY: {error}")))?;
            key.store(db, shop, "BAKONG_TEST_KEY", &[Scope::Admin], now)
                .await?;
            continue;
        }
        let keys = db.keys(shop.id).await?;
        if keys.iter().any(|key| key.revoked_at.is_none()) {
            continue;
        }
        let key = ApiKey::random(shop.mode).map_err(|error| StartError::new(error.to_string()))?;
        key.store(db, shop, "first key", &[Scope::Admin], now)
            .await?;
        created.push(NewKey {
            test,
            key: key.expose().to_owned(),
        });
    }
    Ok(created)
}
