//! Selects the proxy of a request.

use std::ffi::OsString;
use std::fmt;

use bakong_api::base_url::is_loopback_host;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// The proxy setting of the builder. `Debug` hides the credentials.
#[derive(Clone, Default)]
pub(crate) enum ProxySetting {
    #[default]
    Environment,
    None,
    Given(Proxy),
}

impl fmt::Debug for ProxySetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("Environment"),
            Self::None => f.write_str("None"),
            Self::Given(proxy) => write!(f, "Given({})", proxy.name()),
        }
    }
}

/// The address of a proxy, with its credentials.
#[derive(Clone)]
pub(crate) struct Proxy(Intercept);

impl Proxy {
    /// Parses `http://user:password@host:port`, where only the host is required.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = &with_encoded_hashes(text.trim());
        // `Uri` drops what follows a hash.
        if text.contains('#') {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        let is_http = |scheme: &Scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS;
        let is_valid = |authority: &Authority| {
            let text = authority.as_str();
            // With two `@`, a part of the password would be read as the host.
            let host_and_port = match text.split_once('@') {
                Some((_, host)) if !host.contains('@') => host,
                Some(_) => return false,
                None => text,
            };
            let port = host_and_port.strip_prefix(authority.host());
            !authority.host().is_empty()
                && port.is_some_and(|port| port.is_empty() || authority.port_u16().is_some())
        };
        if !uri.scheme().is_none_or(is_http)
            || !uri.authority().is_some_and(is_valid)
            || !matches!(uri.path(), "" | "/")
            || uri.query().is_some()
        {
            return None;
        }
        let matcher = Matcher::builder().all(text.as_str()).build();
        matcher
            .intercept(&Uri::from_static("http://any/"))
            .map(Self)
    }

    /// The address, without the credentials.
    pub(crate) fn uri(&self) -> &Uri {
        self.0.uri()
    }

    /// The value of the `Proxy-Authorization` header.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.0.basic_auth()
    }

    pub(crate) fn is_https(&self) -> bool {
        self.uri().scheme() == Some(&Scheme::HTTPS)
    }

    /// Host and port, for error messages.
    pub(crate) fn name(&self) -> &str {
        self.uri().authority().map_or("", Authority::as_str)
    }
}

/// Percent-encodes each `#` of the credentials. Otherwise, it would end the password, and a part of the credentials
/// would be taken for the host.
fn with_encoded_hashes(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((credentials, host)) => format!("{}@{host}", credentials.replace('#', "%23")),
        None => text.to_owned(),
    }
}

/// How to connect to a host.
#[derive(Clone, Default)]
pub(crate) enum Route {
    #[default]
    Direct,
    Proxy(Proxy),
    /// This environment variable sets a proxy but cannot be parsed. The request fails, since a direct
    /// connection may be what the user wants to avoid.
    Invalid(&'static str),
}

/// How the environment variables route the requests to a host, for programs that report their configuration. See
/// [Proxies](crate#proxies).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EnvironmentRoute {
    /// Directly: no variable sets a proxy, or `NO_PROXY` or the loopback address exempts the host.
    Direct,
    /// Through this proxy. The address has no credentials.
    Proxy(Uri),
    /// This variable cannot be parsed. Requests to the host fail.
    Invalid(&'static str),
}

impl EnvironmentRoute {
    /// Returns the route of a transport whose builder sets no proxy. `to` is an absolute URI of the host.
    #[must_use]
    pub fn to(to: &Uri) -> Self {
        match Proxies::new(&ProxySetting::Environment).route(to) {
            Route::Direct => Self::Direct,
            Route::Proxy(proxy) => Self::Proxy(proxy.uri().clone()),
            Route::Invalid(variable) => Self::Invalid(variable),
        }
    }
}

/// Selects the route to each host.
pub(crate) struct Proxies {
    https: Route,
    http: Route,
    /// Matches all hosts except those in `NO_PROXY`. The proxy that the matcher returns is not used.
    exemptions: Matcher,
}

impl Proxies {
    pub(crate) fn new(setting: &ProxySetting) -> Self {
        match setting {
            ProxySetting::Environment => Self::of_environment(std::env::var_os),
            ProxySetting::None => Self::of_environment(|_| None),
            ProxySetting::Given(proxy) => Self {
                https: Route::Proxy(proxy.clone()),
                http: Route::Proxy(proxy.clone()),
                exemptions: exemptions(""),
            },
        }
    }

    fn of_environment(variable: impl Fn(&'static str) -> Option<OsString>) -> Self {
        let route = |names: &[&'static str]| {
            names
                .iter()
                .find_map(|&name| {
                    let text = variable(name).filter(|text| !text.is_empty())?;
                    let proxy = text.to_str().and_then(Proxy::parse);
                    Some(proxy.map_or(Route::Invalid(name), Route::Proxy))
                })
                .unwrap_or_default()
        };
        let exempt = ["NO_PROXY", "no_proxy"].into_iter().find_map(&variable);
        Self {
            https: route(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
            http: route(&["ALL_PROXY", "all_proxy"]),
            exemptions: exemptions(&exempt.unwrap_or_default().to_string_lossy()),
        }
    }

    /// The route to the host of this URI.
    pub(crate) fn route(&self, to: &Uri) -> &Route {
        // A proxy would take `localhost` for its own machine.
        if to.host().is_none_or(is_loopback_host) || self.exemptions.intercept(to).is_none() {
            return &Route::Direct;
        }
        if to.scheme() == Some(&Scheme::HTTPS) {
            &self.https
        } else {
            &self.http
        }
    }
}

fn exemptions(list: &str) -> Matcher {
    Matcher::builder().all("http://any").no(list).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The route to this URI with these environment variables.
    fn route(variables: &[(&str, &str)], to: &'static str) -> String {
        let proxies = Proxies::of_environment(|name| {
            let found = variables.iter().find(|(set, _)| *set == name)?;
            Some(OsString::from(found.1))
        });
        match proxies.route(&Uri::from_static(to)) {
            Route::Direct => "direct".to_owned(),
            Route::Proxy(proxy) => proxy.uri().to_string(),
            Route::Invalid(variable) => format!("invalid {variable}"),
        }
    }

    const BAKONG: &str = "https://api-bakong.nbc.org.kh/v1";

    #[test]
    fn environment_variables_set_the_proxy() {
        let (upper, lower) = ("HTTPS_PROXY", "https_proxy");
        let (all, all_lower) = ("ALL_PROXY", "all_proxy");
        let a = "http://a:1/";
        for (variables, expected) in [
            (&[][..], "direct"),
            (&[(upper, "http://a:1")], a),
            (&[(lower, "http://a:1")], a),
            (&[(all, "http://a:1")], a),
            (&[(all_lower, "http://a:1")], a),
            (&[(upper, "http://a:1"), (all, "http://b:1")], a),
            (&[(upper, ""), (lower, "http://a:1")], a),
            (&[(upper, "a:1")], a),
            (&[(upper, "https://user:pw@a")], "https://a/"),
            (&[("HTTP_PROXY", "http://a:1")], "direct"),
            (&[(upper, "socks5://a:1")], "invalid HTTPS_PROXY"),
            (&[(upper, "http://a:1"), (all, "socks5://a:1")], a),
            (&[(all_lower, "no proxy at all")], "invalid all_proxy"),
        ] {
            assert_eq!(route(variables, BAKONG), expected, "{variables:?}");
        }
        // Plain http uses only ALL_PROXY.
        let both = [(upper, "http://a:1"), (all, "http://b:2")];
        assert_eq!(route(&both, "http://192.0.2.1"), "http://b:2/");
        assert_eq!(route(&both[..1], "http://192.0.2.1"), "direct");
    }

    #[test]
    fn exempt_hosts_and_this_machine_are_reached_directly() {
        for (exempt, to, direct) in [
            ("", BAKONG, false),
            ("*", BAKONG, true),
            ("nbc.org.kh", BAKONG, true),
            (".nbc.org.kh, other.example", BAKONG, true),
            ("bc.org.kh", BAKONG, false),
            ("192.0.2.0/24", "https://192.0.2.7", true),
            ("192.0.2.0/24", "https://192.0.3.7", false),
            ("2001:db8::/32", "https://[2001:db8::1]:1", true),
            ("", "https://localhost:1", true),
            ("", "https://127.0.0.9", true),
            ("", "https://[::1]", true),
        ] {
            for name in ["NO_PROXY", "no_proxy"] {
                for proxy in ["http://a:1", "socks5://a:1"] {
                    let variables = [("HTTPS_PROXY", proxy), (name, exempt)];
                    let found = route(&variables, to) == "direct";
                    assert_eq!(found, direct, "{exempt} {to}");
                }
            }
        }
    }

    #[test]
    fn credentials_become_a_header_and_are_hidden() {
        let proxy = Proxy::parse("http://so%40kha:p%3Aw@proxy.example:3128").unwrap();
        let header = proxy.authorization().unwrap();
        assert_eq!(header, "Basic c29Aa2hhOnA6dw==");
        assert!(header.is_sensitive());
        assert_eq!(proxy.name(), "proxy.example:3128");
        assert!(
            Proxy::parse("proxy.example")
                .unwrap()
                .authorization()
                .is_none()
        );
        let setting = format!("{:?}", ProxySetting::Given(proxy));
        assert_eq!(setting, "Given(proxy.example:3128)");
    }

    #[test]
    fn a_hash_in_the_password_does_not_cut_the_address() {
        for password in ["12#34", "p#", "#", "%2312"] {
            let proxy = Proxy::parse(&format!("http://sokha:{password}@proxy.example:3128"));
            let proxy = proxy.unwrap();
            assert_eq!(proxy.name(), "proxy.example:3128");
            let encoded = password.replace('#', "%23");
            let same = Proxy::parse(&format!("http://sokha:{encoded}@proxy.example:3128"));
            assert_eq!(proxy.authorization(), same.unwrap().authorization());
        }
        let proxy = Proxy::parse("http://sokha:12#34@proxy.example:3128").unwrap();
        let header = proxy.authorization().unwrap();
        assert_eq!(header, "Basic c29raGE6MTIjMzQ=");
        for text in ["http://proxy.example:3128#x", "http://a:b@proxy.example#x"] {
            assert!(Proxy::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_invalid_address_is_rejected() {
        for text in [
            "",
            " ",
            "/",
            "http://",
            "http://:80",
            "socks5://proxy.example",
            "ftp://proxy.example",
            "http://proxy.example/path",
            "http://proxy.example/?query",
            "http://proxy.example:port",
            "http://user:p@ss@proxy.example",
            "http://user:p?ss@proxy.example",
            "http://user:p/ss@proxy.example",
            "http://proxy.example:3128#",
            "http://two words",
        ] {
            assert!(Proxy::parse(text).is_none(), "{text}");
        }
    }
}
