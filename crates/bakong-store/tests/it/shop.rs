//! The example of a shop, against the sandbox over sockets.

use std::sync::Arc;

use bakong_flow::bakong_api::khqr_core::AccountId;
use bakong_sandbox::Sandbox;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

#[path = "../../examples/axum_shop.rs"]
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

/// Sends a request, and returns the status and the body.
async fn request(port: u16, method: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

#[tokio::test]
async fn the_shop_ships_a_paid_order_once_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    let sandbox = Sandbox::start().await.unwrap();
    let shop = open(&file, &sandbox).await.unwrap();
    let (port, mut shipped) = serve(&shop).await;

    let (status, body) = request(port, "POST", "/orders").await;
    assert_eq!(status, 200, "{body}");
    let created: Value = serde_json::from_str(&body).unwrap();
    let order = created["order"].as_str().unwrap();
    let page = format!("/orders/{order}");
    assert_eq!(request(port, "GET", &page).await, (200, "open".to_owned()));
    assert_eq!(request(port, "GET", "/orders/other").await.0, 404);

    let customer = sandbox.customer(AccountId::new("dara@devb").unwrap());
    customer.pay(created["qr"].as_str().unwrap()).unwrap();
    let (status, _) = request(port, "POST", &format!("{page}/check")).await;
    assert_eq!(status, 202);
    assert_eq!(shipped.recv().await.as_deref(), Some(order));
    assert_eq!(request(port, "GET", &page).await, (200, "paid".to_owned()));
    shop.shutdown().await;
    // The task has acknowledged the event and ended with the watcher.
    assert_eq!(shipped.recv().await, None);

    let shop = open(&file, &sandbox).await.unwrap();
    let (port, mut shipped) = serve(&shop).await;
    assert_eq!(request(port, "GET", &page).await, (200, "paid".to_owned()));
    shop.shutdown().await;
    assert_eq!(shipped.recv().await, None, "shipped twice");
}
