//! Checks the settings, with errors that say what to write.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bakong_flow::bakong_api::{BaseUrl, Environment};
use bakong_flow::{Policy, Quota};
use bakong_store::postgres;
use khqr_core::{AccountIdBuf, Printable};
use serde::Deserialize;

use super::table;
use super::types::{
    Config, DEFAULT_DROPIN_EXPIRES_IN, DEFAULT_EXPIRES_IN, DEFAULT_LEASE_TERM, LiveConfig,
    LogConfig, LogFormat, PageConfig, SandboxConfig, SecretText, StoreLocation, TelegramConfig,
    TlsConfig,
};
use crate::error::StartError;
use crate::merchant::Merchant;
use crate::outbound::check_url;

/// The default address.
const DEFAULT_BIND: &str = "127.0.0.1:8600";
/// The minimum of requests in a day: some for renewals, and some for checks.
const MIN_REQUESTS: u32 = 10;
/// How many seconds a code can be valid.
const EXPIRES_IN: std::ops::RangeInclusive<u64> = 60..=2_592_000;

impl Config {
    /// Reads the configuration from the file `path` and from variables, which override the file.
    ///
    /// # Errors
    /// [`StartError`] names the setting and says what to write.
    pub fn load(
        path: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, StartError> {
        let table = table::load(path, variables)?;
        let raw: RawConfig = table.try_into().map_err(|error: toml::de::Error| {
            let message = Printable(error.message()).to_string();
            StartError::new(format!("the configuration is wrong: {message}"))
        })?;
        let folder = path.and_then(Path::parent).unwrap_or(Path::new(""));
        raw.check(folder)
    }
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
    sandbox_port: Option<u64>,
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
    requests_per_day: Option<u64>,
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
        let is_postgres = postgres::SCHEMES
            .iter()
            .any(|scheme| store.starts_with(scheme));
        let store = if is_postgres {
            StoreLocation::Postgres(SecretText::new(store))
        } else if store.contains("://") {
            // The text is not repeated, because a URL may have a password.
            return Err(StartError::new(
                "store is a URL of another kind: write a file such as \"payments.db\", or the URL of a PostgreSQL database, which starts with postgres://",
            ));
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
            password_hash: self.dashboard_password_hash.map(SecretText::new),
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
        let sandbox_port = u16::try_from(self.sandbox_port.unwrap_or(0))
            .map_err(|_| StartError::new("sandbox_port: write a port, 0 to 65535"))?;
        let sandbox = has_sandbox.then_some(SandboxConfig {
            port: sandbox_port,
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
            StartError::new("bakong.token_file is missing: write the file of the token; `bakong login` saves one and names its file")
        })?;
        let requests_per_day = match self.requests_per_day {
            Some(limit) => u32::try_from(limit).unwrap_or(u32::MAX),
            None => Quota::DEFAULT.limit,
        };
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
mod tests;
