//! A Telegram chat, over a server that answers like the Bot API.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use bakong_sandbox::TransferOptions;
use bakong_server::{Config, TelegramConfig};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::client::PATIENCE;
use crate::harness::{EXPIRY, Harness, path};

const TOKEN: &str = "123456:ABC-DEF_secret";

/// The answers to give first; then every call succeeds.
type Answers = Arc<Mutex<Vec<(u16, Value)>>>;

struct BotApi {
    url: String,
    calls: UnboundedReceiver<(String, Value)>,
}

async fn call(
    State((calls, answers)): State<(UnboundedSender<(String, Value)>, Answers)>,
    uri: Uri,
    body: String,
) -> (StatusCode, String) {
    let method = uri.path().strip_prefix(&format!("/bot{TOKEN}/"));
    let method = method.expect("another token").to_owned();
    let body: Value = serde_json::from_str(&body).unwrap();
    calls.send((method, body)).unwrap();
    let mut answers = answers.lock().unwrap();
    let (status, answer) = if answers.is_empty() {
        (200, json!({ "ok": true, "result": { "message_id": 77 } }))
    } else {
        answers.remove(0)
    };
    (StatusCode::from_u16(status).unwrap(), answer.to_string())
}

impl BotApi {
    async fn start(answers: Vec<(u16, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, calls) = unbounded_channel();
        let state = (sender, Arc::new(Mutex::new(answers)));
        let router = Router::new().fallback(call).with_state(state);
        tokio::spawn(async { axum::serve(listener, router).await });
        Self { url, calls }
    }

    async fn next(&mut self) -> (String, Value) {
        let next = tokio::time::timeout(PATIENCE, self.calls.recv()).await;
        next.expect("no call arrived").unwrap()
    }

    async fn shop(&self) -> Harness {
        Harness::start_with(|config: &mut Config, folder| {
            let file = folder.join("bot-token");
            std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
            let mut telegram = TelegramConfig::new(file, "-1001".to_owned());
            telegram.api_url.clone_from(&self.url);
            config.telegram = Some(telegram);
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_one_message_that_is_repeated_until_it_is_accepted() {
    let answers = vec![(
        429,
        json!({ "ok": false, "parameters": { "retry_after": 1 } }),
    )];
    let mut bot = BotApi::start(answers).await;
    let shop = bot.shop().await;
    let body =
        json!({ "amount": "1.50", "currency": "USD", "order_id": "INV-1", "terminal": "Till 2" });
    let created = shop.post("/v1/payments", &body).await.expect(201);
    let event = shop.pay_and_wait(&created).await;
    let first = bot.next().await;
    let (method, message) = &first;
    assert_eq!(method, "sendMessage");
    assert_eq!(message["chat_id"], "-1001");
    let text = message["text"].as_str().unwrap();
    assert!(
        text.starts_with(
            "[test] ✅ Paid: 1.50 USD\nOrder: INV-1\nTill: Till 2\nFrom: dara@devb\nAt: "
        ),
        "{text}"
    );
    assert_eq!(bot.next().await, first, "the second attempt");
    // The deliveries show the attempts, and nothing shows the token of the bot.
    let list = format!("/v1/events/{}/deliveries", event["id"].as_str().unwrap());
    let wait = async {
        loop {
            let deliveries = shop.get(&list).await;
            assert!(!deliveries.text().contains("secret"));
            if deliveries.json()["data"][0]["status"] == "delivered" {
                return deliveries.json();
            }
        }
    };
    let deliveries = tokio::time::timeout(PATIENCE, wait).await.unwrap();
    assert_eq!(deliveries["data"][0]["attempts"][0]["status"], 429);
    // A chat is not a webhook.
    let endpoints = shop.get("/v1/webhook_endpoints").await.expect(200);
    assert_eq!(endpoints["data"], json!([]));
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_edits_the_message_of_the_payment() {
    let mut bot = BotApi::start(vec![]).await;
    let shop = bot.shop().await;
    let created = shop.create_under_review("INV-1").await;
    let (method, message) = bot.next().await;
    assert_eq!(method, "sendMessage");
    let text = message["text"].as_str().unwrap();
    assert!(
        text.contains("Needs a decision: 1.50 USD expected"),
        "{text}"
    );
    assert!(
        text.contains("Received: 1.00 USD") && text.contains("Reason: amount_mismatch"),
        "{text}"
    );
    let shop = {
        // The number of the message survives a restart.
        shop.restart().await
    };
    let decision = json!({ "decision": "accept", "note": "a regular customer" });
    shop.post(&path(&created, "/resolve"), &decision)
        .await
        .expect(200);
    let (method, message) = bot.next().await;
    assert_eq!(
        (method.as_str(), &message["message_id"]),
        ("editMessageText", &json!(77))
    );
    assert!(
        message["text"]
            .as_str()
            .unwrap()
            .contains("✅ Paid: 1.50 USD")
    );
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_chat_gets_a_message_of_its_own() {
    let mut bot = BotApi::start(vec![]).await;
    let shop = bot.shop().await;
    let created = shop.create_under_review("INV-1").await;
    assert_eq!(bot.next().await.1["chat_id"], "-1001");
    let move_to = |config: &mut Config| {
        if let Some(telegram) = &mut config.telegram {
            telegram.chat_id = "-2002".to_owned();
        }
    };
    let shop = shop.restart_with(move_to).await;
    let decision = json!({ "decision": "accept", "note": "a regular customer" });
    let resolve = path(&created, "/resolve");
    shop.post(&resolve, &decision).await.expect(200);
    let (method, message) = bot.next().await;
    assert_eq!(
        (method.as_str(), &message["chat_id"]),
        ("sendMessage", &json!("-2002"))
    );
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_not_changed_as_a_webhook_endpoint() {
    let bot = BotApi::start(vec![]).await;
    let shop = bot.shop().await;
    let shop = shop.restart_with(|config| config.telegram = None).await;
    for change in ["enable", "rotate"] {
        let change = format!("/v1/webhook_endpoints/tg_1/{change}");
        let answer = shop.post(&change, &json!({})).await;
        answer.expect_problem(404, "not_found");
    }
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chat_learns_that_the_token_is_rejected() {
    let mut bot = BotApi::start(vec![]).await;
    let shop = bot.shop().await;
    let created = shop.create("INV-1").await;
    shop.sandbox().revoke_tokens();
    shop.check(&created).await;
    let (_, message) = bot.next().await;
    assert!(
        message["text"]
            .as_str()
            .unwrap()
            .contains("Bakong rejects the token"),
        "{message}"
    );
    shop.server.shutdown().await;
}

/// Follows the payment until its event of this kind.
async fn wait_for(shop: &Harness, payment: &Value, kind: &str) {
    let mut events = shop.follow(payment, 0).await;
    while events.next().await.kind != kind {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_edited_is_sent_again_and_one_that_is_up_to_date_is_delivered() {
    for why in ["message to edit not found", "MESSAGE_ID_INVALID"] {
        edit_is_refused(why).await;
    }
}

async fn edit_is_refused(why: &str) {
    let sent = (200, json!({ "ok": true, "result": { "message_id": 77 } }));
    let refused = |why: &str| {
        let description = format!("Bad Request: {why}");
        (
            400,
            json!({ "ok": false, "error_code": 400, "description": description }),
        )
    };
    let answers = vec![
        sent.clone(),
        refused(why),
        sent,
        refused("message is not modified"),
    ];
    let mut bot = BotApi::start(answers).await;
    let shop = bot.shop().await;
    let created = shop.create_under_review("INV-1").await;
    assert_eq!(bot.next().await.0, "sendMessage");
    let decision = json!({ "decision": "reject", "note": "returned" });
    let resolve = path(&created, "/resolve");
    shop.post(&resolve, &decision).await.expect(200);
    assert_eq!(bot.next().await.0, "editMessageText");
    let (method, message) = bot.next().await;
    assert_eq!(method, "sendMessage");
    let text = message["text"].as_str().unwrap();
    assert!(text.contains("❌ failed: 1.50 USD"), "{text}");

    let events = shop.get("/v1/events").await.expect(200);
    let event = events["data"][1]["id"].as_str().unwrap().to_owned();
    let deliveries = format!("/v1/events/{event}/deliveries");
    let delivered = async |attempts: usize| {
        let wait = async {
            loop {
                let delivery = shop.get(&deliveries).await.expect(200)["data"][0].clone();
                let made = delivery["attempts"].as_array().unwrap().len();
                if delivery["status"] == "delivered" && made == attempts {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
    };
    delivered(1).await;
    let replay = format!("/v1/events/{event}/replay");
    shop.post(&replay, &json!({})).await;
    assert_eq!(bot.next().await.0, "editMessageText");
    delivered(2).await;
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_failed_needs_no_message_of_its_own_and_a_second_one_has_one() {
    let mut bot = BotApi::start(vec![]).await;
    let shop = bot.shop().await;
    let failed = shop.create("INV-1").await;
    shop.pay_with(&failed, &TransferOptions::new().failing());
    shop.check(&failed).await;
    wait_for(&shop, &failed, "payment.failed").await;

    // The customer pays the first code of an order late, and the second code too.
    let order = shop.create("INV-2").await;
    shop.advance(EXPIRY);
    let attempts = path(&order, "/attempts");
    let second = shop.post(&attempts, &json!({})).await.expect(201);
    shop.pay_and_wait(&second).await;
    let (method, message) = bot.next().await;
    let text = message["text"].as_str().unwrap();
    assert_eq!(method, "sendMessage");
    assert!(
        text.contains("✅ Paid") && text.contains("Order: INV-2"),
        "{text}"
    );
    shop.pay_with(&order, &TransferOptions::new().late());
    shop.check(&order).await;
    shop.advance(30 + 14 * 60 + 60);
    wait_for(&shop, &order, "payment.duplicate").await;
    let (method, message) = bot.next().await;
    let text = message["text"].as_str().unwrap();
    assert_eq!(method, "sendMessage");
    assert!(
        text.contains("second payment") && text.contains("Order: INV-2"),
        "{text}"
    );
    shop.server.shutdown().await;
}
