//! What the pages for staff show of payments and deliveries, and the files that the pages need.

use std::collections::BTreeSet;

use bakong_sandbox::TransferOptions;
use http::Method;
use khqr_core::Amount;
use serde_json::json;

use crate::client::{PATIENCE, send};
use crate::harness::{EXPIRY, Harness, path};
use crate::person::{Person, csrf};
use crate::webhooks::{Receiver, endpoint};

#[tokio::test(flavor = "multi_thread")]
async fn the_point_of_sale_shows_how_each_sale_ended() {
    let shop = Harness::start().await;
    let expired = shop.create("INV-1").await;
    shop.advance(EXPIRY);
    let [review, failed, cancelled, paid] = [
        shop.create("INV-2").await,
        shop.create("INV-3").await,
        shop.create("INV-4").await,
        shop.create("INV-5").await,
    ];
    shop.create("INV-6").await;
    for (payment, options, kind) in [
        (
            &review,
            TransferOptions::new().amount(Amount::us_cents(100)),
            "payment.needs_review",
        ),
        (&failed, TransferOptions::new().failing(), "payment.failed"),
        (&paid, TransferOptions::new(), "payment.paid"),
    ] {
        let mut events = shop.follow(payment, 0).await;
        shop.pay_with(payment, &options);
        shop.check(payment).await;
        assert_eq!(events.next().await.kind, kind);
    }
    let cancel = path(&cancelled, "/cancel");
    shop.post(&cancel, &json!({})).await.expect(200);
    let mut person = Person::with_link(&shop.server).await;
    let page = person.get("/pos").await.text();
    for (payment, chip) in [
        (&expired, "bad\">expired<"),
        (&review, "wait\">needs a decision<"),
        (&failed, "bad\">failed<"),
        (&cancelled, "bad\">was cancelled<"),
        (&paid, "good\">Paid<"),
    ] {
        let link = format!("/pos/{}", payment["id"].as_str().unwrap());
        let start = page.find(&link).unwrap_or_else(|| panic!("no {link}"));
        let line = page[start..].split("</li>").next().unwrap();
        assert!(line.contains(chip), "{chip}: {line}");
    }
    assert_eq!(page.matches("wait\">waiting<").count(), 1);
    // The customer of a payment that failed is not asked to pay its code.
    let checkout = failed["checkout_url"].as_str().unwrap();
    let checkout = &checkout[checkout.find("/pay/").unwrap()..];
    let page = person.get(checkout).await.text();
    assert!(page.contains("data-view=\"failed\"") && !page.contains("card.svg"));
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_repeated_from_the_dashboard() {
    let shop = Harness::start().await;
    let mut receiver = Receiver::start(vec![]).await;
    endpoint(&shop, &json!({ "url": receiver.url })).await;
    let payment = shop.create("INV-1").await;
    let event = shop.pay_and_wait(&payment).await;
    let first = receiver.next().await;
    let mut person = Person::with_link(&shop.server).await;
    let mut page_with = async |text: &str| {
        let wait = async {
            loop {
                let page = person.get("/dashboard/webhooks").await.text();
                if page.contains(text) {
                    return page;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap()
    };
    let page = page_with("HTTP 200").await;
    let form = [("csrf", csrf(&page))];
    let replay = |event: &str| format!("/dashboard/webhooks/{event}/replay");
    let id = event["id"].as_str().unwrap();
    assert!(page.contains(&replay(id)));
    let mut staff = Person::new(&shop.server);
    staff.cookies.clone_from(&person.cookies);
    let answer = staff.post(&replay(id), &form).await;
    assert_eq!(
        answer.header("location"),
        Some("/dashboard/webhooks?mode=test")
    );
    let second = receiver.next().await;
    assert_eq!(first.body, second.body);
    assert_eq!(staff.post(&replay("evt_0"), &form).await.status, 404);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_not_changed_and_a_password_that_nobody_set_opens_nothing() {
    let shop = Harness::start().await;
    let mut person = Person::with_link(&shop.server).await;
    let token = csrf(&person.get("/dashboard/keys").await.text());
    let form = [("csrf", token)];
    let answer = person.post("/dashboard/keys/key_0/revoke", &form).await;
    assert_eq!(answer.status, 404);
    // A cashier cannot create a payment for an order of the shop.
    let page = person.get("/pos").await.text();
    let form = |order: &str| {
        let fields = [("order", order), ("amount", "1"), ("currency", "USD")];
        let fields = fields.map(|(name, value)| (name, value.to_owned()));
        let mut form = vec![("csrf", csrf(&page))];
        form.extend(fields);
        form
    };
    for order in ["INV-1", "POS-1\u{7}", ""] {
        assert_eq!(person.post("/pos", &form(order)).await.status, 403);
    }
    let mut stranger = Person::new(&shop.server);
    for password in ["", "password"] {
        let token = csrf(&stranger.get("/login?link=x").await.text());
        let form = [("csrf", token), ("password", password.to_owned())];
        assert_eq!(stranger.post("/login", &form).await.status, 403);
    }
    assert_eq!(stranger.get("/dashboard").await.status, 303);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_that_a_page_needs_is_served_with_its_type() {
    let shop = Harness::start_with(|config, _| config.pages.demo = true).await;
    let payment = shop.create("INV-1").await;
    let checkout = payment["checkout_url"].as_str().unwrap();
    let checkout = &checkout[checkout.find("/pay/").unwrap()..];
    let sale = format!("/pos/{}", payment["id"].as_str().unwrap());
    let mut person = Person::with_link(&shop.server).await;
    let mut files = BTreeSet::new();
    for path in ["/dashboard", "/pos", &sale, "/demo", checkout] {
        let page = person.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        let page = page.text();
        let values = page.split(['"', '\'']);
        let is_file = |value: &&str| value.ends_with(".js") || value.ends_with(".css");
        files.extend(values.filter(is_file).map(str::to_owned));
    }
    assert!(files.contains("/embed.js") && files.len() > 4, "{files:?}");
    let address = shop.server.address();
    for file in &files {
        let answer = send(address, Method::GET, file, &[], "").await;
        assert_eq!(answer.status, 200, "{file}");
        let kind = if file.ends_with(".css") {
            "text/css; charset=utf-8"
        } else {
            "text/javascript; charset=utf-8"
        };
        assert_eq!(answer.header("content-type"), Some(kind), "{file}");
        assert!(answer.header("cache-control").is_some(), "{file}");
    }
    let answer = send(address, Method::GET, "/assets/..%2fsecret", &[], "").await;
    assert_eq!(answer.status, 404);
    shop.server.shutdown().await;
}
