//! A server with the token of a registration, against a Bakong that runs outside of it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use bakong_sandbox::{Fault, Sandbox, SandboxClock};
use bakong_server::{Config, Server, TelegramConfig};
use http::Method;
use khqr_core::{AccountId, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{self, Answer, PATIENCE, Stream};
use crate::harness::{KEY, path};
use crate::person::Person;

/// Bakong, and a folder with a configuration and a token for it.
struct Bakong {
    sandbox: Sandbox,
    folder: TempDir,
}

impl Bakong {
    async fn start() -> Self {
        Self::start_at(SandboxClock::system()).await
    }

    /// Issues a token for 90 days from the time of this clock on. Then the clock of Bakong is right.
    async fn start_at(clock: SandboxClock) -> Self {
        let sandbox = Sandbox::builder().clock(clock).start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let token = sandbox.issue_token("shop@example.com");
        std::fs::write(folder.path().join("token"), token).unwrap();
        sandbox.set_clock(SandboxClock::system());
        Self { sandbox, folder }
    }

    fn token(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("token")).unwrap()
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
        self.start_server_with("").await
    }

    async fn start_server_with(&self, lines: &str) -> Shop {
        let server = Server::start(&self.config(lines)).await.unwrap();
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

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &Value::Null).await
    }

    /// Returns the text of the page of the dashboard.
    async fn dashboard(&self) -> String {
        let mut person = Person::with_link(&self.server).await;
        person.get("/dashboard").await.text()
    }

    /// Waits for the alert with this code.
    async fn alert(&self, code: &str) {
        let wait = async {
            while !self.get("/v1/events").await.text().contains(code) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
    }

    async fn create(&self, order: &str) -> Answer {
        let body = json!({ "amount": "1.50", "currency": "USD", "order_id": order });
        self.call(Method::POST, "/v1/payments", &body).await
    }

    /// Creates payments until one is refused because of the token.
    async fn refused(&self) -> Value {
        let refused = async {
            for order in 2.. {
                let answer = self.create(&format!("INV-{order}")).await;
                // The requests of the quota can be reserved before the token is rejected.
                if ![201, 429].contains(&answer.status.as_u16()) {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            unreachable!("the orders do not end")
        };
        let refused = tokio::time::timeout(PATIENCE, refused).await.unwrap();
        refused.expect_problem(503, "bakong_token_rejected")
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
    let problem = shop.refused().await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("set a new token"), "{detail}");
    let ready = shop.get("/readyz").await;
    assert_eq!(ready.status, 503, "{}", ready.text());
    assert!(ready.text().contains("token"), "{}", ready.text());
    let page = shop.dashboard().await;
    assert!(page.contains("rejected by Bakong"), "{page}");
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
    expect(&error, &["does not exist", "bakong login"]);
    std::fs::write(&token, &valid).unwrap();

    let error = start(&bakong.config("renewal_email = \"nobody\"")).await;
    expect(&error, &["renewal_email"]);

    let mut config = bakong.config("");
    let bot = bakong.folder.path().join("bot");
    std::fs::write(&bot, "no token of a bot").unwrap();
    config.telegram = Some(TelegramConfig::new(bot, "1".to_owned()));
    expect(&start(&config).await, &["bot_token_file", "@BotFather"]);

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

/// Returns the clock of this machine that many days ago.
fn days_ago(days: u64) -> SandboxClock {
    let ago = SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
    SandboxClock::starting_at(Timestamp::from(ago))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_told_before_the_token_expires() {
    let bakong = Bakong::start_at(days_ago(88)).await;
    let shop = bakong.start_server().await;
    shop.alert("token_expires_soon").await;
    assert_eq!(shop.get("/readyz").await.status, 200);
    let page = shop.dashboard().await;
    assert!(page.contains("must be renewed soon"), "{page}");
    shop.create("INV-1").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_renews_the_token_if_it_knows_the_address_of_the_registration() {
    let bakong = Bakong::start_at(days_ago(88)).await;
    let before = bakong.token();
    let email = "renewal_email = \"shop@example.com\"";
    let shop = bakong.start_server_with(email).await;
    let payment = shop.create("INV-1").await.expect(201);
    let check = path(&payment, "/check");
    shop.call(Method::POST, &check, &json!({}))
        .await
        .expect(202);
    let renewed = async {
        while bakong.token() == before {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, renewed).await.unwrap();
    let alerts = shop.get("/v1/events").await;
    assert!(!alerts.text().contains("token_expires_soon"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_reported_before_bakong_rejects_it() {
    let bakong = Bakong::start_at(days_ago(91)).await;
    let shop = bakong.start_server().await;
    shop.alert("token_expired").await;
    let ready = shop.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("bakong token renew"));
    let page = shop.dashboard().await;
    assert!(page.contains("the token has expired"), "{page}");
    // The clock of this machine may be wrong, so Bakong decides.
    let payment = shop.create("INV-1").await.expect(201);
    let check = path(&payment, "/check");
    shop.call(Method::POST, &check, &json!({}))
        .await
        .expect(202);
    shop.refused().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_key_is_refused_by_a_server_that_is_only_live() {
    let bakong = Bakong::start().await;
    let mut config = bakong.config("");
    config.sandbox = Some(bakong_server::SandboxConfig::default());
    config.test_key = Some(KEY.to_owned());
    let server = Server::start(&config).await.unwrap();
    let key = server.new_keys()[0].key.clone();
    // Nothing that is logged with the server has its secrets.
    let debug = format!("{server:?} {:?} {config:?}", server.new_keys());
    let link = server.login_link().unwrap().rsplit('=').next().unwrap();
    for secret in [&key, link, bakong.token().trim()] {
        assert!(!debug.contains(secret), "{debug}");
    }
    let shop = Shop {
        server,
        key: KEY.to_owned(),
    };
    // The code of a test payment has the name of the shop.
    let payment = shop.create("INV-1").await.expect(201);
    assert_eq!(payment["test"], true);
    assert!(payment["qr"].as_str().unwrap().contains("Sokha Coffee"));
    shop.server.shutdown().await;

    let server = Server::start(&bakong.config("")).await.unwrap();
    assert!(server.new_keys().is_empty());
    let shop = Shop {
        server,
        key: KEY.to_owned(),
    };
    let refused = shop.get("/v1/payments").await;
    let problem = refused.expect_problem(403, "wrong_mode");
    assert!(problem["detail"].as_str().unwrap().contains("sk_test_"));
    let live = Shop { key, ..shop };
    live.get("/v1/payments").await.expect(200);
}
