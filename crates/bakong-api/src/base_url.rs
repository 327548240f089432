//! The base URL of a Bakong environment: one of NBC's hosts, or any other address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, Parts, PathAndQuery, Scheme};

/// NBC's hosts.
///
/// NBC's reference lists hosts under `nbc.org.kh`. Since February 2023, NBC's packages and all reports from
/// production use the same names under `nbc.gov.kh`. If one host name cannot be resolved, try the other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Environment {
    /// `https://sit-api-bakong.nbc.org.kh`, for tests, without real money.
    Sit,
    /// `https://api-bakong.nbc.org.kh`.
    Production,
    /// `https://sit-api-bakong.nbc.gov.kh`, for tests, without real money.
    SitGov,
    /// `https://api-bakong.nbc.gov.kh`.
    ProductionGov,
}

impl Environment {
    /// All environments.
    pub const ALL: [Self; 4] = [
        Self::Sit,
        Self::Production,
        Self::SitGov,
        Self::ProductionGov,
    ];

    /// The name, the host, and the same environment under its other domain.
    const fn row(self) -> (&'static str, &'static str, Self) {
        match self {
            Self::Sit => ("sit", "sit-api-bakong.nbc.org.kh", Self::SitGov),
            Self::Production => ("production", "api-bakong.nbc.org.kh", Self::ProductionGov),
            Self::SitGov => ("sit-gov", "sit-api-bakong.nbc.gov.kh", Self::Sit),
            Self::ProductionGov => ("production-gov", "api-bakong.nbc.gov.kh", Self::Production),
        }
    }

    /// Returns the name for command lines: `sit`, `production`, `sit-gov` or `production-gov`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// Returns the host name.
    #[must_use]
    pub const fn host(self) -> &'static str {
        self.row().1
    }

    /// Returns the same environment under its other domain.
    #[must_use]
    pub const fn other_domain(self) -> Self {
        self.row().2
    }

    /// Whether payments in this environment move real money.
    #[must_use]
    pub const fn is_production(self) -> bool {
        matches!(self, Self::Production | Self::ProductionGov)
    }

    /// Returns the environment with this host name.
    #[must_use]
    pub fn of_host(host: &str) -> Option<Self> {
        let same = |environment: &Self| host.eq_ignore_ascii_case(environment.host());
        Self::ALL.into_iter().find(same)
    }
}

impl FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(text: &str) -> Result<Self, UnknownEnvironment> {
        Self::ALL
            .into_iter()
            .find(|environment| environment.name() == text)
            .ok_or(UnknownEnvironment)
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text is not the name of an [`Environment`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct UnknownEnvironment;

impl fmt::Display for UnknownEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown environment; use sit, production, sit-gov or production-gov")
    }
}

impl std::error::Error for UnknownEnvironment {}

/// The URL to which the endpoints' paths are appended: scheme, host, optional port and path.
///
/// Never contains a user name, password or query, so it is safe to print.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    /// The path, without a trailing slash.
    path: String,
}

impl BaseUrl {
    /// Parses an `http` or `https` URL such as `https://proxy.example/bakong`.
    ///
    /// `http` to another machine is valid here. The transport decides whether to send a token unencrypted. To refuse such a URL
    /// at the start of a program, check [`is_https`](Self::is_https) and [`is_loopback`](Self::is_loopback).
    ///
    /// # Errors
    /// [`InvalidBaseUrl`] with the reason. The error contains no part of the text.
    pub fn new(text: &str) -> Result<Self, InvalidBaseUrl> {
        let text = text.trim();
        if text.contains(['?', '#']) {
            return Err(InvalidBaseUrl("must not have a query or fragment"));
        }
        let not_a_url = InvalidBaseUrl("is not a URL like https://host or https://host/path");
        // `Uri` accepts non-ASCII text, but a base URL must be safe to print.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(not_a_url);
        }
        let parts = text.parse::<Uri>().map_err(|_| not_a_url)?.into_parts();
        let scheme = parts.scheme.ok_or(not_a_url)?;
        let authority = parts.authority.ok_or(not_a_url)?;
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(InvalidBaseUrl("must start with https:// or http://"));
        }
        if authority.host().is_empty() {
            return Err(not_a_url);
        }
        if authority.as_str().contains('@') {
            return Err(InvalidBaseUrl(
                "must not contain a user name or password; they would appear in logs",
            ));
        }
        if authority.as_str().len() > authority.host().len() && authority.port_u16().is_none() {
            return Err(InvalidBaseUrl("has an invalid port; use 0 to 65535"));
        }
        let path = parts
            .path_and_query
            .as_ref()
            .map_or("", PathAndQuery::path)
            .trim_end_matches('/');
        if path.ends_with("/v1") {
            return Err(InvalidBaseUrl(
                "must not include /v1, which is appended automatically",
            ));
        }
        // Check here that the endpoints' paths can be appended, so that `join` does not fail later.
        if format!("{path}/v1").parse::<PathAndQuery>().is_err() {
            return Err(not_a_url);
        }
        Ok(Self {
            scheme,
            authority,
            path: path.to_owned(),
        })
    }

    /// Returns the host. An IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// Whether requests are encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether the host names the local machine: `localhost`, `127.0.0.0/8` or `[::1]`.
    ///
    /// A hosts file may give `localhost` another address. Before a transport sends a secret unencrypted, it must
    /// check the address that it connects to.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(self.host())
    }

    /// Whether the host is one of NBC's: under `nbc.gov.kh` or `nbc.org.kh`.
    #[must_use]
    pub fn is_of_nbc(&self) -> bool {
        let host = self.host().trim_end_matches('.').to_ascii_lowercase();
        ["nbc.gov.kh", "nbc.org.kh"].into_iter().any(|domain| {
            let rest = host.strip_suffix(domain);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }

    /// Returns the URI of an endpoint's path.
    pub(crate) fn join(&self, path: PathAndQuery) -> Result<Uri, http::Error> {
        let path = if self.path.is_empty() {
            path
        } else {
            PathAndQuery::from_maybe_shared(format!("{}{path}", self.path))?
        };
        let mut parts = Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        Ok(Uri::from_parts(parts)?)
    }
}

/// Whether a URI's host names the local machine: `localhost`, `127.0.0.0/8` or `[::1]`. See
/// [`BaseUrl::is_loopback`] for the limits of this check.
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl From<Environment> for BaseUrl {
    fn from(environment: Environment) -> Self {
        Self {
            scheme: Scheme::HTTPS,
            authority: Authority::from_static(environment.host()),
            path: String::new(),
        }
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        Self::new(text)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

/// The reason why a string is not a [`BaseUrl`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidBaseUrl(&'static str);

impl fmt::Display for InvalidBaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the base URL {}", self.0)
    }
}

impl std::error::Error for InvalidBaseUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_appended_to_the_base() {
        for (base, uri) in [
            ("https://host", "https://host/v1/verify"),
            ("https://host/", "https://host/v1/verify"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/verify"),
            (
                "https://proxy.example/bakong/",
                "https://proxy.example/bakong/v1/verify",
            ),
            (" https://host\n", "https://host/v1/verify"),
            ("http://[::1]:80/a/b", "http://[::1]:80/a/b/v1/verify"),
        ] {
            let base = BaseUrl::new(base).unwrap();
            assert_eq!(
                base.join(PathAndQuery::from_static("/v1/verify"))
                    .unwrap()
                    .to_string(),
                uri
            );
        }
        for environment in Environment::ALL {
            let base = BaseUrl::from(environment);
            assert_eq!(base, BaseUrl::new(&base.to_string()).unwrap());
            assert_eq!(environment.name().parse(), Ok(environment));
            assert_eq!(Environment::of_host(base.host()), Some(environment));
        }
    }

    #[test]
    fn an_invalid_base_is_rejected_without_repeating_it() {
        for text in [
            "",
            "host",
            "host:80",
            "/v1",
            "ftp://host",
            "https://",
            "https://host?token=secret",
            "https://user:secret@host",
            "https://host#secret",
            "https://ho st",
            "https://host:",
            "https://:80",
            "https://host:abc",
            "https://host:99999",
            "https://host/v1/",
            "https://host/\u{202e}secret",
            "https://host/\u{7f}secret",
        ] {
            let error = BaseUrl::new(text).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{text}");
        }
    }

    #[test]
    fn only_loopback_hosts_are_loopback() {
        let is_loopback = |text| BaseUrl::new(text).unwrap().is_loopback();
        assert!(is_loopback("http://localhost:1"));
        assert!(is_loopback("http://127.8.9.1"));
        assert!(is_loopback("http://[::1]:1"));
        for text in [
            "http://localhost.example",
            "http://10.0.0.1",
            "http://127.0.0.1.nip.io",
        ] {
            assert!(!is_loopback(text), "{text}");
        }
    }

    #[test]
    fn names_and_errors_are_printed() {
        for (name, is_production) in [
            ("sit", false),
            ("production", true),
            ("sit-gov", false),
            ("production-gov", true),
        ] {
            let environment: Environment = name.parse().unwrap();
            assert_eq!(environment.is_production(), is_production, "{name}");
            assert_eq!(environment.to_string(), name);
        }
        let error = "prod".parse::<Environment>().unwrap_err();
        assert!(error.to_string().contains("sit-gov"), "{error}");
        let error = BaseUrl::new("ftp://host").unwrap_err();
        assert!(error.to_string().starts_with("the base URL "), "{error}");
    }

    #[test]
    fn only_https_is_encrypted() {
        assert!(BaseUrl::new("https://host").unwrap().is_https());
        assert!(!BaseUrl::new("http://host").unwrap().is_https());
    }
}
