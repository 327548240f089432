//! The demo shop.

use bakong_server::Server;
use http::Method;
use tempfile::TempDir;

use crate::client::{Stream, open, send};
use crate::harness::{Harness, config};
use crate::person::{Person, csrf};

#[tokio::test(flavor = "multi_thread")]
async fn a_bought_coffee_leads_to_a_webhook_with_a_valid_signature_and_no_program_asked_for_a_check()
 {
    let folder = TempDir::new().unwrap();
    let mut config = config(folder.path());
    config.pages.demo = true;
    let server = Server::start(&config).await.unwrap();
    let mut person = Person::new(&server);
    let page = person.get("/demo").await.text();
    assert!(page.contains("Iced coffee"));
    let form = [("csrf", csrf(&page)), ("product", "iced".to_owned())];
    let forged = Person::new(&server).post("/demo/buy", &form).await;
    assert_eq!(forged.status.as_u16(), 403);
    let answer = person.post("/demo/buy", &form).await;
    let checkout = answer.header("location").unwrap().to_owned();
    let page = person.get(&checkout).await.text();
    assert!(
        page.contains("6,000 KHR")
            && page.contains("Iced coffee")
            && page.contains("/?code=000201")
    );

    let address = server.address();
    let mut messages = Stream::new(open(address, Method::GET, "/demo/events", &[], "").await);
    assert_eq!(messages.next_data().await, "0");
    let key = format!("Bearer {}", crate::harness::KEY);
    let list = send(
        address,
        Method::GET,
        "/v1/payments",
        &[("authorization", &key)],
        "",
    )
    .await;
    let code = list.json()["data"][0]["qr"].as_str().unwrap().to_owned();
    let customer = server
        .sandbox()
        .unwrap()
        .customer(khqr_core::AccountId::new("dara@devb").unwrap());
    customer.pay(&code).unwrap();
    assert_eq!(messages.next_data().await, "1");
    let page = person.get("/demo").await.text();
    assert!(page.contains("payment.paid") && page.contains("signature valid"));
    assert!(
        person
            .get(&checkout)
            .await
            .text()
            .contains("data-view=\"paid\"")
    );

    // A message that the server did not sign.
    let headers = [
        ("webhook-id", "evt_forged"),
        ("webhook-timestamp", "1795000000"),
        ("webhook-signature", "v1,AAAA"),
    ];
    let answer = send(address, Method::POST, "/demo/webhook", &headers, "{}").await;
    assert_eq!(answer.status.as_u16(), 401);
    assert!(!person.get("/demo").await.text().contains("evt_forged"));
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_demo_shop_has_none() {
    let shop = Harness::start().await;
    for (method, path) in [
        (Method::GET, "/demo"),
        (Method::GET, "/demo/events"),
        (Method::POST, "/demo/webhook"),
    ] {
        let answer = send(shop.server.address(), method, path, &[], "").await;
        assert_eq!(answer.status.as_u16(), 404, "{path}");
    }
    shop.server.shutdown().await;
}
