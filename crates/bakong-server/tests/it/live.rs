//! A server with the token of a registration, against a Bakong that runs outside of it.

use std::path::Path;

use bakong_sandbox::{Fault, Sandbox};
use bakong_server::{Config, Server};
use http::Method;
use khqr_core::AccountId;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{self, Answer, PATIENCE, Stream};
use crate::harness::path;

/// Bakong, and a folder with a configuration and a token for it.
struct Bakong {
    sandbox: Sandbox,
    folder: TempDir,
}

impl Bakong {
    async fn start() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let token = sandbox.issue_token("shop@example.com");
        std::fs::write(folder.path().join("token"), token).unwrap();
        Self { sandbox, folder }
    }

    /// Returns the configuration with these lines in the section of Bakong.
    fn config(&self, lines: &str) -> Config {
        let text = format!(
            "bind = \"127.0.0.1:0\"\nstore = \"payments.db\"\nsandbox = false\npolicy = \"counter\"\n\
             [bakong]\nbase_url = \"{}\"\ntoken_file = \"token\"\n{lines}\n\
             [merchant]\naccount = \"sokha@devb\"\nname = \"Sokha Coffee\"\n",
            self.sandbox.base_url()
        );
        let file = self.folder.path().join("bakong.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file), []).unwrap()
    }

    async fn start_server(&self) -> Shop {
        let server = Server::start(&self.config("")).await.unwrap();
        let [new] = server.new_keys() else {
            panic!("not one new key");
        };
        assert!(!new.test);
        let key = new.key.clone();
        Shop { server, key }
    }
}

/// A running server and its first key.
struct Shop {
    server: Server,
    key: String,
}

impl Shop {
    async fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.key);
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let body = body.to_string();
        client::send(self.server.address(), method, path, &headers, body).await
    }

    async fn create(&self, order: &str) -> Answer {
        let body = json!({ "amount": "1.50", "currency": "USD", "order_id": order });
        self.call(Method::POST, "/v1/payments", &body).await
    }

    async fn follow(&self, payment: &Value) -> Stream {
        let bearer = format!("Bearer {}", self.key);
        let headers = [("authorization", bearer.as_str())];
        let address = self.server.address();
        let path = path(payment, "/events");
        Stream::new(client::open(address, Method::GET, &path, &headers, "").await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_server_settles_payments_with_the_token_of_its_file() {
    let bakong = Bakong::start().await;
    let shop = bakong.start_server().await;
    let payment = shop.create("INV-1").await.expect(201);
    assert_eq!(payment["test"], false, "{payment}");
    let mut events = shop.follow(&payment).await;
    let customer = AccountId::new("dara@devb").unwrap();
    let customer = bakong.sandbox.customer(customer);
    customer.pay(payment["qr"].as_str().unwrap()).unwrap();
    let check = path(&payment, "/check");
    shop.call(Method::POST, &check, &json!({}))
        .await
        .expect(202);
    let paid = async {
        loop {
            let event = events.next().await;
            if event.kind == "payment.paid" {
                return event.data;
            }
        }
    };
    let paid = tokio::time::timeout(PATIENCE, paid).await.unwrap();
    assert_eq!(paid["data"]["id"], payment["id"], "{paid}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_bakong_rejects_opens_no_further_payment() {
    let bakong = Bakong::start().await;
    let shop = bakong.start_server().await;
    let payment = shop.create("INV-1").await.expect(201);
    bakong.sandbox.fault(Fault::unauthorized().always());
    let check = path(&payment, "/check");
    shop.call(Method::POST, &check, &json!({}))
        .await
        .expect(202);
    let refused = async {
        for order in 2.. {
            let answer = shop.create(&format!("INV-{order}")).await;
            if answer.status != 201 {
                return answer;
            }
        }
        unreachable!("the orders do not end")
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.unwrap();
    let problem = refused.expect_problem(503, "bakong_token_rejected");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("set a new token"), "{detail}");
    let ready = shop.call(Method::GET, "/readyz", &Value::Null).await;
    assert_eq!(ready.status, 503, "{}", ready.text());
    assert!(ready.text().contains("token"), "{}", ready.text());
}

#[tokio::test]
async fn a_server_that_cannot_start_says_what_to_do() {
    let bakong = Bakong::start().await;
    let token = bakong.folder.path().join("token");
    let valid = std::fs::read_to_string(&token).unwrap();
    let start = async |config: &Config| Server::start(config).await.unwrap_err().to_string();
    let expect = |error: &str, words: &[&str]| {
        for word in words {
            assert!(error.contains(word), "{word:?} is missing: {error}");
        }
        assert!(!error.contains(valid.trim()), "{error}");
    };

    for text in ["", "not a token, with spaces"] {
        std::fs::write(&token, text).unwrap();
        expect(&start(&bakong.config("")).await, &["token"]);
    }
    std::fs::remove_file(&token).unwrap();
    let error = start(&bakong.config("")).await;
    expect(&error, &["has no token", "bakong token request"]);
    std::fs::write(&token, &valid).unwrap();

    let error = start(&bakong.config("renewal_email = \"nobody\"")).await;
    expect(&error, &["renewal_email"]);

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = bakong.config("");
    config.bind = taken.local_addr().unwrap();
    expect(&start(&config).await, &["cannot listen", "another port"]);
    // No other machine, and not this one.
    config.bind = "192.0.2.1:8600".parse().unwrap();
    expect(
        &start(&config).await,
        &["cannot listen", "another one with bind"],
    );

    let not_a_database: &Path = &bakong.folder.path().join("payments.db");
    std::fs::write(not_a_database, "a text that is no database".repeat(100)).unwrap();
    let error = start(&bakong.config("")).await;
    expect(&error, &["payments.db", "not an SQLite database"]);
}
