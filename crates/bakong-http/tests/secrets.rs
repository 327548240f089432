//! Logs and errors show no secret: no token, no verification code, and no other data that was sent or received.
//!
//! These tests are a program of their own, in which each test collects events. `tracing` caches per event whether a
//! subscriber is interested in it. In a program with other tests, another test can register an event at the moment
//! when this test subscribes, and the cache then says "none".

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot continue fails"
)]

#[path = "it/server.rs"]
#[allow(dead_code, reason = "the other tests of sockets use the rest")]
mod server;
#[path = "it/transports.rs"]
mod transports;

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bakong_api::endpoint::{CheckTransactionByMd5, RenewToken, RequestToken, Verify};
use bakong_api::khqr_core::{AccountId, Amount, Currency, KhqrBuilder, Md5Handle};
use bakong_api::{AccessToken, BaseUrl, Session};
use bakong_sandbox::{Fault, Sandbox};
use http::StatusCode;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::server::Server;
use crate::transports::{TOKEN, no_retry, short_timeout};

const EMAIL: &str = "till@example.com";

/// Collects all events at all levels.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    fn add(&self, metadata: Option<&Metadata<'_>>, record: impl FnOnce(&mut dyn Visit)) {
        let mut line = Line(String::new());
        record(&mut line);
        let target = metadata.map_or("", |metadata| metadata.target());
        let mut log = self.0.lock().unwrap();
        writeln!(log, "{target}:{}", line.0).unwrap();
    }
}

fn check_of(code: &str) -> CheckTransactionByMd5 {
    CheckTransactionByMd5::new(Md5Handle::of(code))
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.add(Some(attributes.metadata()), |line| attributes.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.add(None, |line| values.record(line));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.add(Some(event.metadata()), |line| event.record(line));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn no_secret_is_printed_or_logged() {
    let log = Log::default();
    let _logging = tracing::subscriber::set_default(log.clone());
    let mut printed = String::new();

    let sandbox = Sandbox::builder().start().await.unwrap();
    let base_url = BaseUrl::new(&sandbox.base_url()).unwrap();
    let session = Session::new(no_retry().build().unwrap(), base_url);
    let registration = RequestToken::new(EMAIL, "Sokha Coffee", "Till").unwrap();
    session.send(&registration).await.unwrap();
    let mailed = sandbox.verification_code(EMAIL).unwrap();
    let verification = Verify::new(&mailed).unwrap();
    let token = session.send(&verification).await.unwrap();
    let secret = token.expose().to_owned();
    // A verification code is valid once.
    let refused = session.send(&verification).await.unwrap_err();
    write!(printed, "{refused} {refused:?} {verification:?}").unwrap();
    let renewed = session
        .send(&RenewToken::new(EMAIL).unwrap())
        .await
        .unwrap();
    let session = session.with_token(token);

    let now = sandbox.now();
    let code = KhqrBuilder::individual(AccountId::new("shop@devb").unwrap(), "Shop")
        .dynamic_code(
            Amount::from_minor_units(150, Currency::Usd),
            now,
            now.saturating_add(Duration::from_secs(600)),
        )
        .unwrap()
        .to_text();
    let check = check_of(&code);
    session.send(&check).await.unwrap();
    let page = format!("<h1>502</h1><pre>Bearer {secret}</pre>");
    for fault in [
        Fault::cut(),
        Fault::html(StatusCode::BAD_GATEWAY, page),
        Fault::status(StatusCode::TOO_MANY_REQUESTS),
    ] {
        sandbox.fault(fault);
        let error = session.send(&check).await.unwrap_err();
        write!(printed, "{error} {error:?} {error:#?}").unwrap();
    }
    write!(printed, "{session:?} {session:#?}").unwrap();
    let secrets = [
        secret.as_str(),
        renewed.expose(),
        &mailed,
        &code,
        &Md5Handle::of(&code).to_string(),
        EMAIL,
        "responseMessage",
        "Bearer",
    ];
    assert_no_secret(&printed, &secrets);
    let log = log.text();
    assert_no_secret(&log, &secrets);
    let events = log.lines().filter(|line| line.starts_with("bakong_http:"));
    assert_eq!(
        events.count(),
        sandbox.requests().len(),
        "one event per attempt:\n{log}"
    );
    for part in [
        "endpoint=\"verify\"",
        "request_id=",
        "attempt=1",
        "status=200",
        "response_code=1",
        "error_code=1",
        "elapsed_ms=",
        "status=502",
        "kind=Interrupted",
        "error=",
    ] {
        assert!(log.contains(part), "{part} is missing:\n{log}");
    }
}

#[tokio::test]
async fn errors_of_the_transport_show_nothing_of_the_request() {
    let log = Log::default();
    let _logging = tracing::subscriber::set_default(log.clone());
    let token = AccessToken::new(TOKEN).unwrap();
    let check = check_of("code");
    let hanging = Server::start(|mut stream| async move {
        server::until_closed(&mut stream).await;
    })
    .await;
    // Sends the request back instead of a response.
    let echoing = Server::start(|mut stream| async move {
        let request = server::receive(&mut stream).await.unwrap();
        let back = request.head + &request.body;
        server::send(&mut stream, back.as_bytes()).await;
    })
    .await;
    let mut printed = String::new();
    for url in [
        hanging.url(),
        hanging.url().replace("http", "https"),
        echoing.url(),
        echoing.url().replace("http", "https"),
        "http://127.0.0.1:1".to_owned(),
        "http://192.0.2.1".to_owned(),
        "https://bakong..invalid".to_owned(),
    ] {
        let base_url: BaseUrl = url.parse().unwrap();
        let session = Session::new(short_timeout(), base_url).with_token(token.clone());
        let error = session.send(&check).await.unwrap_err();
        writeln!(printed, "{error} {error:?} {session:?}").unwrap();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            writeln!(printed, "{cause} {cause:?}").unwrap();
            source = cause.source();
        }
    }
    writeln!(printed, "{:?}", short_timeout()).unwrap();
    let md5 = Md5Handle::of("code").to_string();
    let secrets = [TOKEN, &md5, "Bearer", "authorization"];
    assert_no_secret(&printed, &secrets);
    assert_no_secret(&log.text(), &secrets);
}

#[cfg(feature = "proxy")]
#[tokio::test]
async fn proxy_credentials_are_sent_only_to_the_proxy() {
    let log = Log::default();
    let _logging = tracing::subscriber::set_default(log.clone());
    // Sends the request back instead of a response.
    let echoing = Server::start(|mut stream| async move {
        let mut head = vec![0; 1_000];
        let length = tokio::io::AsyncReadExt::read(&mut stream, &mut head)
            .await
            .unwrap();
        server::send(&mut stream, &head[..length]).await;
    })
    .await;
    let refusing = Server::sending_once("").await;
    let mut printed = String::new();
    for place in [
        format!("127.0.0.1:{}", echoing.port()),
        format!("127.0.0.1:{}", refusing.port()),
        "127.0.0.1:1".to_owned(),
    ] {
        for scheme in ["http", "https"] {
            let address = format!("{scheme}://sokha:passw0rd@{place}");
            let soon = Duration::from_millis(200);
            let builder = no_retry().connect_timeout(soon);
            let builder = builder.proxy(&address).unwrap();
            write!(printed, "{builder:?} {builder:#?}").unwrap();
            let transport = builder.build().unwrap();
            let base_url: BaseUrl = "https://bakong.test".parse().unwrap();
            let session =
                Session::new(transport, base_url).with_token(AccessToken::new(TOKEN).unwrap());
            let error = session.send(&check_of("code")).await.unwrap_err();
            writeln!(printed, "{session:?} {error} {error:?} {error:#?}").unwrap();
        }
    }
    let secrets = [
        "sokha",
        "passw0rd",
        "c29raGE6cGFzc3cwcmQ=",
        "Proxy-Authorization",
        TOKEN,
    ];
    assert_no_secret(&printed, &secrets);
    assert_no_secret(&log.text(), &secrets);
}

fn assert_no_secret(text: &str, secrets: &[&str]) {
    let text = text.to_lowercase();
    for (number, secret) in secrets.iter().enumerate() {
        let found = text.find(&secret.to_lowercase());
        assert_eq!(found, None, "secret {number}:\n{text}");
    }
}
