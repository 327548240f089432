//! What must not be read in logs and errors: the token, the code from the mail, what was asked and
//! answered.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use bakong_api::endpoint::{RenewToken, RequestToken, Verify};
use bakong_api::khqr_core::{Amount, Currency, Md5Handle};
use bakong_api::{AccessToken, Session};
use bakong_sandbox::{Fault, Sandbox};
use http::StatusCode;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::impatient;
use crate::payments::{check_of, code, session};
use crate::server::Server;

const EMAIL: &str = "till@example.com";

/// Everything that anybody says at any level.
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
async fn nothing_secret_is_printed_or_logged() {
    let log = Log::default();
    let _logging = tracing::subscriber::set_default(log.clone());
    let mut printed = String::new();

    let sandbox = Sandbox::start().await.unwrap();
    let session = session(&sandbox);
    let registration = RequestToken::new(EMAIL, "Sokha Coffee", "Till").unwrap();
    session.send(&registration).await.unwrap();
    let mailed = sandbox.verification_code(EMAIL).unwrap();
    let verification = Verify::new(&mailed).unwrap();
    let token = session.send(&verification).await.unwrap();
    let secret = token.expose().to_owned();
    // The code is used up, so this time it is refused.
    let refused = session.send(&verification).await.unwrap_err();
    write!(printed, "{refused} {refused:?} {verification:?}").unwrap();
    let renewed = session
        .send(&RenewToken::new(EMAIL).unwrap())
        .await
        .unwrap();
    let session = session.with_token(token);

    let code = code(&sandbox, Amount::from_minor_units(100, Currency::Usd));
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
    is_free_of(&printed, &secrets);
    let log = log.text();
    is_free_of(&log, &secrets);
    let events = log.lines().filter(|line| line.starts_with("bakong_http:"));
    assert_eq!(
        events.count(),
        sandbox.requests().len(),
        "one an exchange:\n{log}"
    );
    for said in [
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
        assert!(log.contains(said), "{said} is missing:\n{log}");
    }
}

#[tokio::test]
async fn no_failure_of_the_transport_shows_what_was_sent() {
    let log = Log::default();
    let _logging = tracing::subscriber::set_default(log.clone());
    let token = AccessToken::new(crate::TOKEN).unwrap();
    let check = check_of("code");
    let hanging = Server::start(|mut stream| async move {
        crate::server::until_closed(&mut stream).await;
    })
    .await;
    // It sends the request back in place of an answer.
    let echoing = Server::start(|mut stream| async move {
        let asked = crate::server::receive(&mut stream).await.unwrap();
        let back = asked.head + &asked.body;
        crate::server::send(&mut stream, back.as_bytes()).await;
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
        let base_url: bakong_api::BaseUrl = url.parse().unwrap();
        let session = Session::new(impatient(), base_url).with_token(token.clone());
        let error = session.send(&check).await.unwrap_err();
        writeln!(printed, "{error} {error:?} {session:?}").unwrap();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            writeln!(printed, "{cause} {cause:?}").unwrap();
            source = cause.source();
        }
    }
    writeln!(printed, "{:?}", impatient()).unwrap();
    let md5 = Md5Handle::of("code").to_string();
    let secrets = [crate::TOKEN, &md5, "Bearer", "authorization"];
    is_free_of(&printed, &secrets);
    is_free_of(&log.text(), &secrets);
}

#[cfg(feature = "proxy")]
#[tokio::test]
async fn a_proxy_s_credentials_are_shown_to_the_proxy_alone() {
    let log = Log::default();
    let _logging = tracing::subscriber::set_default(log.clone());
    // It says what it was asked, in place of what it should.
    let echoing = Server::start(|mut stream| async move {
        let mut head = vec![0; 1_000];
        let length = tokio::io::AsyncReadExt::read(&mut stream, &mut head)
            .await
            .unwrap();
        crate::server::send(&mut stream, &head[..length]).await;
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
            let soon = std::time::Duration::from_millis(200);
            let builder = crate::once().connect_timeout(soon);
            let builder = builder.proxy(&address).unwrap();
            write!(printed, "{builder:?} {builder:#?}").unwrap();
            let transport = builder.build().unwrap();
            let base_url: bakong_api::BaseUrl = "https://bakong.test".parse().unwrap();
            let session = Session::new(transport, base_url)
                .with_token(AccessToken::new(crate::TOKEN).unwrap());
            let error = session.send(&check_of("code")).await.unwrap_err();
            writeln!(printed, "{session:?} {error} {error:?} {error:#?}").unwrap();
        }
    }
    let secrets = [
        "sokha",
        "passw0rd",
        "c29raGE6cGFzc3cwcmQ=",
        "Proxy-Authorization",
        crate::TOKEN,
    ];
    is_free_of(&printed, &secrets);
    is_free_of(&log.text(), &secrets);
}

fn is_free_of(text: &str, secrets: &[&str]) {
    let text = text.to_lowercase();
    for (number, secret) in secrets.iter().enumerate() {
        let found = text.find(&secret.to_lowercase());
        assert_eq!(found, None, "secret {number}:\n{text}");
    }
}
