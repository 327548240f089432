//! Lists and statements.

use serde_json::json;

use crate::harness::Harness;

#[tokio::test(flavor = "multi_thread")]
async fn pages_contain_each_payment_once_the_newest_first() {
    let shop = Harness::start().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let created = shop.create(&format!("INV-{number}")).await;
        ids.push(created["id"].as_str().unwrap().to_owned());
        shop.advance(2);
    }
    ids.reverse();
    let (mut listed, mut path) = (Vec::new(), "/v1/payments?limit=2".to_owned());
    loop {
        let page = shop.get(&path).await.expect(200);
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= 2);
        listed.extend(data.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/payments?limit=2&cursor={next}");
    }
    assert_eq!(listed, ids);

    let one = shop.get("/v1/payments?order_id=INV-3&status=open").await;
    assert_eq!(one.expect(200)["data"].as_array().unwrap().len(), 1);
    let none = shop.get("/v1/payments?status=paid").await.expect(200);
    assert_eq!(none["data"], json!([]));
    let none = shop
        .get("/v1/payments?created_after=2999-01-01T00:00:00Z")
        .await;
    assert_eq!(none.expect(200)["data"], json!([]));
    for (query, code) in [
        ("limit=0", "invalid_parameter"),
        ("limit=101", "invalid_parameter"),
        ("cursor=x", "invalid_parameter"),
        ("created_after=yesterday", "invalid_parameter"),
        ("status=lost", "invalid_query"),
        ("colour=red", "invalid_query"),
    ] {
        let answer = shop.get(&format!("/v1/payments?{query}")).await;
        answer.expect_problem(400, code);
    }
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statement_has_the_sums_of_each_till() {
    let shop = Harness::start().await;
    for (order, amount, currency, terminal) in [
        ("INV-1", "1.50", "USD", "Till 1"),
        ("INV-2", "2.25", "USD", "Till 1"),
        ("=INV-3", "10000", "KHR", "Till 2"),
    ] {
        let body = json!({
            "amount": amount, "currency": currency, "order_id": order, "terminal": terminal,
        });
        let created = shop.post("/v1/payments", &body).await.expect(201);
        shop.pay_and_wait(&created).await;
    }
    let statement = shop.get("/v1/statement").await.expect(200);
    assert_eq!(statement["settled"].as_array().unwrap().len(), 3);
    let totals = json!([
        { "terminal": "Till 1", "currency": "USD", "payments": 2, "amount": "3.75" },
        { "terminal": "Till 2", "currency": "KHR", "payments": 1, "amount": "10000" },
    ]);
    assert_eq!(statement["totals"], totals);
    let csv = shop.get("/v1/statement?format=csv").await;
    assert!(csv.header("content-type").unwrap().starts_with("text/csv"));
    let csv = csv.text();
    assert_eq!(csv.lines().count(), 4);
    assert!(csv.contains("\"settled\",\"'=INV-3\""), "{csv}");
    let other = shop.get("/v1/statement?day=2020-01-01").await.expect(200);
    assert_eq!(other["settled"], json!([]));
    let wrong = shop.get("/v1/statement?day=28.11.2026").await;
    wrong.expect_problem(400, "invalid_parameter");
    shop.server.shutdown().await;
}
