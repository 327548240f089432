//! The pool of connections: kept, let go, and whole after a caller leaves.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use bakong_api::Transport;
use bakong_http::HyperTransport;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::server::{Server, answering, ok, receive, send, until_closed};
use crate::{ask, request, transport};

/// Waits for what must happen, and fails the test if it does not.
async fn soon(event: &Notify) {
    let waited = tokio::time::timeout(Duration::from_secs(10), event.notified());
    assert!(waited.await.is_ok(), "it did not happen");
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let (server, received) = answering(ok("{}")).await;
    let transport = transport();
    for _ in 0..5 {
        ask(&transport, &server.url()).await.unwrap();
        // A clone shares the pool.
        ask(&transport.clone(), &server.url()).await.unwrap();
    }
    assert_eq!((server.accepted(), received.all().len()), (1, 10));
}

#[tokio::test]
async fn many_at_once_get_each_its_own_answer() {
    let server = Server::start(|mut stream| async move {
        while let Some(asked) = receive(&mut stream).await {
            send(&mut stream, ok(&asked.body).as_bytes()).await;
        }
    })
    .await;
    let transport = transport();
    let mut requests = JoinSet::new();
    for number in 0..100 {
        let (transport, mut request) = (transport.clone(), request(&server.url()));
        *request.body_mut() = number.to_string().into();
        requests.spawn(async move {
            let response = transport.send(request).await.unwrap();
            assert_eq!(response.body(), &number.to_string());
        });
    }
    while let Some(done) = requests.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_not_used_again() {
    let noticed = Arc::new(Notify::new());
    let notify = Arc::clone(&noticed);
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
    let transport = transport();
    for count in 1..=3 {
        ask(&transport, &server.url()).await.unwrap();
        assert_eq!(server.accepted(), count);
        soon(&noticed).await;
    }
}

#[tokio::test]
async fn an_answer_that_ends_the_connection_is_an_answer() {
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    let server = Server::sending_once(closing).await;
    let transport = transport();
    for count in 1..=3 {
        let response = ask(&transport, &server.url()).await.unwrap();
        assert_eq!(&response.body()[..], b"{}");
        assert_eq!(server.accepted(), count);
    }
}

#[tokio::test]
async fn an_unused_connection_is_let_go() {
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
    let short = HyperTransport::builder().idle_timeout(Duration::from_millis(20));
    let transport = short.build().unwrap();
    ask(&transport, &server.url()).await.unwrap();
    soon(&closed).await;
}

#[tokio::test]
async fn a_caller_who_leaves_takes_the_connection_along() {
    let (arrived, closed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let count = Arc::new(AtomicUsize::new(0));
    let (notify_arrived, notify_closed) = (Arc::clone(&arrived), Arc::clone(&closed));
    let server = Server::start(move |mut stream| {
        let (arrived, closed) = (Arc::clone(&notify_arrived), Arc::clone(&notify_closed));
        let first = count.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            receive(&mut stream).await;
            if first {
                // Half an answer, and the caller leaves.
                send(
                    &mut stream,
                    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nlate",
                )
                .await;
                arrived.notify_one();
                until_closed(&mut stream).await;
                closed.notify_one();
            } else {
                send(&mut stream, ok("{}").as_bytes()).await;
            }
        }
    })
    .await;
    let (transport, url) = (transport(), server.url());
    tokio::select! {
        answer = ask(&transport, &url) => panic!("half an answer is one: {answer:?}"),
        () = soon(&arrived) => {}
    }
    let response = ask(&transport, &url).await.unwrap();
    assert_eq!(&response.body()[..], b"{}");
    soon(&closed).await;
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_caller_who_leaves_early_harms_no_other() {
    let (server, _) = answering(ok("{}")).await;
    let (transport, url) = (transport(), server.url());
    for steps in 0..20 {
        tokio::select! {
            biased;
            () = after(steps) => {}
            answer = ask(&transport, &url) => drop(answer.unwrap()),
        }
        let response = ask(&transport, &url).await.unwrap();
        assert_eq!(&response.body()[..], b"{}");
    }
}

/// Lets the other tasks run this many times.
async fn after(steps: u32) {
    for _ in 0..steps {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_transport_outlives_the_runtime_that_it_was_used_in() {
    let transport = transport();
    let server_runtime = tokio::runtime::Runtime::new().unwrap();
    let (server, received) = server_runtime.block_on(answering(ok("{}")));
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(ask(&transport, &server.url())).unwrap();
    }
    assert_eq!(received.all().len(), 3);
}

#[tokio::test]
async fn a_connection_that_is_closed_while_it_is_kept_holds_nobody_up() {
    let (close, closed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, tell) = (Arc::clone(&close), Arc::clone(&closed));
    let server = Server::start(move |mut stream| {
        let (told, tell) = (Arc::clone(&told), Arc::clone(&tell));
        async move {
            receive(&mut stream).await;
            send(&mut stream, ok("{}").as_bytes()).await;
            told.notified().await;
            drop(stream);
            tell.notify_one();
        }
    })
    .await;
    let transport = transport();
    let asked = ask(&transport, &server.url()).await;
    asked.unwrap();
    close.notify_one();
    soon(&closed).await;
    // Whether its end has been seen by now or not.
    let url = server.url();
    let again = tokio::time::timeout(Duration::from_secs(5), ask(&transport, &url));
    again.await.unwrap().unwrap();
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_task_that_has_done_enough_for_its_turn_is_woken_for_its_answer() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let (server, _) = answering(answer).await;
    let transport = transport();
    // tokio lets a task do 128 things in a turn; one at least is left here.
    for done in 100..128 {
        let url = server.url();
        let mut asking = pin!(ask(&transport, &url));
        let busy = poll_fn(|context| {
            for _ in 0..done {
                let done = pin!(tokio::task::consume_budget());
                if done.poll(context).is_pending() {
                    break;
                }
            }
            asking.as_mut().poll(context)
        });
        // The timer first, since its end, too, would wake the task.
        let answer = tokio::select! {
            biased;
            () = tokio::time::sleep(Duration::from_secs(5)) => panic!("held up after {done}"),
            answer = busy => answer.unwrap(),
        };
        assert_eq!(answer.body(), "{}", "{done}");
    }
}

#[tokio::test]
async fn a_task_is_woken_once_for_its_answer() {
    struct Counted(Waker, Arc<AtomicUsize>);
    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.wake_by_ref();
        }
    }
    let (server, _) = answering(ok("{}")).await;
    let (transport, url) = (transport(), server.url());
    ask(&transport, &url).await.unwrap();
    let wakes = Arc::new(AtomicUsize::new(0));
    let mut asking = pin!(ask(&transport, &url));
    let answer = poll_fn(|context| {
        let counted = Counted(context.waker().clone(), Arc::clone(&wakes));
        let waker = Waker::from(Arc::new(counted));
        asking.as_mut().poll(&mut Context::from_waker(&waker))
    });
    assert_eq!(answer.await.unwrap().body(), "{}");
    assert_eq!((server.accepted(), wakes.load(Ordering::Relaxed)), (1, 1));
}

/// RFC 9112 section 9.2: a client must not take such an answer for one of a later request.
#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (inject, injected) = std::sync::mpsc::channel::<std::sync::mpsc::Sender<()>>();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            while stream.read(&mut request).is_ok_and(|length| length > 0) {
                stream.write_all(ok("own").as_bytes()).unwrap();
                // The client may have closed the connection by now.
                let Ok(done) = injected.recv() else { return };
                let _ = stream.write_all(ok("stray").as_bytes());
                done.send(()).unwrap();
            }
        }
    });
    let transport = transport();
    for _ in 0..20 {
        let answer = ask(&transport, &url).await.unwrap();
        assert_eq!(answer.body(), "own");
        // Blocks the runtime, so that the stray answer arrives unseen.
        let (done, wait) = std::sync::mpsc::channel();
        inject.send(done).unwrap();
        wait.recv().unwrap();
    }
}

#[tokio::test]
async fn a_server_that_closes_behind_each_answer_costs_no_request() {
    let server = Server::sending_once(ok("{}")).await;
    let transport = transport();
    for _ in 0..200 {
        ask(&transport, &server.url()).await.unwrap();
    }
}
