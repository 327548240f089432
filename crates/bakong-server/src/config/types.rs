//! The settings of a server.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bakong_flow::Policy;
use bakong_flow::bakong_api::token::{FileTokenStore, TokenStore};
use bakong_flow::bakong_api::{AccessToken, BaseUrl};
use khqr_core::Printable;

use crate::error::StartError;
use crate::merchant::Merchant;

/// How long, in seconds, a code is valid by default. NBC recommends at most ten minutes.
pub(super) const DEFAULT_EXPIRES_IN: u64 = 600;
/// How long, in seconds, the drop-in looks for the payment of a code by default. Programs poll for 10 minutes.
pub(super) const DEFAULT_DROPIN_EXPIRES_IN: u64 = 900;
/// How long the lease of a leader lasts by default.
pub(super) const DEFAULT_LEASE_TERM: Duration = Duration::from_secs(10);
/// The Bot API of Telegram.
const TELEGRAM_API: &str = "https://api.telegram.org";

/// How to run a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The address on which to listen.
    pub bind: SocketAddr,
    /// The certificate of the server; `None` for HTTP without TLS, behind a proxy.
    pub tls: Option<TlsConfig>,
    /// The address on which `/metrics` is served; `None` for no metrics.
    pub metrics_bind: Option<SocketAddr>,
    /// What the program logs. The library only emits events of `tracing`.
    pub log: LogConfig,
    /// The address under which browsers and webhooks reach the server; `None` for the address on which it listens.
    pub public_url: Option<String>,
    /// Where the payments are stored.
    pub store: StoreLocation,
    /// The shop at a real Bakong.
    pub live: Option<LiveConfig>,
    /// The embedded sandbox for test keys.
    pub sandbox: Option<SandboxConfig>,
    /// A test key that is known in advance, for scripts.
    pub test_key: Option<String>,
    /// How long another worker, or the next process, waits if the one that asks Bakong dies. At least one second.
    pub lease_term: Duration,
    /// Whether webhooks may be sent to private networks and without TLS.
    pub allow_private_webhooks: bool,
    /// When to check a payment.
    pub policy: Policy,
    /// How long a code is valid.
    pub expires_in: Duration,
    /// How long the drop-in looks for the payment of a code that another program created, from its first question on. The
    /// lifetime of the program's codes is a good value.
    pub dropin_expires_in: Duration,
    /// Whether to request a deep link for each code. Each costs a request to Bakong.
    pub deeplinks: bool,
    /// The Telegram chat that learns of sales and alerts.
    pub telegram: Option<TelegramConfig>,
    /// The settings of the pages.
    pub pages: PageConfig,
}

/// The settings of the pages for people.
#[derive(Clone, Default, Debug)]
#[non_exhaustive]
pub struct PageConfig {
    /// The origins of the shops whose pages may show the checkout in a frame, such as `https://shop.example.com`.
    pub embed_origins: Vec<String>,
    /// The Argon2 hash of the password of the dashboard. Without one, each start prints a one-time link.
    pub password_hash: Option<SecretText>,
    /// Whether to serve a demo shop. Needs the sandbox.
    pub demo: bool,
}

/// Where the payments are stored.
#[derive(Clone, Debug)]
pub enum StoreLocation {
    /// An SQLite file.
    File(PathBuf),
    /// A PostgreSQL database.
    Postgres(SecretText),
}

/// A text that may contain a password. `Debug` does not show it.
#[derive(Clone)]
pub struct SecretText(String);

impl SecretText {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The shop at a real Bakong.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LiveConfig {
    /// The address of Bakong.
    pub base_url: BaseUrl,
    /// The file with the token.
    pub token_file: PathBuf,
    /// The e-mail address with which the token was registered, to renew it.
    pub renewal_email: Option<String>,
    /// How many requests Bakong allows the token in a day. Tokens are known to have 100.
    pub requests_per_day: u32,
    /// Whether the token may be sent without TLS.
    pub allow_plain_http: bool,
    /// Who is paid.
    pub merchant: Merchant,
}

impl LiveConfig {
    pub(crate) fn token(&self) -> Result<AccessToken, StartError> {
        let file = Printable(&self.token_file.to_string_lossy()).to_string();
        let read = FileTokenStore::new(&self.token_file).read();
        let token = read.map_err(|error| StartError::new(format!("token_file: {error}")))?;
        let token = token.ok_or_else(|| {
            let what = if self.token_file.exists() {
                "has no token"
            } else {
                "does not exist"
            };
            StartError::new(format!(
                "token_file: {file} {what}; `bakong login` saves a token in a file, which token_file must name"
            ))
        })?;
        token
            .check_for(&self.base_url)
            .map_err(|error| StartError::new(format!("token_file: {error}")))?;
        Ok(token)
    }

    pub(crate) fn token_store(&self) -> impl TokenStore + use<> {
        FileTokenStore::new(&self.token_file)
    }
}

/// What a program that runs the server logs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogConfig {
    /// The form of each line.
    pub format: LogFormat,
    /// The least important events to log.
    pub level: tracing::Level,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: tracing::Level::INFO,
        }
    }
}

/// The form of a line of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// The files of a certificate.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// The certificate and those of its authorities, in PEM form.
    pub cert_file: PathBuf,
    /// The private key, in PEM form.
    pub key_file: PathBuf,
}

/// A Telegram chat that learns of sales and alerts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TelegramConfig {
    /// The file with the token of the bot, which `@BotFather` shows.
    pub bot_token_file: PathBuf,
    /// The id of the chat, or `@` and the name of a channel.
    pub chat_id: String,
    /// The address of the Bot API.
    pub api_url: String,
}

impl TelegramConfig {
    /// A chat of a bot at Telegram's own Bot API.
    #[must_use]
    pub fn new(bot_token_file: PathBuf, chat_id: String) -> Self {
        Self {
            bot_token_file,
            chat_id,
            api_url: TELEGRAM_API.to_owned(),
        }
    }
}

/// The embedded sandbox.
#[derive(Clone, Default, Debug)]
#[non_exhaustive]
pub struct SandboxConfig {
    /// The port on loopback; 0 for any.
    pub port: u16,
    /// The file that keeps the state of the sandbox.
    pub state_file: Option<PathBuf>,
}

impl Config {
    /// A server for trying out: an embedded sandbox, and a store in the folder `data`.
    #[must_use]
    pub fn sandbox(bind: SocketAddr, data: &Path) -> Self {
        Self {
            bind,
            tls: None,
            metrics_bind: None,
            log: LogConfig::default(),
            public_url: None,
            store: StoreLocation::File(data.join("payments.db")),
            live: None,
            sandbox: Some(SandboxConfig {
                port: 0,
                state_file: Some(data.join("sandbox.json")),
            }),
            test_key: None,
            lease_term: DEFAULT_LEASE_TERM,
            allow_private_webhooks: true,
            policy: Policy::COUNTER,
            expires_in: Duration::from_secs(DEFAULT_EXPIRES_IN),
            dropin_expires_in: Duration::from_secs(DEFAULT_DROPIN_EXPIRES_IN),
            deeplinks: false,
            telegram: None,
            pages: PageConfig::default(),
        }
    }
}
