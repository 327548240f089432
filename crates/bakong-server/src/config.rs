//! The configuration: a TOML file, and a variable for each setting.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bakong_flow::bakong_api::token::{FileTokenStore, TokenStore};
use bakong_flow::bakong_api::{AccessToken, BaseUrl, Environment};
use bakong_flow::{Policy, Quota};
use khqr_core::{AccountIdBuf, Printable};
use serde::Deserialize;
use toml::{Table, Value};

use crate::error::StartError;
use crate::files;
use crate::merchant::Merchant;
use crate::outbound::check_url;

/// How the names of the variables begin.
pub const VARIABLE_PREFIX: &str = "BAKONG_SERVER_";
/// The default port.
const DEFAULT_BIND: &str = "127.0.0.1:8600";
/// How long a code is valid by default. NBC recommends at most ten minutes.
const DEFAULT_EXPIRES_IN: u64 = 600;

/// The minimum of requests in a day: some for renewals, and some for checks.
const MIN_REQUESTS: u32 = 10;

/// The Bot API of Telegram.
const TELEGRAM_API: &str = "https://api.telegram.org";

/// How long, in seconds, the drop-in looks for the payment of a code by default. Programs poll for 10 minutes.
const DEFAULT_DROPIN_EXPIRES_IN: u64 = 900;

/// The range of both settings.
const EXPIRES_IN: std::ops::RangeInclusive<u64> = 60..=2_592_000;

/// How long the lease of a leader lasts by default.
const DEFAULT_LEASE_TERM: Duration = Duration::from_secs(10);

/// All settings. The variable of a setting is the prefix and its path in upper case: `BAKONG_SERVER_MERCHANT_NAME`.
const SETTINGS: &[&[&str]] = &[
    &["bind"],
    &["public_url"],
    &["tls_cert_file"],
    &["tls_key_file"],
    &["metrics_bind"],
    &["log_format"],
    &["log_level"],
    &["store"],
    &["expires_in"],
    &["dropin_expires_in"],
    &["deeplinks"],
    &["policy"],
    &["sandbox"],
    &["sandbox_port"],
    &["allow_private_webhooks"],
    &["embed_origins"],
    &["dashboard_password_hash"],
    &["bakong", "environment"],
    &["bakong", "base_url"],
    &["bakong", "token_file"],
    &["bakong", "renewal_email"],
    &["bakong", "requests_per_day"],
    &["bakong", "allow_plain_http"],
    &["merchant", "account"],
    &["merchant", "name"],
    &["merchant", "city"],
    &["merchant", "merchant_id"],
    &["merchant", "acquiring_bank"],
    &["telegram", "bot_token_file"],
    &["telegram", "chat_id"],
    &["telegram", "api_url"],
    &["merchant", "contact"],
];

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
        let advice =
            "request a token with `bakong token request`, or name its file with token_file";
        let token = token
            .ok_or_else(|| StartError::new(format!("the file {file} has no token; {advice}")))?;
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

    /// Reads the configuration from the file `path` and from variables, which override the file.
    ///
    /// # Errors
    /// [`StartError`] names the setting and says what to write.
    pub fn load(
        path: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, StartError> {
        let mut table = match path {
            None => Table::new(),
            Some(path) => read(path)?,
        };
        override_with(&mut table, variables)?;
        let raw: RawConfig = table.try_into().map_err(|error: toml::de::Error| {
            let message = Printable(error.message()).to_string();
            let names: Vec<_> = SETTINGS.iter().map(|path| path.join(".")).collect();
            StartError::new(format!(
                "the configuration is wrong: {message}. The settings are {}",
                names.join(", ")
            ))
        })?;
        let folder = path.and_then(Path::parent).unwrap_or(Path::new(""));
        raw.check(folder)
    }
}

fn read(path: &Path) -> Result<Table, StartError> {
    let name = Printable(&path.to_string_lossy()).to_string();
    let text = files::read_text(path).map_err(|error| {
        StartError::new(format!(
            "cannot read the configuration {name}: {error}; name another file with --config"
        ))
    })?;
    text.parse().map_err(|error: toml::de::Error| {
        // The full text of the error shows the line, which may contain a password.
        let start = error.span().map_or(0, |span| span.start);
        let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
        let message = Printable(error.message()).to_string();
        StartError::new(format!("{name}, line {line}: {message}"))
    })
}

fn override_with(
    table: &mut Table,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(), StartError> {
    let known: BTreeMap<String, &[&str]> = SETTINGS
        .iter()
        .map(|path| (path.join("_").to_uppercase(), *path))
        .collect();
    for (variable, text) in variables {
        let Some(name) = variable.strip_prefix(VARIABLE_PREFIX) else {
            continue;
        };
        let Some(path) = known.get(name) else {
            let names: Vec<_> = known.keys().map(String::as_str).collect();
            let variable = Printable(&variable).to_string();
            return Err(StartError::new(format!(
                "there is no setting for the variable {variable}. After {VARIABLE_PREFIX} follows one of {}",
                names.join(", ")
            )));
        };
        let value = match (*path, text.as_str()) {
            (
                ["expires_in" | "dropin_expires_in" | "sandbox_port"] | [_, "requests_per_day"],
                number,
            ) => match number.parse() {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::String(text),
            },
            (
                ["sandbox" | "allow_private_webhooks" | "deeplinks"] | [_, "allow_plain_http"],
                "true",
            ) => Value::Boolean(true),
            (
                ["sandbox" | "allow_private_webhooks" | "deeplinks"] | [_, "allow_plain_http"],
                "false",
            ) => Value::Boolean(false),
            _ => Value::String(text),
        };
        let mut table = &mut *table;
        if let [section, _] = path {
            let section = table
                .entry(*section)
                .or_insert_with(|| Value::Table(Table::new()));
            match section {
                Value::Table(section) => table = section,
                // The file has another type here, which is reported later.
                _ => continue,
            }
        }
        if let Some(last) = path.last() {
            table.insert((*last).to_owned(), value);
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    bind: Option<String>,
    tls_cert_file: Option<PathBuf>,
    tls_key_file: Option<PathBuf>,
    metrics_bind: Option<String>,
    log_format: Option<String>,
    log_level: Option<String>,
    public_url: Option<String>,
    store: Option<String>,
    expires_in: Option<u64>,
    dropin_expires_in: Option<u64>,
    deeplinks: Option<bool>,
    policy: Option<String>,
    sandbox: Option<bool>,
    sandbox_port: Option<u16>,
    allow_private_webhooks: Option<bool>,
    embed_origins: Option<String>,
    dashboard_password_hash: Option<String>,
    bakong: Option<RawBakong>,
    merchant: Option<RawMerchant>,
    telegram: Option<RawTelegram>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBakong {
    environment: Option<String>,
    base_url: Option<String>,
    token_file: Option<PathBuf>,
    renewal_email: Option<String>,
    requests_per_day: Option<u32>,
    allow_plain_http: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTelegram {
    bot_token_file: Option<PathBuf>,
    chat_id: Option<String>,
    api_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMerchant {
    account: Option<String>,
    name: Option<String>,
    city: Option<String>,
    merchant_id: Option<String>,
    acquiring_bank: Option<String>,
    contact: Option<String>,
}

impl RawConfig {
    fn check(self, folder: &Path) -> Result<Config, StartError> {
        let bind = address("bind", self.bind.as_deref().unwrap_or(DEFAULT_BIND))?;
        let metrics_bind = self.metrics_bind.as_deref();
        let metrics_bind = metrics_bind
            .map(|text| address("metrics_bind", text))
            .transpose()?;
        let tls = match (self.tls_cert_file, self.tls_key_file) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some(TlsConfig {
                cert_file: folder.join(cert),
                key_file: folder.join(key),
            }),
            _ => {
                let message = "write tls_cert_file and tls_key_file together, or neither";
                return Err(StartError::new(message));
            }
        };
        let store = self.store.ok_or_else(|| {
            StartError::new(
                "store is missing: write a file such as \"payments.db\", or \"postgres://…\"",
            )
        })?;
        let is_postgres = store.starts_with("postgres://") || store.starts_with("postgresql://");
        let store = if is_postgres {
            StoreLocation::Postgres(SecretText(store))
        } else {
            StoreLocation::File(folder.join(store))
        };
        let policy = match self.policy.as_deref() {
            None | Some("web_shop") => Policy::WEB_SHOP,
            Some("counter") => Policy::COUNTER,
            Some("invoice") => Policy::INVOICE,
            Some(_) => {
                let message = "policy: write \"counter\", \"web_shop\" or \"invoice\"";
                return Err(StartError::new(message));
            }
        };
        let expires_in = seconds("expires_in", self.expires_in, DEFAULT_EXPIRES_IN)?;
        let dropin_expires_in = seconds(
            "dropin_expires_in",
            self.dropin_expires_in,
            DEFAULT_DROPIN_EXPIRES_IN,
        )?;
        if let Some(url) = &self.public_url
            && !(url.starts_with("https://") || url.starts_with("http://"))
        {
            let message =
                "public_url: write the address of the server, such as \"https://pay.example.com\"";
            return Err(StartError::new(message));
        }
        let pages = PageConfig {
            embed_origins: embed_origins(self.embed_origins.as_deref().unwrap_or_default())?,
            password_hash: self.dashboard_password_hash.map(SecretText),
            demo: false,
        };
        let live = self
            .bakong
            .map(|bakong| bakong.check(self.merchant, folder))
            .transpose()?;
        // The workers of a cluster have no common sandbox.
        let has_sandbox = self.sandbox.unwrap_or(!is_postgres);
        if live.is_none() && !has_sandbox {
            return Err(StartError::new(
                "there is nothing to serve: add a section [bakong], or write sandbox = true",
            ));
        }
        let state_file = match &store {
            StoreLocation::File(path) => Some(path.with_extension("sandbox.json")),
            StoreLocation::Postgres(_) => None,
        };
        let sandbox = has_sandbox.then_some(SandboxConfig {
            port: self.sandbox_port.unwrap_or(0),
            state_file,
        });
        Ok(Config {
            bind,
            tls,
            metrics_bind,
            log: log(self.log_format.as_deref(), self.log_level.as_deref())?,
            public_url: self.public_url,
            store,
            live,
            sandbox,
            test_key: None,
            lease_term: DEFAULT_LEASE_TERM,
            allow_private_webhooks: self.allow_private_webhooks.unwrap_or(false),
            policy,
            expires_in,
            dropin_expires_in,
            deeplinks: self.deeplinks.unwrap_or(false),
            telegram: self
                .telegram
                .map(|telegram| telegram.check(folder))
                .transpose()?,
            pages,
        })
    }
}

fn log(format: Option<&str>, level: Option<&str>) -> Result<LogConfig, StartError> {
    let mut log = LogConfig::default();
    match format {
        None | Some("text") => {}
        Some("json") => log.format = LogFormat::Json,
        Some(_) => return Err(StartError::new("log_format: write \"text\" or \"json\"")),
    }
    if let Some(level) = level {
        log.level = level.parse().map_err(|_| {
            StartError::new(
                "log_level: write \"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
            )
        })?;
    }
    Ok(log)
}

fn address(name: &str, text: &str) -> Result<SocketAddr, StartError> {
    text.parse().map_err(|_| {
        StartError::new(format!(
            "{name}: write an address and a port, such as \"127.0.0.1:8600\""
        ))
    })
}

fn seconds(name: &str, value: Option<u64>, default: u64) -> Result<Duration, StartError> {
    let value = value.unwrap_or(default);
    if !EXPIRES_IN.contains(&value) {
        let (min, max) = (EXPIRES_IN.start(), EXPIRES_IN.end());
        return Err(StartError::new(format!(
            "{name}: write {min} to {max} seconds"
        )));
    }
    Ok(Duration::from_secs(value))
}

/// Reads origins that are separated by spaces. They become a part of a header, so each of them must be an origin and nothing else.
fn embed_origins(text: &str) -> Result<Vec<String>, StartError> {
    let is_origin = |text: &str| {
        let host = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        host.is_some_and(|host| !host.is_empty() && host.bytes().all(is_host))
    };
    let origins: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
    if origins.iter().all(|origin| is_origin(origin)) {
        return Ok(origins);
    }
    Err(StartError::new(
        "embed_origins: write the origins of shops, separated by spaces, such as \"https://shop.example.com\"",
    ))
}

impl RawBakong {
    fn check(self, merchant: Option<RawMerchant>, folder: &Path) -> Result<LiveConfig, StartError> {
        let base_url = match (self.environment.as_deref(), self.base_url.as_deref()) {
            (Some(name), None) => {
                let found = Environment::ALL.into_iter().find(|it| it.name() == name);
                let names = Environment::ALL.map(|it| format!("\"{}\"", it.name()));
                BaseUrl::from(found.ok_or_else(|| {
                    StartError::new(format!(
                        "bakong.environment: write one of {}",
                        names.join(", ")
                    ))
                })?)
            }
            (None, Some(url)) => BaseUrl::new(url)
                .map_err(|error| StartError::new(format!("bakong.base_url: {error}")))?,
            _ => {
                let message =
                    "bakong: write either environment = \"production\" or \"sit\", or base_url";
                return Err(StartError::new(message));
            }
        };
        let allow_plain_http = self.allow_plain_http.unwrap_or(false);
        if !base_url.is_https() && !base_url.is_loopback() && !allow_plain_http {
            let message = "bakong.base_url is http, which exposes the token to the network; use https, or write allow_plain_http = true if the network is trusted";
            return Err(StartError::new(message));
        }
        let token_file = self.token_file.ok_or_else(|| {
            StartError::new("bakong.token_file is missing: write the file of the token; `bakong token request` creates it")
        })?;
        let requests_per_day = self.requests_per_day.unwrap_or(Quota::DEFAULT.limit);
        if requests_per_day < MIN_REQUESTS {
            return Err(StartError::new(format!(
                "bakong.requests_per_day: write at least {MIN_REQUESTS}"
            )));
        }
        let merchant = merchant.ok_or_else(|| {
            StartError::new("the section [merchant] is missing: write account and name")
        })?;
        Ok(LiveConfig {
            base_url,
            token_file: folder.join(token_file),
            renewal_email: self.renewal_email,
            requests_per_day,
            allow_plain_http,
            merchant: merchant.check()?,
        })
    }
}

impl RawTelegram {
    fn check(self, folder: &Path) -> Result<TelegramConfig, StartError> {
        let missing = |name: &str, what: &str| {
            StartError::new(format!("telegram.{name} is missing: write {what}"))
        };
        let file = self.bot_token_file;
        let file =
            file.ok_or_else(|| missing("bot_token_file", "the file with the token of the bot"))?;
        let chat_id = self.chat_id;
        let chat_id = chat_id.ok_or_else(|| missing("chat_id", "the id of the chat as a text"))?;
        let mut config = TelegramConfig::new(folder.join(file), chat_id);
        if let Some(url) = self.api_url {
            check_url(&url, true)
                .map_err(|error| StartError::new(format!("telegram.api_url: {error}")))?;
            config.api_url = url;
        }
        Ok(config)
    }
}

impl RawMerchant {
    fn check(self) -> Result<Merchant, StartError> {
        let missing = |name: &str| StartError::new(format!("merchant.{name} is missing"));
        let account = self.account.ok_or_else(|| missing("account"))?;
        let account = AccountIdBuf::new(&account)
            .map_err(|error| StartError::new(format!("merchant.account: {error}")))?;
        let registered = match (self.merchant_id, self.acquiring_bank) {
            (None, None) => None,
            (Some(id), Some(bank)) => Some((id, bank)),
            _ => {
                let message = "merchant: write merchant_id and acquiring_bank together, or neither";
                return Err(StartError::new(message));
            }
        };
        let merchant = Merchant {
            account,
            name: self.name.ok_or_else(|| missing("name"))?,
            city: self.city.unwrap_or_else(|| "Phnom Penh".to_owned()),
            registered,
            contact: self.contact.filter(|contact| !contact.trim().is_empty()),
        };
        merchant
            .check()
            .map_err(|error| StartError::new(format!("merchant: {error}")))?;
        Ok(merchant)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const FILE: &str = r#"
        store = "payments.db"
        [bakong]
        environment = "sit"
        token_file = "token"
        [merchant]
        account = "sokha@devb"
        name = "Sokha Coffee"
    "#;

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bakong.toml");
        fs::write(&path, text).unwrap();
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(Some(&path), variables).map_err(|error| error.to_string())
    }

    #[test]
    fn every_setting_has_a_variable_that_overrides_the_file() {
        let config = load(
            FILE,
            &[
                ("BAKONG_SERVER_BIND", "0.0.0.0:80"),
                ("BAKONG_SERVER_EXPIRES_IN", "120"),
                ("BAKONG_SERVER_SANDBOX", "false"),
                ("BAKONG_SERVER_MERCHANT_NAME", "Dara Tea"),
                ("BAKONG_SERVER_BAKONG_ALLOW_PLAIN_HTTP", "true"),
                ("PATH", "ignored"),
            ],
        )
        .unwrap();
        assert_eq!(config.bind.port(), 80);
        assert_eq!(config.expires_in, Duration::from_secs(120));
        assert!(config.sandbox.is_none());
        let live = config.live.unwrap();
        assert_eq!(live.merchant.name, "Dara Tea");
        assert!(live.allow_plain_http);
        assert!(live.token_file.is_absolute());
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_to_write() {
        for (text, variables, expected) in [
            ("", &[][..], "store is missing"),
            ("store = 7", &[], "invalid type"),
            ("stroe = \"x\"", &[], "unknown field"),
            ("store = \"x", &[], "line 1"),
            ("store = \"x\"\nbind = \"8600\"", &[], "127.0.0.1:8600"),
            ("store = \"x\"\npolicy = \"often\"", &[], "web_shop"),
            // These would change the policy of the checkout.
            (
                "store = \"x\"\nembed_origins = \"https://a.example; script-src *\"",
                &[],
                "embed_origins",
            ),
            (
                "store = \"x\"\nembed_origins = \"https://a.example/shop *\"",
                &[],
                "embed_origins",
            ),
            ("store = \"x\"\nexpires_in = 1", &[], "60 to 2592000"),
            (
                FILE,
                &[("BAKONG_SERVER_BAKONG_REQUESTS_PER_DAY", "1")],
                "at least 10",
            ),
            ("store = \"x\"\nlog_level = \"loud\"", &[], "debug"),
            ("store = \"x\"\ntls_key_file = \"key\"", &[], "together"),
            ("store = \"x\"\n[telegram]", &[], "bot_token_file"),
            ("store = \"x\"\nsandbox = false", &[], "nothing to serve"),
            ("store = \"x\"\n[bakong]", &[], "environment"),
            (
                "store = \"x\"\n[bakong]\nbase_url = \"http://bakong.example\"",
                &[],
                "https",
            ),
            (
                "store = \"x\"",
                &[("BAKONG_SERVER_STROE", "x")],
                "BAKONG_SERVER_STROE",
            ),
            (
                "store = \"x\"",
                &[("BAKONG_SERVER_SANDBOX", "maybe")],
                "invalid type",
            ),
            (
                FILE,
                &[("BAKONG_SERVER_MERCHANT_ACCOUNT", "sokha")],
                "merchant.account",
            ),
            (
                FILE,
                &[("BAKONG_SERVER_MERCHANT_MERCHANT_ID", "1")],
                "together",
            ),
        ] {
            let error = load(text, variables).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_secret_password_of_the_store_is_not_printed() {
        let text = "store = \"postgres://shop:hunter2@db/payments\"\nsandbox = true";
        assert!(!format!("{:?}", load(text, &[]).unwrap()).contains("hunter2"));
        let wrong = format!("{text}\nsandbox = \"hunter2");
        assert!(!load(&wrong, &[]).unwrap_err().contains("hunter2"));
    }
}
