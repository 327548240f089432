//! Many callers at once, and callers who leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bakong_api::Transport;
use bakong_api::transport::TransportErrorKind;
use bakong_http::{HyperTransport, RetryPolicy};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::authority::{Authority, tls_server};
use crate::server::{Server, answering, ok, receive, scripted, send, status, until_closed};
use crate::{ask, once, request};

fn at_most(requests: usize) -> HyperTransport {
    once()
        .max_in_flight(requests)
        .request_timeout(Duration::from_secs(600))
        .build()
        .unwrap()
}

const CALLERS: usize = 2_000;

#[tokio::test]
async fn a_crowd_is_served_in_order() {
    let (server, received) = answering(ok("{}")).await;
    let transport = at_most(1);
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let (transport, mut request) = (transport.clone(), request(&server.url()));
        *request.body_mut() = number.to_string().into();
        callers.spawn(async move { transport.send(request).await.unwrap() });
    }
    callers.join_all().await;
    let order: Vec<usize> = received
        .all()
        .iter()
        .map(|asked| asked.body.parse().unwrap())
        .collect();
    assert_eq!(order, Vec::from_iter(0..CALLERS));
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn a_crowd_takes_as_many_connections_as_it_may() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, highest) = (Arc::clone(&now), Arc::clone(&most));
    let server = Server::start(move |mut stream| {
        let (now, most) = (Arc::clone(&count), Arc::clone(&highest));
        async move {
            while let Some(asked) = receive(&mut stream).await {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                send(&mut stream, ok(&asked.body).as_bytes()).await;
            }
        }
    })
    .await;
    let transport = at_most(8);
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
    assert!(most.load(Ordering::SeqCst) <= 8);
    // Each may have begun one that it then did not need.
    assert!(server.accepted() <= 16, "{}", server.accepted());
}

#[tokio::test]
async fn whoever_waits_for_a_dead_host_is_told_and_does_not_wait() {
    let server = Server::start(|stream| async move { drop(stream) }).await;
    let transport = HyperTransport::builder()
        .retry(RetryPolicy::never())
        .max_in_flight(2)
        .build()
        .unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..500 {
        let (transport, url) = (transport.clone(), server.url());
        callers.spawn(async move { ask(&transport, &url).await.unwrap_err().kind() });
    }
    let kinds = callers.join_all().await;
    let told = kinds
        .iter()
        .filter(|kind| **kind == TransportErrorKind::CircuitOpen)
        .count();
    assert!(told >= 490, "{told}");
    assert!(server.accepted() <= 7, "{}", server.accepted());
}

/// Starts a request to `url`, waits for `event`, and leaves; then the only place must be free.
async fn leaving(transport: &HyperTransport, url: &str, event: &Notify) {
    let (good, _) = answering(ok("{}")).await;
    tokio::select! {
        answer = ask(transport, url) => panic!("it was to hang: {answer:?}"),
        () = event.notified() => {}
    }
    let waited = tokio::time::timeout(Duration::from_secs(10), ask(transport, &good.url())).await;
    waited.unwrap().unwrap();
}

#[tokio::test]
async fn a_caller_may_leave_while_connecting() {
    let event = Arc::new(Notify::new());
    let notify = Arc::clone(&event);
    let server = Server::start(move |mut stream| {
        notify.notify_one();
        async move { until_closed(&mut stream).await }
    })
    .await;
    let url = server.url().replace("http", "https");
    leaving(&at_most(1), &url, &event).await;
}

#[tokio::test]
async fn a_caller_may_leave_before_the_answer_and_within() {
    for part in [
        "",
        "HTTP/1.1 200 OK\r\nConte",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
    ] {
        let event = Arc::new(Notify::new());
        let notify = Arc::clone(&event);
        let server = Server::start(move |mut stream| {
            let notify = Arc::clone(&notify);
            async move {
                receive(&mut stream).await;
                send(&mut stream, part.as_bytes()).await;
                notify.notify_one();
                until_closed(&mut stream).await;
            }
        })
        .await;
        leaving(&at_most(1), &server.url(), &event).await;
    }
}

#[tokio::test]
async fn a_caller_may_leave_while_waiting() {
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
        tokio::spawn(async move { ask(&transport, &url).await })
    };
    event.notified().await;
    for _ in 0..20 {
        let soon = Duration::from_millis(1);
        let left = tokio::time::timeout(soon, ask(&transport, &good.url())).await;
        assert!(left.is_err());
    }
    assert!(received.all().is_empty());
    holder.abort();
    ask(&transport, &good.url()).await.unwrap();
}

#[tokio::test]
async fn who_waits_to_ask_again_takes_no_place() {
    let later = status(503, "Retry-After: 20\r\n");
    let (server, received) = scripted(&[&later, &ok("{}")]).await;
    let (good, _) = answering(ok("{}")).await;
    let transport = HyperTransport::builder().max_in_flight(1).build().unwrap();
    let waiting = {
        let (transport, url) = (transport.clone(), server.url());
        tokio::spawn(async move { ask(&transport, &url).await })
    };
    while received.all().is_empty() {
        tokio::task::yield_now().await;
    }
    let waited = tokio::time::timeout(Duration::from_secs(10), ask(&transport, &good.url())).await;
    waited.unwrap().unwrap();
    assert!(!waiting.is_finished());
    waiting.abort();
    ask(&transport, &good.url()).await.unwrap();
    assert_eq!(received.all().len(), 1);
}

#[tokio::test]
async fn callers_who_leave_at_any_moment_leave_all_places_free() {
    let authority = Authority::new();
    let acceptor = authority.acceptor(&["localhost"], 3000);
    let server = tls_server(acceptor, |mut stream| async move {
        while receive(&mut stream).await.is_some() {
            send(&mut stream, ok("{}").as_bytes()).await;
        }
    })
    .await;
    let transport = authority.trusting().max_in_flight(2).build().unwrap();
    let url = format!("https://localhost:{}", server.port());
    for steps in 0..100 {
        let mut callers = JoinSet::new();
        for _ in 0..4 {
            let (transport, url) = (transport.clone(), url.clone());
            callers.spawn(async move { ask(&transport, &url).await });
        }
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
        callers.abort_all();
        while callers.join_next().await.is_some() {}
    }
    // Two at once, which both need a place.
    let both = tokio::join!(ask(&transport, &url), ask(&transport, &url));
    both.0.unwrap();
    both.1.unwrap();
}
