//! The checks of the network: the route, the name, the connection, one request, and the clock.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::server_time::{ServerTime, Skew, date_of};
use bakong_api::transport::TransportErrorKind;
use bakong_api::{ApiError, BaseUrl, Endpoint, Environment, ErrorClass, Session, Transport};
use bakong_flow::{Clock, SystemClock};
use bakong_http::{EnvironmentRoute, HyperTransport};
use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri, header};
use khqr_core::{Md5Handle, Printable, Timestamp};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::check::Check;
use crate::arguments::DoctorArguments;
use crate::common::advice::Advisor;
use crate::common::credentials::TokenSource;
use crate::common::options::TransportOptions;
use crate::common::time::left;
use crate::common::transport;

/// How long a lookup of a name, or a connection to one address, may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How many addresses are shown and tried.
const MAX_ADDRESSES: usize = 4;

/// The server and the route to it.
pub(super) struct Network<'a> {
    base_url: &'a BaseUrl,
    /// Where the requests of the endpoints go.
    uri: Uri,
    route: EnvironmentRoute,
    options: TransportOptions,
    source: &'a TokenSource,
}

impl<'a> Network<'a> {
    pub(super) fn of(
        arguments: &DoctorArguments,
        base_url: &'a BaseUrl,
        source: &'a TokenSource,
    ) -> Self {
        let path = CheckTransactionByMd5::INFO.path;
        let uri: Uri = format!("{base_url}{path}").parse().unwrap_or_default();
        Self {
            base_url,
            route: EnvironmentRoute::to(&uri),
            uri,
            options: TransportOptions::of(&arguments.target),
            source,
        }
    }

    /// Whether requests have a route.
    pub(super) const fn is_usable(&self) -> bool {
        !matches!(self.route, EnvironmentRoute::Invalid(_))
    }

    /// The server, and the proxy without its credentials.
    pub(super) fn server(&self) -> Check {
        const NAME: &str = "server";
        let url = self.base_url;
        match &self.route {
            EnvironmentRoute::Proxy(proxy) => {
                let proxy = proxy.to_string();
                let proxy = Printable(proxy.trim_end_matches('/'));
                Check::ok(NAME, format!("{url}, through the proxy {proxy}"))
            }
            EnvironmentRoute::Invalid(variable) => Check::problem(
                NAME,
                format!("{url}: the variable {variable} is not the address of an HTTP proxy"),
            )
            .advise(format!(
                "Set {variable} to an address such as http://user:password@host:3128, or unset it"
            )),
            _ if !self.base_url.is_https() && !self.base_url.is_loopback() => Check::warning(
                NAME,
                format!("{url}, without a proxy and without encryption"),
            )
            .advise("Use an https address, unless the network is trusted".to_owned()),
            _ => Check::ok(NAME, format!("{url}, without a proxy")),
        }
    }

    /// Checks the name, the connection, one request and the clock. Also returns the present time by Bakong's clock, if it is
    /// known. A check that needs a failed one is left out.
    pub(super) async fn examine(&self) -> (Vec<Check>, Timestamp) {
        let (dns, addresses) = self.look_up().await;
        let mut checks = vec![dns];
        if !addresses.is_empty() {
            let (tcp, is_connected) = self.connect(&addresses).await;
            checks.push(tcp);
            if is_connected {
                let (asked, now) = self.ask().await;
                checks.extend(asked);
                return (checks, now);
            }
        }
        (checks, SystemClock.now())
    }

    /// The host and the port of the first connection: the proxy, or the server.
    fn first_host(&self) -> (String, u16) {
        let uri = match &self.route {
            EnvironmentRoute::Proxy(proxy) => proxy,
            _ => &self.uri,
        };
        let is_https = uri.scheme() == Some(&Scheme::HTTPS);
        let default = if is_https { 443 } else { 80 };
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (host.to_owned(), uri.port_u16().unwrap_or(default))
    }

    const fn is_proxied(&self) -> bool {
        matches!(self.route, EnvironmentRoute::Proxy(_))
    }

    async fn look_up(&self) -> (Check, Vec<SocketAddr>) {
        const NAME: &str = "DNS";
        let (host, port) = self.first_host();
        let shown = Printable(&host).to_string();
        let found = timeout(TIMEOUT, lookup_host((host.as_str(), port))).await;
        let reason = match found {
            Ok(Ok(addresses)) => {
                let mut addresses: Vec<_> = addresses.collect();
                addresses.dedup();
                if !addresses.is_empty() {
                    addresses.truncate(MAX_ADDRESSES);
                    let texts: Vec<_> = addresses.iter().map(|it| it.ip().to_string()).collect();
                    let of_proxy = if self.is_proxied() {
                        " (the proxy; it looks up the server)"
                    } else {
                        ""
                    };
                    let message = format!("{shown} is {}{of_proxy}", texts.join(", "));
                    return (Check::ok(NAME, message), addresses);
                }
                "the name has no address".to_owned()
            }
            Ok(Err(error)) => Printable(&error.to_string()).to_string(),
            Err(_) => format!("no answer within {}", left(TIMEOUT)),
        };
        let advice = match Environment::of_host(&host) {
            _ if self.is_proxied() => "Check the address in HTTPS_PROXY or ALL_PROXY".to_owned(),
            Some(environment) => format!(
                "Check the network and its DNS server, or try --env {}",
                environment.other_domain().name()
            ),
            None => "Check the host in --base-url, the network and its DNS server".to_owned(),
        };
        let problem = Check::problem(NAME, format!("{shown} cannot be resolved: {reason}"));
        (problem.advise(advice), Vec::new())
    }

    /// Connects to the first address that accepts.
    async fn connect(&self, addresses: &[SocketAddr]) -> (Check, bool) {
        const NAME: &str = "TCP";
        let mut failures = Vec::new();
        for address in addresses {
            match timeout(TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(_)) => {
                    return (
                        Check::ok(NAME, format!("{address} accepts connections")),
                        true,
                    );
                }
                Ok(Err(error)) => failures.push(format!("{address}: {error}")),
                Err(_) => failures.push(format!("{address}: no answer within {}", left(TIMEOUT))),
            }
        }
        let advice = if self.is_proxied() {
            "Check that the proxy is running and that its address is right"
        } else if self.base_url.is_loopback() {
            "Check the port, and that the server is running"
        } else {
            "Check the network and its firewall"
        };
        let problem = Check::problem(NAME, failures.join("; "));
        (problem.advise(advice.to_owned()), false)
    }

    /// Sends one request without a token.
    async fn ask(&self) -> (Vec<Check>, Timestamp) {
        let transport = match transport::open(&self.options, HyperTransport::for_watcher()) {
            Ok(transport) => transport,
            Err(failure) => {
                let check = Check::problem("TLS", failure.to_string());
                return (vec![check], SystemClock.now());
            }
        };
        let sent_at = SystemClock.now();
        let answer = transport.send(self.request()).await;
        let received_at = SystemClock.now();
        let session = Session::new(transport, self.base_url.clone());
        let advisor = Advisor {
            base_url: self.base_url.clone(),
            token: self.source.clone(),
            transport: self.options.clone(),
            server_time: session.server_time().clone(),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let is_tls = error.kind() == TransportErrorKind::Tls;
                let error = ApiError::from(error);
                let reason = advisor.reason(&error);
                let name = if is_tls { "TLS" } else { "answer" };
                let check =
                    Check::problem(name, reason.message).advise(reason.advice.map(Cow::into_owned));
                return (vec![check], received_at);
            }
        };
        let mut checks = Vec::new();
        if self.base_url.is_https() {
            checks.push(Check::ok("TLS", "the certificate of the server is trusted"));
        }
        checks.push(reached(&answer, &advisor));
        let mut time = ServerTime::new();
        if let Some(date) = date_of(&answer) {
            time.observe(sent_at, received_at, date);
        }
        checks.push(clock(time.skew()));
        (checks, time.correct(SystemClock.now()))
    }

    fn request(&self) -> Request<Bytes> {
        let md5 = Md5Handle::of("bakong doctor");
        let body = format!("{{\"md5\":\"{md5}\"}}");
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.uri.clone();
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        request
    }
}

/// Whether Bakong answered.
fn reached(answer: &Response<Bytes>, advisor: &Advisor) -> Check {
    const NAME: &str = "answer";
    let md5 = Md5Handle::of("bakong doctor");
    let status = answer.status().as_u16();
    let Err(error) = CheckTransactionByMd5::new(md5).read(answer) else {
        let message = format!("HTTP {status}: the server answers requests without a token");
        return Check::warning(NAME, message).advise(format!(
            "Check that {} is the address of a Bakong API",
            advisor.base_url
        ));
    };
    let reason = advisor.reason(&error);
    match error.class() {
        ErrorClass::Unauthorized => Check::ok(
            NAME,
            format!(
                "HTTP {status}: Bakong is reached, and rejects a request without a token. The request costs nothing of the quota"
            ),
        ),
        ErrorClass::Blocked => Check::problem(
            NAME,
            format!(
                "HTTP {status}: the request is blocked. Bakong answers only clients in Cambodia"
            ),
        )
        .advise(reason.advice.map(Cow::into_owned)),
        ErrorClass::RateLimited { .. } => {
            Check::warning(NAME, reason.message).advise(reason.advice.map(Cow::into_owned))
        }
        _ => Check::problem(NAME, reason.message).advise(reason.advice.map(Cow::into_owned)),
    }
}

/// Whether this machine's clock agrees with the `Date` of the answer.
fn clock(skew: Skew) -> Check {
    const NAME: &str = "clock";
    let (duration, side) = match skew {
        Skew::Small => {
            return Check::ok(NAME, "this machine's clock agrees with the server's");
        }
        Skew::Behind(duration) => (duration, "behind"),
        Skew::Ahead(duration) => (duration, "ahead of"),
        _ => {
            return Check::warning(
                NAME,
                "the answer has no Date to compare this machine's clock with",
            );
        }
    };
    let message = format!(
        "this machine's clock is {} {side} the server's",
        left(duration)
    );
    let advice =
        "Set the clock, for example with an NTP service: the expiry of codes depends on it";
    Check::problem(NAME, message).advise(advice.to_owned())
}
