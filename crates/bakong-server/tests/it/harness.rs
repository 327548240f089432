//! A server with a sandbox, in a folder of its own.

use std::path::Path;
use std::time::Duration;

use bakong_sandbox::{Sandbox, TransferOptions};
use bakong_server::{Config, Server};
use http::Method;
use khqr_core::{AccountId, Amount};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{self, Answer, Stream};

pub(crate) const KEY: &str = "sk_test_0123456789abcdefghij";

/// After so many seconds a code has expired. The server's estimate of Bakong's time, which no answer corrected before, can go
/// back by a second with the first answer.
pub(crate) const EXPIRY: u64 = 602;

/// A running server.
#[derive(Debug)]
pub(crate) struct Harness {
    pub(crate) server: Server,
    config: Config,
    /// Deleted at the end.
    _folder: TempDir,
}

impl Harness {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_, _| {}).await
    }

    /// Starts a server with a configuration that `set` changes. The path is the folder of the data.
    pub(crate) async fn start_with(set: impl FnOnce(&mut Config, &Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path());
        set(&mut config, folder.path());
        let server = Server::start(&config).await.unwrap();
        Self {
            server,
            config,
            _folder: folder,
        }
    }

    /// Stops the server and starts another one on the same data.
    pub(crate) async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// Stops the server and starts another one on the same data, with a configuration that `set` changes.
    pub(crate) async fn restart_with(mut self, set: impl FnOnce(&mut Config)) -> Self {
        set(&mut self.config);
        // The address is a part of the URLs in payments.
        self.config.bind = self.server.address();
        self.server.shutdown().await;
        let server = Server::start(&self.config).await.unwrap();
        Self { server, ..self }
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        self.server.sandbox().unwrap()
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let bearer = format!("Bearer {KEY}");
        let mut all = vec![("authorization", bearer.as_str())];
        if !body.is_empty() {
            all.push(("content-type", "application/json"));
        }
        all.extend(headers);
        client::send(self.server.address(), method, path, &all, body.to_owned()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, &[], &body.to_string()).await
    }

    /// Creates a payment of 1.50 USD.
    pub(crate) async fn create(&self, order: &str) -> Value {
        let body = json!({ "amount": "1.50", "currency": "USD", "order_id": order });
        self.post("/v1/payments", &body).await.expect(201)
    }

    pub(crate) async fn read(&self, payment: &Value) -> Value {
        self.get(&path(payment, "")).await.expect(200)
    }

    /// Follows a payment after the event with this id.
    pub(crate) async fn follow(&self, payment: &Value, after: i64) -> Stream {
        let bearer = format!("Bearer {KEY}");
        let after = after.to_string();
        let headers = [
            ("authorization", bearer.as_str()),
            ("last-event-id", after.as_str()),
        ];
        let path = path(payment, "/events");
        Stream::new(client::open(self.server.address(), Method::GET, &path, &headers, "").await)
    }

    /// A customer pays the code of a payment.
    pub(crate) fn pay(&self, payment: &Value) {
        self.pay_with(payment, &TransferOptions::new());
    }

    pub(crate) fn pay_with(&self, payment: &Value, options: &TransferOptions) {
        let customer = self
            .sandbox()
            .customer(AccountId::new("dara@devb").unwrap());
        let code = payment["qr"].as_str().unwrap();
        customer.pay_with(code, options).unwrap();
    }

    /// Asks the server to check a payment at once.
    pub(crate) async fn check(&self, payment: &Value) {
        let answer = self.post(&path(payment, "/check"), &json!({})).await;
        answer.expect(202);
    }

    /// Creates a payment of 1.50 USD for which a customer pays 1.00 USD, and waits until it needs a review.
    pub(crate) async fn create_under_review(&self, order: &str) -> Value {
        let created = self.create(order).await;
        let mut events = self.follow(&created, 0).await;
        let wrong = TransferOptions::new().amount(Amount::us_cents(100));
        self.pay_with(&created, &wrong);
        self.check(&created).await;
        let event = events.next().await;
        assert_eq!(event.kind, "payment.needs_review");
        assert_eq!(event.data["reasons"], json!(["amount_mismatch"]));
        created
    }

    /// A customer pays a payment, and the server finds the money.
    pub(crate) async fn pay_and_wait(&self, payment: &Value) -> Value {
        let mut events = self.follow(payment, 0).await;
        self.pay(payment);
        self.check(payment).await;
        loop {
            let event = events.next().await;
            if event.kind == "payment.paid" {
                return event.data;
            }
        }
    }

    /// Moves the sandbox's clock.
    pub(crate) fn advance(&self, seconds: u64) {
        self.sandbox().advance(Duration::from_secs(seconds));
    }
}

/// Returns the configuration of a server with a sandbox and a known key.
pub(crate) fn config(folder: &Path) -> Config {
    let mut config = Config::sandbox("127.0.0.1:0".parse().unwrap(), folder);
    config.test_key = Some(KEY.to_owned());
    // The same after a restart, which changes the port.
    config.public_url = Some("http://shop.test".to_owned());
    config
}

/// Returns the path of a payment.
pub(crate) fn path(payment: &Value, rest: &str) -> String {
    format!("/v1/payments/{}{rest}", payment["id"].as_str().unwrap())
}
