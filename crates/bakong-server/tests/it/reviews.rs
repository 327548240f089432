//! Payments that need a person.

use std::path::PathBuf;
use std::time::Duration;

use bakong_flow::PaymentStore as _;
use bakong_flow::store::PaymentKey;
use bakong_sandbox::TransferOptions;
use bakong_store::{Registration, SqliteDatabase};
use khqr_core::{AccountId, Amount};
use serde_json::{Value, json};

use crate::harness::{EXPIRY, Harness, path};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_amount_pays_nothing_until_a_person_accepts_it() {
    let shop = Harness::start().await;
    let created = shop.create_under_review("INV-1").await;
    let review = shop.read(&created).await;
    assert_eq!(review["status"], "needs_review");
    assert_eq!(review["transaction"]["amount"], "1.00");

    shop.post(
        &path(&created, "/resolve"),
        &json!({ "decision": "accept", "note": " " }),
    )
    .await
    .expect_problem(400, "invalid_parameter");
    let decision = json!({ "decision": "accept", "note": "a regular customer" });
    let paid = shop.post(&path(&created, "/resolve"), &decision).await;
    let paid = paid.expect(200);
    assert_eq!(paid["status"], "paid");
    assert_eq!(paid["reasons"], json!(["amount_mismatch", "manual"]));
    shop.post(&path(&created, "/resolve"), &decision)
        .await
        .expect_problem(409, "no_review");

    // One event for each change, although two tasks apply the decision.
    let mut events = shop.follow(&created, 0).await;
    let first = events.next().await;
    let second = events.next().await;
    assert_eq!(first.kind, "payment.needs_review");
    assert_eq!(second.kind, "payment.paid");
    let shop = shop.restart().await;
    let mut events = shop.follow(&created, second.id).await;
    shop.server.shutdown().await;
    assert!(events.try_next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_payment_fails_and_its_order_can_be_paid_again() {
    let shop = Harness::start().await;
    let created = shop.create_under_review("INV-2").await;
    let body = json!({ "amount": "1.50", "currency": "USD", "order_id": "INV-2" });
    let refused = shop.post("/v1/payments", &body).await;
    refused.expect_problem(409, "order_needs_review");
    let decision = json!({ "decision": "reject", "note": "returned at the counter" });
    let failed = shop.post(&path(&created, "/resolve"), &decision).await;
    let failed = failed.expect(200);
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["reasons"], json!(["manual"]));
    let again = shop.create("INV-2").await;
    shop.pay_and_wait(&again).await;
    shop.server.shutdown().await;
}

/// Creates a payment, and a second code for it that is valid for an hour. A wrong amount for the first code arrives twenty
/// seconds later, before the final check of that code. Returns the payment with each of its codes.
async fn with_money_for_an_older_code(shop: &Harness) -> [Value; 2] {
    let first = shop.create("INV-1").await;
    shop.advance(EXPIRY - 3);
    let wrong = TransferOptions::new().amount(Amount::us_cents(100));
    let later = wrong.after(Duration::from_secs(20)).late();
    shop.pay_with(&first, &later);
    shop.advance(4);
    let attempts = path(&first, "/attempts");
    let hour = json!({ "expires_in": 3600 });
    let second = shop.post(&attempts, &hour).await.expect(201);
    [first, second]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_about_the_transaction_that_the_payment_shows() {
    let mut folder = PathBuf::new();
    let shop = Harness::start_with(|_, data| folder = data.to_owned()).await;
    let [first, second] = with_money_for_an_older_code(&shop).await;
    let mut events = shop.follow(&first, 0).await;
    let wrong = TransferOptions::new().amount(Amount::us_cents(120));
    shop.pay_with(&second, &wrong);
    shop.check(&second).await;
    let mut shown = async |amount: &str| {
        assert_eq!(events.next().await.kind, "payment.needs_review");
        let payment = shop.read(&first).await;
        assert_eq!(payment["transaction"]["amount"], amount);
    };
    shown("1.20").await;
    shop.advance(15 * 60);
    shown("1.00").await;
    let decision = json!({ "decision": "accept", "note": "a regular customer" });
    let resolve = path(&first, "/resolve");
    let paid = shop.post(&resolve, &decision).await.expect(200);
    assert_eq!(
        (&paid["status"], &paid["transaction"]["amount"]),
        (&json!("paid"), &json!("1.00"))
    );
    shop.server.shutdown().await;
    let database = SqliteDatabase::open(folder.join("payments.db"))
        .await
        .unwrap();
    let name = database.registrations().await.unwrap().remove(0);
    let (host, owner) = name.split_once('/').unwrap();
    let store = database
        .store(&Registration::new(host, owner).unwrap())
        .await
        .unwrap();
    let md5 = first["md5"].as_str().unwrap().parse().unwrap();
    let found = store.find(&PaymentKey::Md5(md5)).await.unwrap();
    assert!(found[0].resolution.is_some());
    database.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_money_for_an_older_code_leaves_the_newest_one_payable() {
    let shop = Harness::start().await;
    let [first, second] = with_money_for_an_older_code(&shop).await;
    let mut events = shop.follow(&first, 0).await;
    shop.advance(15 * 60);
    assert_eq!(events.next().await.kind, "payment.needs_review");
    let decision = json!({ "decision": "reject", "note": "returned" });
    let resolve = path(&first, "/resolve");
    shop.post(&resolve, &decision).await.expect(200);
    let third = shop.post(&path(&first, "/attempts"), &json!({})).await;
    third.expect_problem(409, "payment_open");
    let paid = shop.pay_and_wait(&second).await;
    assert_eq!(paid["data"]["id"], first["id"]);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_for_a_cancelled_payment_needs_a_review() {
    let shop = Harness::start().await;
    let created = shop.create("INV-3").await;
    let mut events = shop.follow(&created, 0).await;
    let cancelled = shop.post(&path(&created, "/cancel"), &json!({})).await;
    assert_eq!(cancelled.expect(200)["status"], "cancelled");
    assert_eq!(events.next().await.kind, "payment.cancelled");
    // A repetition changes nothing.
    let again = shop.post(&path(&created, "/cancel"), &json!({})).await;
    assert_eq!(again.expect(200)["status"], "cancelled");

    shop.pay(&created);
    // A cancelled payment is checked once, after its code has expired.
    shop.advance(600 + 30 + 14 * 60 + 60);
    let event = events.next().await;
    assert_eq!(event.kind, "payment.needs_review");
    assert_eq!(event.data["reasons"], json!(["cancelled"]));
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_in_another_currency_or_for_another_account_needs_a_review() {
    let shop = Harness::start().await;
    let options = TransferOptions::new;
    for (order, options, reason) in [
        (
            "INV-1",
            options().amount(Amount::riel(6_000)),
            "wrong_currency",
        ),
        (
            "INV-2",
            options().payee(AccountId::new("other@devb").unwrap()),
            "wrong_recipient",
        ),
    ] {
        let created = shop.create(order).await;
        let mut events = shop.follow(&created, 0).await;
        shop.pay_with(&created, &options);
        shop.check(&created).await;
        let event = events.next().await;
        assert_eq!(event.kind, "payment.needs_review");
        assert_eq!(event.data["reasons"], json!([reason]));
        // A new code would ask the customer to pay again.
        let again = shop.post(&path(&created, "/attempts"), &json!({})).await;
        again.expect_problem(409, "order_needs_review");
    }
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_for_a_cancelled_code_of_a_paid_order_can_only_be_rejected() {
    let shop = Harness::start().await;
    let first = shop.create("INV-1").await;
    shop.post(&path(&first, "/cancel"), &json!({}))
        .await
        .expect(200);
    let body = json!({
        "amount": "1.50", "currency": "USD", "order_id": "INV-1", "expires_in": 86_400,
    });
    let second = shop.post("/v1/payments", &body).await.expect(201);
    // The customer had scanned the first code before it was cancelled.
    let mut events = shop.follow(&first, 0).await;
    assert_eq!(events.next().await.kind, "payment.cancelled");
    shop.pay(&first);
    shop.advance(600 + 30 + 14 * 60 + 60);
    assert_eq!(events.next().await.kind, "payment.needs_review");
    // The review matters more than the open payment.
    let third = shop.post("/v1/payments", &body).await;
    let problem = third.expect_problem(409, "order_needs_review");
    assert_eq!(problem["payment"], first["id"]);

    shop.pay_and_wait(&second).await;
    let third = shop.post("/v1/payments", &body).await;
    let problem = third.expect_problem(409, "order_paid");
    assert_eq!(problem["payment"], second["id"]);
    let resolve = path(&first, "/resolve");
    let accept = json!({ "decision": "accept", "note": "the customer paid twice" });
    let refused = shop.post(&resolve, &accept).await;
    refused.expect_problem(409, "order_paid");
    let reject = json!({ "decision": "reject", "note": "returned" });
    let rejected = shop.post(&resolve, &reject).await.expect(200);
    assert_eq!(rejected["status"], "failed");
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_people_who_decide_at_the_same_time_one_is_told_that_it_is_decided() {
    let shop = Harness::start().await;
    let created = shop.create_under_review("INV-1").await;
    let resolve = path(&created, "/resolve");
    let decisions = ["accept", "reject", "accept", "reject"]
        .map(|decision| json!({ "decision": decision, "note": "why" }));
    let answers = decisions
        .iter()
        .map(|decision| shop.post(&resolve, decision));
    let mut decided = Vec::new();
    for answer in futures_util::future::join_all(answers).await {
        if answer.status == 200 {
            decided.push(answer.json()["status"].clone());
        } else {
            answer.expect_problem(409, "no_review");
        }
    }
    assert_eq!(decided, [shop.read(&created).await["status"].clone()]);
    shop.server.shutdown().await;
}
