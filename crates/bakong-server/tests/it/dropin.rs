//! Bakong's own endpoints at `/bakong/v1`, for programs that poll Bakong themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use bakong_sandbox::{SandboxClock, TransferOptions};
use http::Method;
use khqr_core::{AccountId, Amount, KhqrBuilder, Md5Handle};
use serde_json::{Value, json};

use crate::client::{self, Answer, PATIENCE};
use crate::harness::{Harness, KEY, path};

/// The official pattern: every three seconds, for ten minutes.
const POLLS: u32 = 200;

/// Creates a code without the server, as a program with its own library does.
pub(crate) fn foreign_code(shop: &Harness, bill: &str) -> String {
    let account = AccountId::new("sokha@sandbox").unwrap();
    let now = shop.sandbox().now();
    let expires_at = now.saturating_add(Duration::from_secs(600));
    KhqrBuilder::individual(account, "Sokha Coffee")
        .bill_number(bill)
        .dynamic_code(Amount::us_cents(150), now, expires_at)
        .unwrap()
        .to_text()
}

pub(crate) async fn call(shop: &Harness, endpoint: &str, body: &Value) -> Answer {
    let path = format!("/bakong/v1/{endpoint}");
    shop.post(&path, body).await
}

pub(crate) async fn look_up(shop: &Harness, code: &str) -> Value {
    let body = json!({ "md5": Md5Handle::of(code).to_string() });
    let answer = call(shop, "check_transaction_by_md5", &body).await;
    answer.expect(200)
}

/// Lets time pass until the program learns of the payment.
pub(crate) async fn wait_until_paid(shop: &Harness, code: &str) -> Value {
    let wait = async {
        loop {
            let answer = look_up(shop, code).await;
            if answer["responseCode"] == 0 {
                return answer;
            }
            assert_eq!(answer["errorCode"], 1, "{answer}");
            shop.advance(3);
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("the payment was not found")
}

pub(crate) fn requests(shop: &Harness) -> usize {
    shop.sandbox().requests().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_another_program_is_watched_from_the_first_question_on() {
    let shop = Harness::start().await;
    let code = foreign_code(&shop, "INV-1");
    assert_eq!(look_up(&shop, &code).await["errorCode"], 1);
    let customer = shop
        .sandbox()
        .customer(AccountId::new("dara@devb").unwrap());
    let transfer = customer.pay(&code).unwrap();
    let paid = wait_until_paid(&shop, &code).await;
    assert_eq!(paid["responseMessage"], "Getting transaction successfully.");
    assert_eq!(paid["errorCode"], Value::Null);
    assert_eq!(paid["data"]["hash"], transfer.hash());
    assert_eq!(paid["data"]["toAccountId"], "sokha@sandbox");
    assert_eq!(paid["data"]["amount"], json!(1.5));
    // The books answer after a restart too, and the statement has the sale.
    let shop = shop.restart().await;
    assert_eq!(look_up(&shop, &code).await["data"], paid["data"]);
    let statement = shop.get("/v1/statement").await.expect(200);
    assert_eq!(statement["settled"][0]["amount"], "1.50");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_for_another_account_is_reported_and_is_not_in_the_sums_of_the_statement() {
    let shop = Harness::start().await;
    let customer = shop
        .sandbox()
        .customer(AccountId::new("dara@devb").unwrap());
    let own = foreign_code(&shop, "INV-1");
    let other = shop
        .sandbox()
        .customer(AccountId::new("thida@devb").unwrap());
    let now = shop.sandbox().now();
    let foreign = KhqrBuilder::individual(other.account(), "Thida")
        .bill_number("INV-2")
        .dynamic_code(
            Amount::us_cents(700),
            now,
            now.saturating_add(Duration::from_secs(600)),
        )
        .unwrap()
        .to_text();
    let mut hashes = Vec::new();
    for code in [&own, &foreign] {
        look_up(&shop, code).await;
        hashes.push(customer.pay(code).unwrap().hash().to_owned());
        // The program learns of both and compares the recipient.
        wait_until_paid(&shop, code).await;
    }
    let statement = shop.get("/v1/statement").await.expect(200);
    for (list, hash) in ["settled", "other_accounts"].into_iter().zip(&hashes) {
        let entries = statement[list].as_array().unwrap();
        let found: Vec<_> = entries.iter().map(|entry| &entry["hash"]).collect();
        assert_eq!(found, [hash], "{list}");
    }
    let totals = json!([{ "terminal": null, "currency": "USD", "payments": 1, "amount": "1.50" }]);
    assert_eq!(statement["totals"], totals);
    let csv = shop.get("/v1/statement?format=csv").await.text();
    let line = csv.lines().find(|line| line.contains(&hashes[1])).unwrap();
    assert!(line.starts_with("\"other_account\","), "{line}");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_costs_no_request_at_bakong() {
    let shop = Harness::start().await;
    let code = foreign_code(&shop, "INV-1");
    look_up(&shop, &code).await;
    let before = requests(&shop);
    for _ in 0..POLLS {
        assert_eq!(look_up(&shop, &code).await["errorCode"], 1);
    }
    // The clock of the sandbox has moved by less than the wait until the first check.
    assert!(requests(&shop) <= before + 1);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_polled_orders_fit_into_the_quota_of_a_day_and_none_is_lost() {
    const ORDERS: u64 = 40;
    /// How much time passes between two rounds, in seconds.
    const STEP: u64 = 15;
    const ROUNDS_OF_AN_ORDER: u64 = 600 / STEP;
    let shop = Harness::start().await;
    let customer = shop
        .sandbox()
        .customer(AccountId::new("dara@devb").unwrap());
    let mut codes = Vec::new();
    let mut known = BTreeSet::new();
    // A new order comes in each round. Its customer pays one to four minutes later.
    for round in 0..ORDERS + ROUNDS_OF_AN_ORDER {
        if round < ORDERS {
            codes.push(foreign_code(&shop, &format!("INV-{round}")));
        }
        for (order, code) in (0u64..).zip(&codes) {
            let age = round - order;
            if age < ROUNDS_OF_AN_ORDER {
                let answer = look_up(&shop, code).await;
                if answer["responseCode"] == 0 {
                    known.insert(order);
                }
            }
            if age == 4 + order % 12 {
                customer.pay(code).unwrap();
            }
        }
        shop.advance(STEP);
        // The watcher looks at the clock of the sandbox ten times a second.
        tokio::time::sleep(Duration::from_millis(130)).await;
    }
    // The programs have stopped. Each order is known at the latest when one asks again.
    let in_time = known.len();
    for code in &codes {
        let paid = wait_until_paid(&shop, code).await;
        assert_eq!(paid["data"]["amount"], json!(1.5));
    }
    let requests = requests(&shop);
    #[allow(
        clippy::print_stdout,
        reason = "how early the programs learned of the payments"
    )]
    {
        println!("{in_time} of {ORDERS} were known within ten minutes, with {requests} requests");
    }
    assert!(requests <= 100, "{requests}");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_the_server_under_review_is_not_reported_as_paid() {
    let shop = Harness::start().await;
    let created = shop.create("INV-1").await;
    let code = created["qr"].as_str().unwrap().to_owned();
    let mut events = shop.follow(&created, 0).await;
    let wrong = TransferOptions::new().amount(Amount::us_cents(100));
    shop.pay_with(&created, &wrong);
    shop.check(&created).await;
    assert_eq!(events.next().await.kind, "payment.needs_review");
    assert_eq!(look_up(&shop, &code).await["errorCode"], 1);
    let decision = json!({ "decision": "accept", "note": "a regular customer" });
    shop.post(&path(&created, "/resolve"), &decision)
        .await
        .expect(200);
    assert_eq!(look_up(&shop, &code).await["data"]["amount"], json!(1));
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_is_reported_as_exhausted_only_if_it_is() {
    let shop = Harness::start().await;
    // No check is sent while the clock stands, so no list is known to work and each code reserves a request.
    shop.sandbox()
        .set_clock(SandboxClock::frozen_at(shop.sandbox().now()));
    let mut watched = 0;
    loop {
        let code = foreign_code(&shop, &format!("INV-{watched}"));
        let answer = look_up(&shop, &code).await;
        if answer["errorCode"] == 17 {
            // The limit is a setting, so the text names none.
            let message = answer["responseMessage"].as_str().unwrap();
            assert!(!message.contains(char::is_numeric), "{message}");
            break;
        }
        assert_eq!(answer["errorCode"], 1);
        watched += 1;
        assert!(watched <= 100, "more codes are watched than requests exist");
    }
    assert!(watched > 80, "{watched}");
    // Those that are watched are not refused.
    let first = foreign_code(&shop, "INV-0");
    assert_eq!(look_up(&shop, &first).await["errorCode"], 1);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_bakongs_form() {
    let shop = Harness::start().await;
    let path = "/bakong/v1/check_transaction_by_md5";
    let md5 = json!({ "md5": Md5Handle::of("unknown").to_string() });
    for (authorization, body, status, code) in [
        (None, md5.to_string(), 401, 6),
        (Some("Bearer sk_test_wrong"), md5.to_string(), 401, 6),
        (Some(KEY), "{}".to_owned(), 200, 5),
        (Some(KEY), "not json".to_owned(), 200, 5),
        (Some(KEY), json!({ "md5": "abc" }).to_string(), 200, 5),
        (Some(KEY), json!({ "md5": "" }).to_string(), 200, 5),
    ] {
        let bearer =
            authorization.map(|key| format!("Bearer {}", key.trim_start_matches("Bearer ")));
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let answer = client::send(
            shop.server.address(),
            Method::POST,
            path,
            &headers,
            body.clone(),
        )
        .await;
        let answer = answer.expect(status);
        assert_eq!(answer["errorCode"], code, "{body}");
        assert_eq!(answer["responseCode"], 1);
    }
    let list: Vec<_> = (0..51)
        .map(|number| Md5Handle::of(&format!("{number}")).to_string())
        .collect();
    for list in [json!([]), json!(list)] {
        let answer = call(&shop, "check_transaction_by_md5_list", &list).await;
        assert_eq!(answer.expect(200)["errorCode"], 5);
    }
    // A key that may only read cannot make the server watch a code.
    let body = json!({ "name": "reader", "scopes": ["read"] });
    let reader = shop.post("/v1/keys", &body).await.expect(201)["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let bearer = format!("Bearer {reader}");
    let headers = [("authorization", bearer.as_str())];
    let answer = client::send(
        shop.server.address(),
        Method::POST,
        path,
        &headers,
        md5.to_string(),
    )
    .await;
    assert_eq!(answer.expect(401)["errorCode"], 6);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_url_with_and_without_v1_works_and_an_unknown_path_has_no_form_of_bakong() {
    let shop = Harness::start().await;
    let code = foreign_code(&shop, "INV-1");
    look_up(&shop, &code).await;
    shop.sandbox()
        .customer(AccountId::new("dara@devb").unwrap())
        .pay(&code)
        .unwrap();
    let paid = wait_until_paid(&shop, &code).await;
    // The program adds `/v1/…` to the base URL `/bakong/v1`, and writes the MD5 in capital letters.
    let md5 = Md5Handle::of(&code).to_string().to_uppercase();
    for base in ["/bakong", "/bakong/v1"] {
        let single = format!("{base}/v1/check_transaction_by_md5");
        let answer = shop.post(&single, &json!({ "md5": md5 })).await;
        assert_eq!(answer.expect(200), paid, "{base}");
        let list = format!("{base}/v1/check_transaction_by_md5_list");
        let item = &shop.post(&list, &json!([md5])).await.expect(200)["data"][0];
        assert_eq!(item["status"], "SUCCESS", "{base}");
        assert_eq!(item["md5"], md5, "the text of the question");

        let unknown = format!("{base}/v1/unknown");
        let answer = shop.post(&unknown, &json!({})).await;
        let wrong_path = answer.expect_problem(404, "no_such_path");
        let wrong_method = shop.get(&single).await.expect_problem(405, "wrong_method");
        for problem in [wrong_path, wrong_method] {
            assert_eq!(problem.get("responseCode"), None, "{problem}");
        }
    }
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_requests_are_passed_on_and_a_renewal_keeps_the_key() {
    let shop = Harness::start().await;
    let body = json!({ "email": "anybody@example.com" });
    let renewed = call(&shop, "renew_token", &body).await.expect(200);
    assert_eq!(renewed["data"]["token"], KEY);
    let code = foreign_code(&shop, "INV-1");
    let link = call(&shop, "generate_deeplink_by_qr", &json!({ "qr": code }))
        .await
        .expect(200);
    assert!(
        link["data"]["shortLink"]
            .as_str()
            .unwrap()
            .starts_with("http"),
        "{link}"
    );
    let customer = shop
        .sandbox()
        .customer(AccountId::new("dara@devb").unwrap());
    let transfer = customer.pay(&code).unwrap();
    let found = call(
        &shop,
        "check_transaction_by_hash",
        &json!({ "hash": transfer.hash() }),
    )
    .await;
    assert_eq!(found.expect(200)["data"]["hash"], transfer.hash());
    let short = json!({ "hash": &transfer.hash()[..8], "amount": 1.5, "currency": "USD" });
    let found = call(&shop, "check_transaction_by_short_hash", &short)
        .await
        .expect(200);
    assert_eq!(found["data"]["hash"], transfer.hash());
    let exists = call(
        &shop,
        "check_bakong_account",
        &json!({ "accountId": "sokha@sandbox" }),
    )
    .await;
    assert_eq!(exists.expect(200)["responseCode"], 0);
    let unknown = call(
        &shop,
        "check_bakong_account",
        &json!({ "accountId": "nobody" }),
    )
    .await;
    assert_eq!(unknown.expect(200)["errorCode"], 12);
    shop.server.shutdown().await;
}
