//! Which requests go through a proxy, and through which.

use std::ffi::OsString;
use std::fmt;

use bakong_api::base_url::is_loopback_host;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// What the builder was told of proxies. Prints none of it, since there may be a password.
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

/// A proxy, and the credentials that it wants.
#[derive(Clone)]
pub(crate) struct Proxy(Intercept);

impl Proxy {
    /// Reads `http://user:password@host:port`, of which all but the host may be left out.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.trim().parse().ok()?;
        let spoken = |scheme: &Scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS;
        let clean = |authority: &Authority| {
            let text = authority.as_str();
            // Of two `@`, one belongs to the password, and something of it would pass for the host.
            let place = match text.split_once('@') {
                Some((_, place)) if !place.contains('@') => place,
                Some(_) => return false,
                None => text,
            };
            let port = place.strip_prefix(authority.host());
            !authority.host().is_empty()
                && port.is_some_and(|port| port.is_empty() || authority.port_u16().is_some())
        };
        if !uri.scheme().is_none_or(spoken)
            || !uri.authority().is_some_and(clean)
            || !matches!(uri.path(), "" | "/")
            || uri.query().is_some()
        {
            return None;
        }
        let matcher = Matcher::builder().all(text.trim()).build();
        matcher
            .intercept(&Uri::from_static("http://any/"))
            .map(Self)
    }

    /// Where it is.
    pub(crate) fn uri(&self) -> &Uri {
        self.0.uri()
    }

    /// The credentials, as a header has them.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.0.basic_auth()
    }

    pub(crate) fn is_https(&self) -> bool {
        self.uri().scheme() == Some(&Scheme::HTTPS)
    }

    /// Host and port, to be told to people.
    pub(crate) fn name(&self) -> &str {
        self.uri().authority().map_or("", Authority::as_str)
    }
}

/// Which way to a host.
#[derive(Clone, Default)]
pub(crate) enum Way {
    #[default]
    Direct,
    Through(Proxy),
    /// This variable of the environment names a proxy that cannot be understood, and going past it may be
    /// just what must not happen.
    Unclear(&'static str),
}

/// The ways to all hosts.
pub(crate) struct Proxies {
    https: Way,
    http: Way,
    /// Knows only what is exempt: it leads everything else anywhere.
    exemptions: Matcher,
}

impl Proxies {
    pub(crate) fn new(setting: &ProxySetting) -> Self {
        match setting {
            ProxySetting::Environment => Self::of_environment(std::env::var_os),
            ProxySetting::None => Self::of_environment(|_| None),
            ProxySetting::Given(proxy) => Self {
                https: Way::Through(proxy.clone()),
                http: Way::Through(proxy.clone()),
                exemptions: exemptions(""),
            },
        }
    }

    fn of_environment(variable: impl Fn(&'static str) -> Option<OsString>) -> Self {
        let way = |names: &[&'static str]| {
            names
                .iter()
                .find_map(|&name| {
                    let text = variable(name).filter(|text| !text.is_empty())?;
                    let proxy = text.to_str().and_then(Proxy::parse);
                    Some(proxy.map_or(Way::Unclear(name), Way::Through))
                })
                .unwrap_or_default()
        };
        let exempt = ["NO_PROXY", "no_proxy"].into_iter().find_map(&variable);
        Self {
            https: way(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
            http: way(&["ALL_PROXY", "all_proxy"]),
            exemptions: exemptions(&exempt.unwrap_or_default().to_string_lossy()),
        }
    }

    /// The way to the host of this URI.
    pub(crate) fn way(&self, to: &Uri) -> &Way {
        // No proxy knows what this machine calls itself.
        if to.host().is_none_or(is_loopback_host) || self.exemptions.intercept(to).is_none() {
            return &Way::Direct;
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

    /// Where a request to this URI goes with these variables set.
    fn way(variables: &[(&str, &str)], to: &'static str) -> String {
        let proxies = Proxies::of_environment(|name| {
            let found = variables.iter().find(|(set, _)| *set == name)?;
            Some(OsString::from(found.1))
        });
        match proxies.way(&Uri::from_static(to)) {
            Way::Direct => "direct".to_owned(),
            Way::Through(proxy) => proxy.uri().to_string(),
            Way::Unclear(variable) => format!("unclear {variable}"),
        }
    }

    const BAKONG: &str = "https://api-bakong.nbc.org.kh/v1";

    #[test]
    fn the_environment_is_read_as_other_tools_do() {
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
            (&[(upper, "socks5://a:1")], "unclear HTTPS_PROXY"),
            (&[(upper, "http://a:1"), (all, "socks5://a:1")], a),
            (&[(all_lower, "no proxy at all")], "unclear all_proxy"),
        ] {
            assert_eq!(way(variables, BAKONG), expected, "{variables:?}");
        }
        // Plain http, which has to be allowed first, goes through a proxy for everything only.
        let both = [(upper, "http://a:1"), (all, "http://b:2")];
        assert_eq!(way(&both, "http://192.0.2.1"), "http://b:2/");
        assert_eq!(way(&both[..1], "http://192.0.2.1"), "direct");
    }

    #[test]
    fn exempt_hosts_and_this_machine_go_past_it() {
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
                    let found = way(&variables, to) == "direct";
                    assert_eq!(found, direct, "{exempt} {to}");
                }
            }
        }
    }

    #[test]
    fn credentials_become_a_header_and_are_shown_nowhere() {
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
    fn what_is_no_address_of_a_proxy_is_refused() {
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
            "http://two words",
        ] {
            assert!(Proxy::parse(text).is_none(), "{text}");
        }
    }
}
