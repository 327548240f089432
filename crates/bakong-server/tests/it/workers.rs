//! Two workers on one PostgreSQL database. Without PostgreSQL, the test reports that it did not run.

use bakong_server::{Config, SecretText, Server, StoreLocation};
use http::Method;
use khqr_core::AccountId;
use serde_json::json;

use crate::client::{Answer, Stream, open, send};
use crate::cluster::Cluster;
use crate::harness::{KEY, path};
use crate::person::Person;

async fn call(worker: &Server, method: Method, path: &str, key: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {KEY}");
    let mut headers = vec![
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    if !key.is_empty() {
        headers.push(("idempotency-key", key));
    }
    send(worker.address(), method, path, &headers, body.to_owned()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_on_postgres_show_one_consistent_payment() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let url = cluster.url(&cluster.create_database());
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut workers = Vec::new();
    for folder in &folders {
        let mut config = Config::sandbox("127.0.0.1:0".parse().unwrap(), folder.path());
        config.test_key = Some(KEY.to_owned());
        config.store = StoreLocation::Postgres(SecretText::new(&*url));
        workers.push(Server::start(&config).await.unwrap());
    }
    let [leader, follower] = <[Server; 2]>::try_from(workers).unwrap();

    // The follower hands the payment to the leader, which asks its sandbox.
    let body = json!({ "amount": "1.50", "currency": "USD", "order_id": "INV-1" }).to_string();
    let created = call(&follower, Method::POST, "/v1/payments", "order 1", &body).await;
    let created = created.expect(201);
    let again = call(&leader, Method::POST, "/v1/payments", "order 1", &body).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.json(), created);
    let other = body.replace("INV-1", "INV-2");
    let mismatch = call(&leader, Method::POST, "/v1/payments", "order 1", &other).await;
    mismatch.expect_problem(422, "idempotency_mismatch");
    let second = call(&leader, Method::POST, "/v1/payments", "order 2", &body).await;
    second.expect_problem(409, "order_open");

    let bearer = format!("Bearer {KEY}");
    let headers = [("authorization", bearer.as_str())];
    let events = path(&created, "/events");
    let mut streams = Vec::new();
    for worker in [&leader, &follower] {
        let response = open(worker.address(), Method::GET, &events, &headers, "").await;
        streams.push(Stream::new(response));
    }
    let endpoint = json!({ "url": "http://127.0.0.1:1/", "types": ["payment.paid"] }).to_string();
    let endpoint = call(
        &follower,
        Method::POST,
        "/v1/webhook_endpoints",
        "",
        &endpoint,
    )
    .await;
    let endpoint = endpoint.expect(201);

    let customer = AccountId::new("dara@devb").unwrap();
    let customer = leader.sandbox().unwrap().customer(customer);
    customer.pay(created["qr"].as_str().unwrap()).unwrap();
    let check = path(&created, "/check");
    call(&follower, Method::POST, &check, "", "")
        .await
        .expect(202);
    // Only the leader can count a request before it is sent. A program must not read this as "not paid".
    let relay = "/bakong/v1/check_transaction_by_hash";
    let hash = json!({ "hash": "0".repeat(64) }).to_string();
    let refused = call(&follower, Method::POST, relay, "", &hash).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    let mut ids = Vec::new();
    for stream in &mut streams {
        let event = stream.next().await;
        assert_eq!(event.kind, "payment.paid");
        ids.push((event.id, event.data["id"].clone()));
    }
    assert_eq!(ids[0], ids[1]);
    let read = path(&created, "");
    let list = "/v1/payments?status=paid&order_id=INV-1&created_after=2020-01-01T00:00:00Z";
    for worker in [&leader, &follower] {
        let paid = call(worker, Method::GET, &read, "", "").await.expect(200);
        assert_eq!(paid["status"], "paid");
        let listed = call(worker, Method::GET, list, "", "").await.expect(200);
        assert_eq!(listed["data"].as_array().unwrap().len(), 1);
        let cursor = format!("/v1/payments?cursor=1.{}", created["id"].as_str().unwrap());
        let page = call(worker, Method::GET, &cursor, "", "").await.expect(200);
        assert_eq!(page["data"], json!([]));
        let balance = call(worker, Method::GET, "/v1/balance_of_requests", "", "").await;
        assert!(balance.expect(200)["used"].as_u64().unwrap() > 0);
    }
    // One of the workers tried to deliver the event.
    let event = ids[0].1.as_str().unwrap();
    let deliveries = format!("/v1/events/{event}/deliveries");
    loop {
        let list = call(&follower, Method::GET, &deliveries, "", "")
            .await
            .expect(200);
        let delivery = &list["data"][0];
        assert_eq!(delivery["endpoint"], endpoint["id"]);
        if delivery["attempts"][0]["error"].is_string() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let replay = format!("/v1/events/{event}/replay");
    let replayed = call(&leader, Method::POST, &replay, "", "").await;
    assert_eq!(replayed.status.as_u16(), 202);
    let id = endpoint["id"].as_str().unwrap();
    for action in ["rotate", "enable"] {
        let path = format!("/v1/webhook_endpoints/{id}/{action}");
        call(&leader, Method::POST, &path, "", "").await.expect(200);
    }
    let ping = format!("/v1/webhook_endpoints/{id}/ping");
    call(&leader, Method::POST, &ping, "", "").await.expect(202);
    let delete = format!("/v1/webhook_endpoints/{id}");
    let deleted = call(&leader, Method::DELETE, &delete, "", "").await;
    assert_eq!(deleted.status.as_u16(), 204);

    // A session that one worker started is valid on the other, and the pages read the same rows.
    let cookies = Person::with_link(&leader).await.cookies;
    let mut person = Person::new(&follower);
    person.cookies = cookies;
    let checkout = created["checkout_url"].as_str().unwrap();
    let checkout = &checkout[checkout.find("/pay/").unwrap()..];
    for (path, text) in [
        ("/dashboard", "data-version"),
        ("/dashboard/webhooks", "payment.paid"),
        ("/dashboard/keys", "BAKONG_TEST_KEY"),
        ("/pos", "INV-1"),
        (checkout, "data-view=\"paid\""),
    ] {
        let page = person.get(path).await.text();
        assert!(page.contains(text), "{path}: {page}");
    }
    let mut second = Person::new(&follower);
    let used = second.use_link(leader.login_link().unwrap(), leader.public_url());
    assert_eq!(used.await.status.as_u16(), 403);

    // The follower leads when the leader stops.
    leader.shutdown().await;
    let body = body.replace("INV-1", "INV-3");
    let created = loop {
        let created = call(&follower, Method::POST, "/v1/payments", "order 3", &body).await;
        if created.status.as_u16() != 503 {
            break created.expect(201);
        }
    };
    let cancel = path(&created, "/cancel");
    let cancelled = call(&follower, Method::POST, &cancel, "", "").await;
    assert_eq!(cancelled.expect(200)["status"], "cancelled");
    follower.shutdown().await;
}
