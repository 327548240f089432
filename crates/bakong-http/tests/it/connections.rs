//! Opening, reusing and closing connections.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

use crate::server::{Server, answering, ok, receive, send, until_closed};
use crate::{no_retry, reusing, send_check, transport};

/// Waits for an event, and fails the test if it does not happen.
async fn soon(event: &Notify) {
    let waited = tokio::time::timeout(Duration::from_secs(10), event.notified());
    assert!(waited.await.is_ok(), "the event did not happen");
}

#[tokio::test]
async fn an_http1_connection_is_reused_only_on_request() {
    let (server, received) = answering(ok("{}")).await;
    for (transport, connections) in [(transport(), 10), (reusing(), 1)] {
        let before = (server.accepted(), received.all().len());
        for _ in 0..5 {
            send_check(&transport, &server.url()).await.unwrap();
            // Clones share the connections.
            send_check(&transport.clone(), &server.url()).await.unwrap();
        }
        assert_eq!(server.accepted() - before.0, connections);
        assert_eq!(received.all().len() - before.1, 10);
    }
}

/// What a server does to a connection after its response.
#[derive(Clone, Copy)]
enum Afterwards {
    /// Sends a second response, which RFC 9112 section 9.2 forbids.
    SecondResponse,
    Close,
}

/// Sends 20 checks to a server that does this after each response, while the client's runtime is blocked and
/// cannot notice it.
async fn every_check_gets_its_own_answer(afterwards: Afterwards) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (proceed, proceeds) = mpsc::channel::<mpsc::Sender<()>>();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            while stream.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
                stream.write_all(ok("first").as_bytes()).unwrap();
                let Ok(done) = proceeds.recv() else { return };
                // Both writes fail if the client has closed the connection.
                match afterwards {
                    Afterwards::SecondResponse => drop(stream.write_all(ok("second").as_bytes())),
                    Afterwards::Close => drop(stream.shutdown(Shutdown::Both)),
                }
                done.send(()).unwrap();
            }
        }
    });
    let transport = transport();
    for _ in 0..20 {
        let response = send_check(&transport, &url).await.unwrap();
        assert_eq!(response.body(), "first");
        let (done, wait) = mpsc::channel();
        proceed.send(done).unwrap();
        wait.recv().unwrap();
    }
}

#[tokio::test]
async fn a_second_response_is_not_taken_for_the_next_answer() {
    every_check_gets_its_own_answer(Afterwards::SecondResponse).await;
}

#[tokio::test]
async fn a_server_that_closes_without_notice_costs_no_request() {
    every_check_gets_its_own_answer(Afterwards::Close).await;
}

#[tokio::test]
async fn a_response_with_connection_close_is_complete() {
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    let server = Server::sending_once(closing).await;
    let transport = reusing();
    for count in 1..=3 {
        let response = send_check(&transport, &server.url()).await.unwrap();
        assert_eq!(&response.body()[..], b"{}");
        assert_eq!(server.accepted(), count);
    }
}

/// A server that answers one request per connection, and notifies when the client closes.
async fn noticing_close() -> (Server, Arc<Notify>) {
    let closed = Arc::new(Notify::new());
    let notify = Arc::clone(&closed);
    let server = Server::start(move |mut stream| {
        let notify = Arc::clone(&notify);
        async move {
            receive(&mut stream).await;
            send(&mut stream, ok("{}").as_bytes()).await;
            until_closed(&mut stream).await;
            notify.notify_one();
        }
    })
    .await;
    (server, closed)
}

#[tokio::test]
async fn an_unused_connection_is_closed() {
    let idle = no_retry()
        .reuse_http1_connections(true)
        .idle_timeout(Duration::from_millis(20));
    // Without reuse, the connection is closed at once.
    for transport in [idle.build().unwrap(), transport()] {
        let (server, closed) = noticing_close().await;
        send_check(&transport, &server.url()).await.unwrap();
        soon(&closed).await;
    }
}

#[tokio::test]
async fn an_idle_connection_that_the_server_closed_is_not_used() {
    let closed = Arc::new(Notify::new());
    let notify = Arc::clone(&closed);
    let server = Server::start(move |mut stream| {
        let notify = Arc::clone(&notify);
        async move {
            receive(&mut stream).await;
            send(&mut stream, ok("{}").as_bytes()).await;
            let _ = stream.shutdown().await;
            until_closed(&mut stream).await;
            notify.notify_one();
        }
    })
    .await;
    let transport = reusing();
    for count in 1..=3 {
        send_check(&transport, &server.url()).await.unwrap();
        assert_eq!(server.accepted(), count);
        soon(&closed).await;
    }
}

#[tokio::test]
async fn a_dropped_request_closes_its_connection() {
    let (arrived, closed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let count = Arc::new(AtomicUsize::new(0));
    let (notify_arrived, notify_closed) = (Arc::clone(&arrived), Arc::clone(&closed));
    let server = Server::start(move |mut stream| {
        let (arrived, closed) = (Arc::clone(&notify_arrived), Arc::clone(&notify_closed));
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            receive(&mut stream).await;
            if first {
                let half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nlate";
                send(&mut stream, half).await;
                arrived.notify_one();
                until_closed(&mut stream).await;
                closed.notify_one();
            } else {
                send(&mut stream, ok("{}").as_bytes()).await;
            }
        }
    })
    .await;
    let (transport, url) = (reusing(), server.url());
    tokio::select! {
        result = send_check(&transport, &url) => panic!("half a response: {result:?}"),
        () = soon(&arrived) => {}
    }
    let response = send_check(&transport, &url).await.unwrap();
    assert_eq!(&response.body()[..], b"{}");
    soon(&closed).await;
    assert_eq!(server.accepted(), 2);
}

#[test]
fn a_transport_outlives_its_runtime() {
    let server_runtime = tokio::runtime::Runtime::new().unwrap();
    let (server, received) = server_runtime.block_on(answering(ok("{}")));
    let transport = reusing();
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let url = server.url();
        runtime.block_on(send_check(&transport, &url)).unwrap();
    }
    assert_eq!(received.all().len(), 3);
}
