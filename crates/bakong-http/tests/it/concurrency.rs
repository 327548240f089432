//! Many requests at once, and callers that drop their requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bakong_api::Transport;
use bakong_api::transport::TransportErrorKind;
use bakong_http::{HyperTransport, RetryPolicy};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::ca::{TestCa, tls_server};
use crate::server::{Server, answering, ok, receive, scripted, send, status, until_closed};
use crate::{no_retry, request, send_check};

fn at_most(requests: usize) -> HyperTransport {
    no_retry()
        .reuse_http1_connections(true)
        .max_in_flight(requests)
        .request_timeout(Duration::from_secs(600))
        .build()
        .unwrap()
}

const CALLERS: usize = 2_000;

/// Sends numbered requests from concurrent tasks. Asserts that each gets its own number back.
async fn send_numbered(transport: &HyperTransport, server: &Server) {
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let (transport, mut request) = (transport.clone(), request(&server.url()));
        *request.body_mut() = number.to_string().into();
        callers.spawn(async move {
            let response = transport.send(request).await.unwrap();
            assert_eq!(response.body(), &number.to_string());
        });
    }
    callers.join_all().await;
}

#[tokio::test]
async fn the_number_of_concurrent_requests_is_limited() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, highest) = (Arc::clone(&now), Arc::clone(&most));
    let server = Server::start(move |mut stream| {
        let (now, most) = (Arc::clone(&count), Arc::clone(&highest));
        async move {
            while let Some(received) = receive(&mut stream).await {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                send(&mut stream, ok(&received.body).as_bytes()).await;
            }
        }
    })
    .await;
    send_numbered(&at_most(8), &server).await;
    assert!(most.load(Ordering::SeqCst) <= 8);
    // The client may open a connection and then use one that became idle first.
    assert!(server.accepted() <= 16, "{}", server.accepted());
}

#[tokio::test]
async fn queued_requests_to_a_dead_host_fail_at_once() {
    let server = Server::start(|stream| async move { drop(stream) }).await;
    let transport = HyperTransport::builder()
        .retry(RetryPolicy::never())
        .max_in_flight(2)
        .build()
        .unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..500 {
        let (transport, url) = (transport.clone(), server.url());
        callers.spawn(async move { send_check(&transport, &url).await.unwrap_err().kind() });
    }
    let kinds = callers.join_all().await;
    let rejected = kinds
        .iter()
        .filter(|kind| **kind == TransportErrorKind::CircuitOpen)
        .count();
    assert!(rejected >= 490, "{rejected}");
    assert!(server.accepted() <= 7, "{}", server.accepted());
}

#[tokio::test]
async fn a_dropped_request_frees_its_place() {
    let (good, _) = answering(ok("{}")).await;
    let handshake = None;
    for (scheme, sent) in [
        ("https", handshake),
        ("http", Some("")),
        ("http", Some("HTTP/1.1 200 OK\r\nConte")),
        (
            "http",
            Some("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
        ),
    ] {
        let event = Arc::new(Notify::new());
        let notify = Arc::clone(&event);
        let server = Server::start(move |mut stream| {
            let notify = Arc::clone(&notify);
            async move {
                if let Some(sent) = sent {
                    receive(&mut stream).await;
                    send(&mut stream, sent.as_bytes()).await;
                }
                notify.notify_one();
                until_closed(&mut stream).await;
            }
        })
        .await;
        let (transport, url) = (at_most(1), server.url().replace("http", scheme));
        tokio::select! {
            result = send_check(&transport, &url) => panic!("no response expected: {result:?}"),
            () = event.notified() => {}
        }
        let (ten_seconds, url) = (Duration::from_secs(10), good.url());
        let sent = tokio::time::timeout(ten_seconds, send_check(&transport, &url)).await;
        sent.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_request_dropped_in_the_queue_is_not_sent() {
    let event = Arc::new(Notify::new());
    let notify = Arc::clone(&event);
    let hanging = Server::start(move |mut stream| {
        notify.notify_one();
        async move { until_closed(&mut stream).await }
    })
    .await;
    let (good, received) = answering(ok("{}")).await;
    let (transport, url) = (at_most(1), hanging.url());
    let holder = {
        let transport = transport.clone();
        tokio::spawn(async move { send_check(&transport, &url).await })
    };
    event.notified().await;
    for _ in 0..20 {
        let soon = Duration::from_millis(1);
        let dropped = tokio::time::timeout(soon, send_check(&transport, &good.url())).await;
        assert!(dropped.is_err());
    }
    assert!(received.all().is_empty());
    holder.abort();
    send_check(&transport, &good.url()).await.unwrap();
}

#[tokio::test]
async fn a_request_that_waits_for_its_retry_takes_no_place() {
    let later = status(503, "Retry-After: 20\r\n");
    let (server, received) = scripted(&[&later, &ok("{}")]).await;
    let (good, _) = answering(ok("{}")).await;
    let transport = HyperTransport::builder().max_in_flight(1).build().unwrap();
    let waiting = {
        let (transport, url) = (transport.clone(), server.url());
        tokio::spawn(async move { send_check(&transport, &url).await })
    };
    while received.all().is_empty() {
        tokio::task::yield_now().await;
    }
    let (ten_seconds, url) = (Duration::from_secs(10), good.url());
    let sent = tokio::time::timeout(ten_seconds, send_check(&transport, &url)).await;
    sent.unwrap().unwrap();
    assert!(!waiting.is_finished());
    waiting.abort();
    send_check(&transport, &good.url()).await.unwrap();
    assert_eq!(received.all().len(), 1);
}

#[tokio::test]
async fn requests_dropped_at_any_point_free_their_places() {
    let ca = TestCa::new();
    let acceptor = ca.acceptor(&["localhost"], 3000);
    let server = tls_server(acceptor, |mut stream| async move {
        while receive(&mut stream).await.is_some() {
            send(&mut stream, ok("{}").as_bytes()).await;
        }
    })
    .await;
    let builder = ca.trusting().max_in_flight(2);
    for reuse in [false, true] {
        let transport = builder.clone().reuse_http1_connections(reuse);
        let transport = transport.build().unwrap();
        let url = format!("https://localhost:{}", server.port());
        for steps in 0..50 {
            let mut callers = JoinSet::new();
            for _ in 0..4 {
                let (transport, url) = (transport.clone(), url.clone());
                callers.spawn(async move { send_check(&transport, &url).await });
            }
            for _ in 0..steps {
                tokio::task::yield_now().await;
            }
            callers.abort_all();
            while callers.join_next().await.is_some() {}
        }
        // Two concurrent requests need both places.
        let (first, second) =
            tokio::join!(send_check(&transport, &url), send_check(&transport, &url));
        first.unwrap();
        second.unwrap();
    }
}
