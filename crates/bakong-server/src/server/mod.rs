//! Starts the server, and stops it without losing anything.

mod credentials;
mod database;
mod shops;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bakong_sandbox::Sandbox;
use khqr_core::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::credentials::{first_keys, first_link};
use self::database::Database;
use self::shops::{Common, live_shop, start_sandbox, test_shop};
use crate::app::App;
use crate::config::{Config, SecretText};
use crate::db::Db;
use crate::deliveries::{self, Targets};
use crate::error::StartError;
use crate::feed::Feed;
use crate::metrics::Metrics;
use crate::outbound::Sender;
use crate::shop::{Mode, Shop};
use crate::site::{Password, Site};
use crate::telegram::{self, Bot};
use crate::{api, connections, consumer, demo, pages, scrape};

pub use self::credentials::NewKey;

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

impl Server {
    /// Starts a server on a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`] with a sentence that says what to do.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let tls = config.tls.as_ref().map(connections::tls).transpose()?;
        let password = config.pages.password_hash.as_ref();
        let password = password.map(Password::new).transpose()?;
        let (listener, address) = listen("bind or --listen", config.bind).await?;
        let metrics_listener = match config.metrics_bind {
            Some(bind) => Some(listen("metrics_bind", bind).await?),
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
        let site = Site::new(config, &public_url, password, sandbox.as_deref(), demo);
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

async fn listen(setting: &str, bind: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error: std::io::Error| StartError::bind(setting, bind, &error);
    let listener = TcpListener::bind(bind).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
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
