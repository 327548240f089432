//! The example of a web shop, against the sandbox over sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use std::sync::Arc;

use bakong::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

#[path = "../examples/axum_shop.rs"]
mod example;

use example::{Shop, open, router, ship};

/// Serves the shop, and returns the port and the orders that it ships.
async fn serve(shop: &Arc<Shop>) -> (u16, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let pages = router(Arc::clone(shop));
    tokio::spawn(async move { axum::serve(listener, pages).await.unwrap() });
    let (shipped, orders) = mpsc::unbounded_channel();
    let shop = Arc::clone(shop);
    tokio::spawn(async move {
        let ship_it = |order: &str| shipped.send(order.to_owned()).unwrap();
        ship(&shop, ship_it).await.unwrap();
    });
    (port, orders)
}

/// Sends a request, and returns the whole answer.
async fn request(port: u16, method: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The text between two marks.
fn between<'a>(answer: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = answer.split_once(start).unwrap();
    rest.split_once(end).unwrap().0
}

#[tokio::test]
async fn the_shop_ships_a_paid_order_once_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    let sandbox = Sandbox::start().await.unwrap();
    let token = sandbox.issue_token("shop@example.com");
    let shop = open(&file, &sandbox.base_url(), &token).await.unwrap();
    let (port, mut shipped) = serve(&shop).await;

    let created = request(port, "POST", "/orders").await;
    assert!(created.starts_with("HTTP/1.1 303"), "{created}");
    let page = between(&created, "location: ", "\r\n");
    let order = page.strip_prefix("/orders/").unwrap();
    let shown = request(port, "GET", page).await;
    assert!(shown.contains("<svg"), "{shown}");
    let unknown = request(port, "GET", "/orders/other").await;
    assert!(unknown.starts_with("HTTP/1.1 404"), "{unknown}");

    let customer = sandbox.customer(AccountId::new("dara@devb").unwrap());
    customer.pay(between(&shown, "<pre>", "</pre>")).unwrap();
    let checked = request(port, "POST", &format!("{page}/check")).await;
    assert!(checked.starts_with("HTTP/1.1 303"), "{checked}");
    assert_eq!(shipped.recv().await.as_deref(), Some(order));
    let receipt = request(port, "GET", page).await;
    assert!(!receipt.contains("<svg"), "{receipt}");
    for part in ["1.50", "dara@devb", "<br>at: 20"] {
        assert!(receipt.contains(part), "{part}: {receipt}");
    }
    shop.shutdown().await;
    // The task has acknowledged the event and ended with the watcher.
    assert_eq!(shipped.recv().await, None);

    let shop = open(&file, &sandbox.base_url(), &token).await.unwrap();
    let (port, mut shipped) = serve(&shop).await;
    assert_eq!(
        between(&request(port, "GET", page).await, "<p>", "<br>"),
        between(&receipt, "<p>", "<br>")
    );
    shop.shutdown().await;
    assert_eq!(shipped.recv().await, None, "shipped twice");
}

#[tokio::test]
async fn a_shop_with_a_rejected_token_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    let sandbox = Sandbox::start().await.unwrap();
    let rejected = sandbox.issue_token("shop@example.com");
    sandbox.revoke_tokens();
    let error = open(&file, &sandbox.base_url(), &rejected)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("token"), "{error}");
    // The lease was released: the next process leads at once.
    let token = sandbox.issue_token("shop@example.com");
    let shop = open(&file, &sandbox.base_url(), &token).await.unwrap();
    let (port, _shipped) = serve(&shop).await;
    let created = request(port, "POST", "/orders").await;
    assert!(created.starts_with("HTTP/1.1 303"), "{created}");
    shop.shutdown().await;
}
