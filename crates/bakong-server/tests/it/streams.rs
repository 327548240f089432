//! Server-sent events.

use crate::harness::Harness;

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_stream_continues_after_the_last_event() {
    let shop = Harness::start().await;
    let other = shop.create("INV-0").await;
    let created = shop.create("INV-1").await;
    let mut before = shop.follow(&created, 0).await;
    let mut of_other = shop.follow(&other, 0).await;
    shop.pay_and_wait(&created).await;
    let event = before.next().await;
    assert_eq!(event.kind, "payment.paid");

    // The past is sent again to a client that has not seen it, also after a restart.
    let mut again = shop.follow(&created, 0).await;
    let repeated = again.next().await;
    assert_eq!((repeated.id, &repeated.data), (event.id, &event.data));
    // A stream has the events of its payment only.
    shop.pay_and_wait(&other).await;
    assert_eq!(of_other.next().await.data["data"]["id"], other["id"]);

    let shop = shop.restart().await;
    let mut after = shop.follow(&created, event.id).await;
    let mut all = shop.follow(&created, 0).await;
    assert_eq!(all.next().await.data["id"], event.data["id"]);
    // The streams end when the server stops, and nothing was sent twice.
    shop.server.shutdown().await;
    assert!(after.try_next().await.is_none());
    assert!(all.try_next().await.is_none());
}
