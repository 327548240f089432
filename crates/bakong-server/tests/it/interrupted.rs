//! Creations of payments that were interrupted between two steps, as a killed process leaves them. A second connection to
//! the database sets the rows back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bakong_store::SqliteDatabase;
use bakong_store::tables::{Statement, Tables as _};
use http::Method;
use khqr_core::{AccountId, Amount, KhqrBuilder, Md5Handle};
use serde_json::{Value, json};

use crate::client::{Answer, PATIENCE};
use crate::harness::{Harness, path};

async fn start() -> (Harness, PathBuf) {
    let mut folder = PathBuf::new();
    let shop = Harness::start_with(|_, data| folder = data.to_owned()).await;
    (shop, folder)
}

/// Creates a payment with the idempotency key of its order. Its row is marked as open before the answer.
async fn create(shop: &Harness, order: &str) -> Answer {
    let body = json!({ "amount": "1.50", "currency": "USD", "order_id": order }).to_string();
    let key = [("idempotency-key", order)];
    shop.call(Method::POST, "/v1/payments", &key, &body).await
}

pub(crate) async fn write(folder: &Path, statements: Vec<Statement>) {
    let database = SqliteDatabase::open(folder.join("payments.db"));
    let database = database.await.unwrap();
    database.write(statements).await.unwrap().unwrap();
    database.close().await;
}

fn id(payment: &Value) -> &str {
    payment["id"].as_str().unwrap()
}

/// The payment is stored, and its code was not shown.
fn opening(payment: &Value) -> Statement {
    Statement::new("UPDATE server_payments SET status = 'opening' WHERE id = $1").text(id(payment))
}

/// The request was not answered, and the time for which it had its key is over.
fn unanswered() -> Statement {
    Statement::new(
        "UPDATE server_idempotency SET status = NULL, body = NULL, owner = 'killed', locked_until = 0",
    )
}

/// The code of the payment is not watched: it is another one. Returns its text.
fn unwatched(shop: &Harness, payment: &Value) -> (String, Statement) {
    let account = AccountId::new("sokha@sandbox").unwrap();
    let now = shop.sandbox().now();
    let code = KhqrBuilder::individual(account, "Sokha Coffee")
        .bill_number("never watched")
        .dynamic_code(
            Amount::us_cents(150),
            now,
            now.saturating_add(Duration::from_secs(600)),
        )
        .unwrap()
        .to_text();
    let update = Statement::new("UPDATE server_codes SET md5 = $2, code = $3 WHERE payment = $1");
    let update = update
        .text(id(payment))
        .text(Md5Handle::of(&code).to_string());
    (code.clone(), update.text(code))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_shows_the_payment_that_the_first_request_had_opened() {
    let (shop, folder) = start().await;
    let first = create(&shop, "INV-1").await.expect(201);
    write(&folder, vec![opening(&first), unanswered()]).await;
    let again = create(&shop, "INV-1").await;
    assert_eq!(again.header("idempotent-replayed"), None);
    assert_eq!(again.expect(201), first);
    assert_eq!(shop.read(&first).await["status"], "open");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_opens_the_payment_that_the_first_request_had_only_stored() {
    let (shop, folder) = start().await;
    let first = create(&shop, "INV-1").await.expect(201);
    let (code, replace) = unwatched(&shop, &first);
    write(&folder, vec![opening(&first), replace, unanswered()]).await;
    let again = create(&shop, "INV-1").await.expect(201);
    assert_eq!(again["id"], first["id"]);
    assert_eq!(again["qr"], code);
    let event = shop.pay_and_wait(&again).await;
    assert_eq!(event["data"]["id"], first["id"]);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_whose_code_may_have_been_shown_is_not_reported_as_missing() {
    let (shop, folder) = start().await;
    let shown = create(&shop, "INV-1").await.expect(201);
    let hidden = create(&shop, "INV-2").await.expect(201);
    let (_, replace) = unwatched(&shop, &hidden);
    let rows = vec![opening(&shown), opening(&hidden), replace];
    write(&folder, rows).await;
    let answer = shop.get(&path(&shown, "")).await;
    assert!(answer.header("retry-after").is_some());
    answer.expect_problem(503, "payment_opening");
    let answer = shop.get(&path(&hidden, "")).await;
    answer.expect_problem(404, "not_found");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_start_opens_or_ends_payments_that_were_interrupted() {
    let (shop, folder) = start().await;
    let watched = create(&shop, "INV-1").await.expect(201);
    let stored = create(&shop, "INV-2").await.expect(201);
    let (_, replace) = unwatched(&shop, &stored);
    let older = Statement::new("UPDATE server_payments SET created_at = created_at - 60000");
    let rows = vec![opening(&watched), opening(&stored), replace, older];
    write(&folder, rows).await;
    let shop = shop.restart().await;
    // While the rows are repaired, a payment is not shown.
    let read = async |payment: &Value| {
        let read = async {
            loop {
                let answer = shop.get(&path(payment, "")).await;
                if answer.status == 200 {
                    return answer.json();
                }
            }
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap()
    };
    assert_eq!(read(&watched).await["status"], "open");
    let ended = read(&stored).await;
    assert_eq!(ended["status"], "failed");
    assert_eq!(ended["reasons"], json!(["not_opened"]));
    shop.create("INV-2").await;
    let event = shop.pay_and_wait(&watched).await;
    assert_eq!(event["data"]["status"], "paid");
    shop.server.shutdown().await;
}

/// The payment was given up, because it was not opened in time.
fn given_up(payment: &Value) -> Statement {
    let update = "UPDATE server_payments SET status = 'failed', reasons = '[\"not_opened\"]', version = 2 WHERE id = $1";
    Statement::new(update).text(id(payment))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_creates_another_payment_if_the_first_one_was_given_up() {
    let (shop, folder) = start().await;
    let first = create(&shop, "INV-1").await.expect(201);
    let (_, replace) = unwatched(&shop, &first);
    write(&folder, vec![given_up(&first), replace, unanswered()]).await;
    let again = create(&shop, "INV-1").await.expect(201);
    assert_ne!(again["id"], first["id"]);
    assert_eq!(again["status"], "open");
    let event = shop.pay_and_wait(&again).await;
    assert_eq!(event["data"]["id"], again["id"]);
    assert_eq!(create(&shop, "INV-1").await.expect(201)["id"], again["id"]);
    assert_eq!(shop.read(&first).await["status"], "failed");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_given_up_while_it_was_opened_is_open() {
    let (shop, folder) = start().await;
    let first = create(&shop, "INV-1").await.expect(201);
    write(&folder, vec![given_up(&first), unanswered()]).await;
    assert_eq!(create(&shop, "INV-1").await.expect(201), first);
    let open = shop.read(&first).await;
    assert_eq!(
        (&open["status"], &open["reasons"]),
        (&json!("open"), &json!([]))
    );
    // No other payment of the order is possible now.
    let body = json!({ "amount": "1.50", "currency": "USD", "order_id": "INV-1" });
    shop.post("/v1/payments", &body)
        .await
        .expect_problem(409, "order_open");
    let event = shop.pay_and_wait(&first).await;
    assert_eq!(event["data"]["status"], "paid");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_was_given_up_stays_failed_if_the_order_has_another_one() {
    let (shop, folder) = start().await;
    let first = create(&shop, "INV-1").await.expect(201);
    write(&folder, vec![given_up(&first), unanswered()]).await;
    let other = shop.create("INV-1").await;
    // The code of the first payment may have been shown, so its answer is repeated. Money for both needs a decision.
    assert_eq!(create(&shop, "INV-1").await.expect(201)["id"], first["id"]);
    assert_eq!(shop.read(&first).await["status"], "failed");
    assert_eq!(shop.read(&other).await["status"], "open");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_cannot_be_stored_at_first_is_stored_later() {
    let (shop, folder) = start().await;
    let payment = create(&shop, "INV-1").await.expect(201);
    let currency = |text: &str| {
        let update = Statement::new("UPDATE server_payments SET currency = $1");
        vec![update.text(text)]
    };
    write(&folder, currency("shells")).await;
    shop.pay(&payment);
    // The check needs the row, too.
    let code = json!({ "md5": payment["md5"] });
    let found = async {
        loop {
            let answer = shop
                .post("/bakong/v1/check_transaction_by_md5", &code)
                .await;
            if answer.json()["errorCode"].is_null() {
                return;
            }
            shop.advance(3);
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap();
    let ready = async |status: u16| {
        let wait = async {
            loop {
                let answer = shop.get("/readyz").await;
                if answer.status == status {
                    return answer.json();
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap()
    };
    let problems = ready(503).await["problems"].to_string();
    assert!(problems.contains("cannot be read or applied"), "{problems}");
    shop.get(&path(&payment, ""))
        .await
        .expect_problem(500, "internal_error");
    write(&folder, currency("USD")).await;
    let mut events = shop.follow(&payment, 0).await;
    assert_eq!(events.next().await.kind, "payment.paid");
    ready(200).await;
    shop.server.shutdown().await;
}
