//! Who may reach the control by way of a browser: the sandbox's own page, and no other site's.
//!
//! A site that somebody happens to look at can send requests to this machine, in two ways. By a name of
//! its own that is made to mean 127.0.0.1 (DNS rebinding): then `Host` is that name. Or across sites:
//! then the browser says so in `Origin` or `Sec-Fetch-Site`. Programs send none of the two.

use std::net::{IpAddr, SocketAddr};

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName, StatusCode};

use super::Refusal;
use crate::input::InputError;

/// The rule for a server that listens at some address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Guard {
    /// Whether only this machine can reach the server, so that any other name is somebody's trick.
    is_local: bool,
}

impl Guard {
    pub(crate) fn of(address: SocketAddr) -> Self {
        Self {
            is_local: address.ip().is_loopback(),
        }
    }

    /// Refuses what comes from another site.
    pub(crate) fn check(self, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = one(headers, &HOST);
        if self.is_local && !host.is_some_and(is_this_machine) {
            let help = "use http://127.0.0.1 or http://localhost";
            return Err(forbidden("host", "it does not name this machine", help));
        }
        if headers.contains_key(ORIGIN) {
            let origin = one(headers, &ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
            if origin.is_none() || origin != host {
                let help = "open the sandbox's own page, or use a program that is no browser";
                return Err(forbidden("origin", "it is another site", help));
            }
        }
        let site = HeaderName::from_static("sec-fetch-site");
        let is_own = |site: &str| ["same-origin", "none"].contains(&site);
        if headers.contains_key(&site) && !one(headers, &site).is_some_and(is_own) {
            let help = "open the sandbox's own page, or use a program that is no browser";
            return Err(forbidden(site.as_str(), "it is another site", help));
        }
        Ok(())
    }
}

/// The text of a header that stands once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Whether a `Host`, with a port or without, is this machine by a name that nobody else can give.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost")
        || address
            .unwrap_or(name)
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

fn forbidden(header: &str, what: &str, help: &str) -> Refusal {
    let error = InputError::new(format!("header.{header}"), what, help);
    Refusal::new(StatusCode::FORBIDDEN, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(address: &str, headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Guard::of(address.parse().unwrap()).check(&map).is_ok()
    }

    #[test]
    fn on_loopback_only_this_machine_s_names_pass() {
        let local = "127.0.0.1:8080";
        for host in [
            "127.0.0.1:8080",
            "127.0.0.1",
            "localhost:9",
            "LocalHost",
            "[::1]:8080",
            "127.0.0.2",
        ] {
            assert!(passes(local, &[("host", host)]), "{host}");
        }
        for host in [
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]",
            "",
            ":8080",
        ] {
            assert!(!passes(local, &[("host", host)]), "{host}");
        }
        assert!(!passes(local, &[]));
        assert!(!passes(
            local,
            &[("host", "localhost"), ("host", "localhost")]
        ));
    }

    #[test]
    fn another_origin_does_not_pass_anywhere() {
        for (address, host) in [("127.0.0.1:80", "localhost:80"), ("10.0.0.1:80", "box:80")] {
            let with = |origin: &str| passes(address, &[("host", host), ("origin", origin)]);
            assert!(with(&format!("http://{host}")));
            for origin in [
                "null",
                "",
                "http://evil.example",
                "https://localhost:80",
                "localhost",
            ] {
                assert!(!with(origin), "{origin}");
            }
            let site = |site: &str| passes(address, &[("host", host), ("sec-fetch-site", site)]);
            assert!(site("same-origin") && site("none"));
            assert!(!site("cross-site") && !site("same-site") && !site(""));
        }
    }

    #[test]
    fn elsewhere_any_host_passes() {
        assert!(passes("0.0.0.0:80", &[("host", "sandbox:80")]));
        assert!(passes("192.168.1.2:80", &[]));
    }
}
