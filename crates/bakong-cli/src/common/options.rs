//! Options that several commands have.

use std::path::{Path, PathBuf};

use bakong_api::token::without_tokens;
use bakong_api::{AccessToken, Environment};
use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use khqr_core::Currency;

use crate::common::shell;

pub(crate) const TOKEN_FILE: &str =
    "The file that contains the token. If given, BAKONG_TOKEN is ignored";
pub(crate) const EMAIL: &str =
    "The project's e-mail address, at most 30 characters [env: BAKONG_EMAIL]";
const CA_FILE: &str = "Also trust the certificate authorities in this PEM file. SSL_CERT_FILE and SSL_CERT_DIR replace the \
     built-in authorities";
const RENEWAL_EMAIL: &str = "The project's e-mail address, with which the command renews the token in --token-file \
     before it expires [env: BAKONG_EMAIL]";

/// The text that replaces a secret in messages.
pub(crate) const REDACTED: &str = "[redacted]";

/// The Bakong server to send requests to.
#[derive(Args, Clone, Debug)]
pub(crate) struct TargetArguments {
    /// One of NBC's hosts: sit, production, sit-gov or production-gov
    #[arg(long, value_name = "NAME", value_parser = environment(), hide_possible_values = true)]
    pub(crate) env: Option<Environment>,
    /// Another address of a Bakong API, such as a sandbox or a reverse proxy
    #[arg(long, value_name = "URL", conflicts_with = "env")]
    pub(crate) base_url: Option<String>,
    /// Allow an http:// address on another machine. Secrets are then sent unencrypted
    #[arg(long)]
    pub(crate) allow_plain_http: bool,
    #[arg(long, value_name = "FILE", help = CA_FILE)]
    pub(crate) ca_file: Option<PathBuf>,
}

/// How a code is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, ValueEnum)]
pub(crate) enum QrStyle {
    /// Draw for this terminal, and not at all if the output is not a terminal
    #[default]
    Auto,
    /// Draw with block characters for a light background
    Light,
    /// Draw with block characters for a dark background
    Dark,
    /// Draw with ASCII characters, twice as large
    Ascii,
    /// Do not draw. The text of the code is still printed
    None,
}

/// How requests are sent.
#[derive(Clone, Default, Debug)]
pub(crate) struct TransportOptions {
    pub(crate) allow_plain_http: bool,
    pub(crate) ca_file: Option<PathBuf>,
}

impl TransportOptions {
    pub(crate) fn of(target: &TargetArguments) -> Self {
        Self {
            allow_plain_http: target.allow_plain_http,
            ca_file: target.ca_file.clone(),
        }
    }

    /// The options of the command line, for a shell.
    pub(crate) fn to_options(&self) -> String {
        let mut options = String::new();
        if self.allow_plain_http {
            options.push_str(" --allow-plain-http");
        }
        if let Some(file) = &self.ca_file {
            options.push_str(&shell::option("--ca-file", &file.to_string_lossy()));
        }
        options
    }
}

/// The token for requests.
#[derive(Args, Clone, Debug)]
pub(crate) struct TokenArguments {
    #[arg(long, value_name = "FILE", help = TOKEN_FILE, value_parser = token_file())]
    pub(crate) token_file: Option<PathBuf>,
    #[arg(long, value_name = "ADDRESS", requires = "token_file", help = RENEWAL_EMAIL)]
    pub(crate) email: Option<String>,
}

/// Parses the path of a token file. Rejects a token in its place, as from `--token-file "$TOKEN"`; clap's message is
/// redacted.
pub(crate) fn token_file() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|path| {
        if looks_like_token(&path.to_string_lossy()) && !Path::new(&path).exists() {
            return Err(
                "this looks like a token; save the token in a file and pass the file's name",
            );
        }
        Ok(PathBuf::from(path))
    })
}

/// Whether a text that should be a path is a token.
pub(crate) fn looks_like_token(text: &str) -> bool {
    let is_jwt = AccessToken::new(text).is_ok_and(|token| token.is_jwt());
    is_jwt || (30 <= text.len() && is_redacted(text))
}

/// Whether the whole string is redacted.
fn is_redacted(text: &str) -> bool {
    without_tokens(text) == REDACTED
}

pub(crate) fn parse_currency(text: &str) -> Result<Currency, khqr_core::Error> {
    text.parse()
}

/// Parses an environment. The possible values are for the completion in a shell.
fn environment() -> impl TypedValueParser<Value = Environment> {
    let names = Environment::ALL.map(Environment::name);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Environment>())
}
