//! Protects the sandbox against websites that the user's browser visits.
//!
//! A website can make a browser send requests to this machine or its network in two ways. With DNS
//! rebinding, a name of the website resolves to the sandbox's address: the browser sends that name in `Host`
//! and treats the sandbox as the website's own server. With a cross-site request, the browser sends `Origin`
//! or `Sec-Fetch-Site`. Programs send neither of these two headers.
//!
//! The control API checks for both attacks. The Open API is for programs, which may use any host name,
//! including the live service's. So it checks only requests with a browser's headers, which a browser adds
//! to every `POST`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::header::{HOST, ORIGIN};
use http::{HeaderMap, HeaderName, Method, Request, StatusCode};

use super::page;
use super::refusal::Refusal;
use crate::input::InputError;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Suffixes of names that cannot be registered in the public DNS (RFC 6761, 6762, 8375; `.internal` is
/// reserved by ICANN since 2024).
const RESERVED: [&str; 4] = [".local", ".internal", ".test", ".home.arpa"];

/// The checks for a server at a given address.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// Whether only this machine can reach the server, so that no names but those of this machine are needed.
    is_local: bool,
    /// Additional allowed names, without a port.
    names: Arc<[String]>,
}

impl Guard {
    pub(crate) fn new(address: SocketAddr, names: Arc<[String]>) -> Self {
        let is_local = address.ip().is_loopback();
        Self { is_local, names }
    }

    /// Refuses a request to the control API from another website. Links to the page are allowed, because the
    /// page does not act on their content until the user does.
    pub(super) fn check<T>(&self, request: &Request<T>) -> Result<(), Refusal> {
        let headers = request.headers();
        self.check_host(headers)?;
        let path = request.uri().path();
        let is_page = path == "/" || page::link_id(path).is_some();
        let is_followed_link = is_page
            && request.method() == Method::GET
            && one(headers, &SEC_FETCH_MODE) == Some("navigate")
            && one(headers, &SEC_FETCH_DEST) == Some("document");
        if is_followed_link {
            return Ok(());
        }
        self.check_site(headers)
    }

    /// Refuses a request to the Open API from a page of another website.
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
            Some(name) => is_private_name(name),
            // Only a program omits `Host`, because browsers always send it.
            None => !self.is_local && !headers.contains_key(HOST),
        };
        if passes {
            return Ok(());
        }
        let (what, help) = if self.is_local {
            (
                "the name does not belong to this machine",
                "use http://127.0.0.1 or http://localhost",
            )
        } else {
            (
                "the name could belong to a website",
                "use the IP address or a name without dots, or allow this name with --allow-host or SandboxBuilder::allow_host",
            )
        };
        Err(forbidden("host", what, help))
    }

    fn check_site(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let help = "open the sandbox's own page, or use a program instead of a browser";
        let host = one(headers, &HOST);
        if headers.contains_key(ORIGIN) {
            let origin = one(headers, &ORIGIN);
            // A proxy in front of an allowed name may terminate TLS.
            let is_allowed = host.map(without_port).is_some_and(|host| self.allows(host));
            let name = origin.and_then(|origin| {
                let over_tls = origin.strip_prefix("https://").filter(|_| is_allowed);
                origin.strip_prefix("http://").or(over_tls)
            });
            if name.is_none() || name != host {
                return Err(forbidden(
                    "origin",
                    "the request comes from another website",
                    help,
                ));
            }
        }
        let is_own = |site: &str| ["same-origin", "none"].contains(&site);
        let site = one(headers, &SEC_FETCH_SITE);
        if headers.contains_key(SEC_FETCH_SITE) && !site.is_some_and(is_own) {
            return Err(forbidden(
                SEC_FETCH_SITE.as_str(),
                "the request comes from another website",
                help,
            ));
        }
        Ok(())
    }

    fn allows(&self, name: &str) -> bool {
        self.names.iter().any(|it| it.eq_ignore_ascii_case(name))
    }
}

/// The text of a header that is not repeated.
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

/// Whether a name always means this machine.
fn is_this_machine(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || address(&name).is_some_and(|address| address.is_loopback())
}

/// Whether a name cannot belong to a website: an address, or a name that is not in the public DNS.
fn is_private_name(name: &str) -> bool {
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
    const OTHER_ADDRESSES: [&str; 2] = ["0.0.0.0:80", "192.168.1.2:80"];

    #[test]
    fn on_loopback_only_names_of_this_machine_pass() {
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
    fn on_other_addresses_no_website_name_passes() {
        for address in OTHER_ADDRESSES {
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
            assert!(passes(address, &[]), "an HTTP/1.0 program");
            assert!(!passes(address, &[("host", "a"), ("host", "a")]));
        }
    }

    #[test]
    fn another_origin_never_passes() {
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
    fn a_link_may_open_the_page_only() {
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
            assert!(
                !followed(path, &headers[..3]),
                "{path}: it could be a frame"
            );
            let rebound = [("host", "evil.example"), headers[2], headers[3]];
            assert!(!followed(path, &rebound), "{path}");
        }
        assert!(!followed("/sandbox/mailbox", &headers));
        let mut posted = request("/", &headers);
        *posted.method_mut() = Method::POST;
        assert!(guard(LOCAL).check(&posted).is_err());
    }

    #[test]
    fn programs_may_use_any_host_name_but_websites_are_refused() {
        for address in [LOCAL, "0.0.0.0:80"] {
            let reaches = |headers: &[(&'static str, &str)]| {
                guard(address)
                    .check_program(request("/v1/verify", headers).headers())
                    .is_ok()
            };
            assert!(reaches(&[]));
            assert!(reaches(&[("host", "api-bakong.nbc.gov.kh")]));
            // Node.js sends this header.
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
