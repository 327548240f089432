//! Who may reach the sandbox by way of a browser: its own page, and no other site's.
//!
//! A site that somebody happens to look at can send requests to this machine or its network, in two ways. By a name
//! of its own that is made to mean this address (DNS rebinding): then `Host` is that name, and the browser takes the
//! sandbox for the site's own server. Or across sites: then the browser says so in `Origin` or `Sec-Fetch-Site`.
//! Programs send neither of these two.
//!
//! The control is for whoever passes both tests. The Open API is for programs, which may call the sandbox by any
//! name, that of the live service too; so it asks only those who show that they are a browser. A browser
//! does with every `POST`, and the Open API knows nothing else.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName, Method, Request, StatusCode};

use super::{Refusal, route};
use crate::input::InputError;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Ends of names that nobody can register (RFC 6761, 6762, 8375, and ICANN's of 2024), so that no stranger's
/// site has one.
const RESERVED: [&str; 4] = [".local", ".internal", ".test", ".home.arpa"];

/// The rule for a server that listens at some address.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// Whether only this machine can reach the server, so that any other name is somebody's trick.
    is_local: bool,
    /// More names, without a port.
    names: Arc<[String]>,
}

impl Guard {
    pub(crate) fn new(address: SocketAddr, names: Arc<[String]>) -> Self {
        let is_local = address.ip().is_loopback();
        Self { is_local, names }
    }

    /// Refuses a request to the control that comes from another site. A link on another site may lead to the page:
    /// what it brings is looked at by a person, and nothing is done without them.
    pub(super) fn check<T>(&self, request: &Request<T>) -> Result<(), Refusal> {
        let headers = request.headers();
        self.check_host(headers)?;
        let path = request.uri().path();
        let is_for_people = path == "/" || route::link_id(path).is_some();
        let is_followed = is_for_people
            && request.method() == Method::GET
            && one(headers, &SEC_FETCH_MODE) == Some("navigate")
            && one(headers, &SEC_FETCH_DEST) == Some("document");
        if is_followed {
            return Ok(());
        }
        self.check_site(headers)
    }

    /// Refuses a request to the Open API that comes from a page of another site.
    pub(super) fn check_program(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE) {
            self.check_host(headers)?;
            self.check_site(headers)?;
        }
        Ok(())
    }

    fn check_host(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let name = one(headers, &HOST).map(without_port);
        let passes = match name {
            Some(name) if self.allows(name) => true,
            Some(name) if self.is_local => is_this_machine(name),
            Some(name) => is_nobody_s(name),
            // Browsers always send it.
            None => !self.is_local && !headers.contains_key(HOST),
        };
        if passes {
            return Ok(());
        }
        let (what, help) = if self.is_local {
            (
                "it does not name this machine",
                "use http://127.0.0.1 or http://localhost",
            )
        } else {
            (
                "it is a name that any site could have",
                "use the address in numbers, a name without dots, or allow this one by --allow-host or SandboxBuilder::allow_host",
            )
        };
        Err(forbidden("host", what, help))
    }

    fn check_site(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let help = "open the sandbox's own page, or use a program that is no browser";
        let host = one(headers, &HOST);
        if headers.contains_key(ORIGIN) {
            let origin = one(headers, &ORIGIN);
            // In front of a name that was allowed, there may be a server that speaks TLS.
            let is_allowed = host.map(without_port).is_some_and(|host| self.allows(host));
            let name = origin.and_then(|origin| {
                let over_tls = origin.strip_prefix("https://").filter(|_| is_allowed);
                origin.strip_prefix("http://").or(over_tls)
            });
            if name.is_none() || name != host {
                return Err(forbidden("origin", "it is another site", help));
            }
        }
        let is_own = |site: &str| ["same-origin", "none"].contains(&site);
        let site = one(headers, &SEC_FETCH_SITE);
        if headers.contains_key(SEC_FETCH_SITE) && !site.is_some_and(is_own) {
            return Err(forbidden(
                SEC_FETCH_SITE.as_str(),
                "it is another site",
                help,
            ));
        }
        Ok(())
    }

    fn allows(&self, name: &str) -> bool {
        self.names.iter().any(|it| it.eq_ignore_ascii_case(name))
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

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn address(name: &str) -> Option<IpAddr> {
    let inner = name.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    inner.unwrap_or(name).parse().ok()
}

/// Whether a name is this machine, and one that nobody else can give.
fn is_this_machine(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || address(&name).is_some_and(|address| address.is_loopback())
}

/// Whether a name is one that no stranger's site can have: an address, or a name that is not in the public DNS.
fn is_nobody_s(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    is_this_machine(&name)
        || address(&name).is_some()
        || !name.is_empty() && name.bytes().all(is_part)
        || RESERVED.iter().any(|end| name.ends_with(end))
}

fn forbidden(header: &str, what: &str, help: &str) -> Refusal {
    let error = InputError::new(format!("header.{header}"), what, help);
    Refusal::new(StatusCode::FORBIDDEN, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(address: &str) -> Guard {
        let names = ["bakong.dev.example.com".to_owned()];
        Guard::new(address.parse().unwrap(), Arc::new(names))
    }

    fn request(path: &str, headers: &[(&'static str, &str)]) -> Request<()> {
        let mut request = Request::get(path).body(()).unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        request
    }

    fn passes(address: &str, headers: &[(&'static str, &str)]) -> bool {
        guard(address)
            .check(&request("/sandbox/clock", headers))
            .is_ok()
    }

    const LOCAL: &str = "127.0.0.1:8080";
    const ELSEWHERE: [&str; 2] = ["0.0.0.0:80", "192.168.1.2:80"];

    #[test]
    fn on_loopback_only_this_machine_s_names_pass() {
        for host in [
            "127.0.0.1:8080",
            "127.0.0.1",
            "localhost:9",
            "LocalHost",
            "shop.localhost:8080",
            "[::1]:8080",
            "127.0.0.2",
            "bakong.dev.example.com:8080",
        ] {
            assert!(passes(LOCAL, &[("host", host)]), "{host}");
        }
        for host in [
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "sandbox",
            "[::2]",
            "",
            ":8080",
        ] {
            assert!(!passes(LOCAL, &[("host", host)]), "{host}");
        }
        assert!(!passes(LOCAL, &[]));
        assert!(!passes(
            LOCAL,
            &[("host", "localhost"), ("host", "localhost")]
        ));
    }

    #[test]
    fn elsewhere_no_name_passes_that_a_site_could_have() {
        for address in ELSEWHERE {
            for host in [
                "sandbox:80",
                "SANDBOX_1",
                "192.168.1.2",
                "[fe80::1]:80",
                "localhost",
                "macbook.local",
                "bakong.test:80",
                "bakong.default.svc.cluster.local",
                "Bakong.Dev.Example.COM",
            ] {
                assert!(passes(address, &[("host", host)]), "{host}");
            }
            for host in [
                "evil.example:80",
                "dev.example.com",
                "1.2.3.4.evil.example",
                "",
                ":80",
                "a@b",
                "local.",
            ] {
                assert!(!passes(address, &[("host", host)]), "{host}");
            }
            assert!(passes(address, &[]), "a program of HTTP/1.0");
            assert!(!passes(address, &[("host", "a"), ("host", "a")]));
        }
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
    fn a_link_may_be_followed_to_the_page_and_nowhere_else() {
        let headers = [
            ("host", "localhost:8080"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        let followed = |path: &str, headers: &[(&'static str, &str)]| {
            guard(LOCAL).check(&request(path, headers)).is_ok()
        };
        for path in ["/", "/?code=0002", "/l/ABC"] {
            assert!(followed(path, &headers), "{path}");
            assert!(!followed(path, &headers[..3]), "{path}: it may be a frame");
            let rebound = [("host", "evil.example"), headers[2], headers[3]];
            assert!(!followed(path, &rebound), "{path}");
        }
        assert!(!followed("/sandbox/mailbox", &headers));
        let mut posted = request("/", &headers);
        *posted.method_mut() = Method::POST;
        assert!(guard(LOCAL).check(&posted).is_err());
    }

    #[test]
    fn programs_reach_the_api_by_any_name_and_no_site_does() {
        for address in [LOCAL, "0.0.0.0:80"] {
            let reaches = |headers: &[(&'static str, &str)]| {
                guard(address)
                    .check_program(request("/v1/verify", headers).headers())
                    .is_ok()
            };
            assert!(reaches(&[]));
            assert!(reaches(&[("host", "api-bakong.nbc.gov.kh")]));
            // As Node does by itself.
            assert!(reaches(&[
                ("host", "x.example"),
                ("sec-fetch-mode", "cors")
            ]));
            assert!(reaches(&[
                ("host", "localhost"),
                ("origin", "http://localhost")
            ]));
            let evil = "evil.example:80";
            assert!(!reaches(&[
                ("host", "localhost"),
                ("origin", "http://evil.example")
            ]));
            assert!(
                !reaches(&[("host", evil), ("origin", "http://evil.example:80")]),
                "rebound"
            );
            assert!(
                !reaches(&[("host", evil), ("sec-fetch-site", "same-origin")]),
                "rebound"
            );
            assert!(!reaches(&[
                ("host", "localhost"),
                ("sec-fetch-site", "cross-site")
            ]));
        }
    }
}
