//! Which requests are retried, and when.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bakong_api::endpoint::{CheckTransactionByMd5, CheckTransactionByMd5List, RenewToken};
use bakong_api::observe::{Attempt, SessionObserver};
use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{BaseUrl, CheckAnswer, Endpoint, ErrorClass, Session, Transport};
use bakong_http::{CircuitBreaker, HyperTransport, HyperTransportBuilder, RetryPolicy};
use bytes::Bytes;
use http::{Request, Response, StatusCode};

use crate::ca::{TestCa, tls_server};
use crate::server::{ReceivedRequest, Server, ok, receive, scripted, send, status, until_closed};
use crate::{MD5, request, send_check, token};

/// The default policy with short waits.
fn eager() -> RetryPolicy {
    RetryPolicy::default().base(Duration::from_millis(1))
}

fn settings() -> HyperTransportBuilder {
    HyperTransport::builder()
        .retry(eager())
        .circuit_breaker(CircuitBreaker::never())
}

fn transport() -> HyperTransport {
    settings().build().unwrap()
}

/// A request that is not repeatable.
fn renewal(base_url: &str) -> Request<Bytes> {
    let base_url = BaseUrl::new(base_url).unwrap();
    let renewal = RenewToken::new("till@example.com").unwrap();
    renewal.to_request(&base_url, None).unwrap()
}

#[tokio::test]
async fn the_transport_of_a_watcher_repeats_nothing() {
    let (server, received) = scripted(&[&status(503, ""), &ok("{}")]).await;
    let transport = HyperTransport::for_watcher().build().unwrap();
    let response = send_check(&transport, &server.url()).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(received.all().len(), 1);
}

#[tokio::test]
async fn a_temporary_outage_is_retried() {
    let code_9 = ok(r#"{"responseCode":1,"errorCode":9,"responseMessage":"down","data":null}"#);
    for outage in [
        status(503, ""),
        status(500, ""),
        status(408, ""),
        status(429, ""),
        code_9,
        String::new(),
    ] {
        let (server, received) = scripted(&[&outage, &outage, &ok("{}")]).await;
        let response = send_check(&transport(), &server.url()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{outage}");
        let all = received.all();
        assert_eq!(all.len(), 3, "{outage}");
        let is_same =
            |sent: &ReceivedRequest| (&sent.head, &sent.body) == (&all[0].head, &all[0].body);
        assert!(all.iter().all(is_same));
    }
}

#[tokio::test]
async fn the_last_attempt_is_returned() {
    let (server, received) =
        scripted(&[&status(503, ""), &status(502, ""), &status(504, "")]).await;
    let response = send_check(&transport(), &server.url()).await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(received.all().len(), 3);

    let (server, received) = scripted(&[""]).await;
    let error = send_check(&transport(), &server.url()).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Interrupted);
    assert_eq!(received.all().len(), 3);
}

#[tokio::test]
async fn a_permanent_error_is_not_retried() {
    let quota = ok(
        r#"{"responseCode":1,"errorCode":17,"responseMessage":"Daily request limit of 100 exceeded.","data":null}"#,
    );
    let not_found =
        ok(r#"{"responseCode":1,"errorCode":1,"responseMessage":"not found","data":null}"#);
    for answer in [
        status(401, ""),
        status(403, ""),
        status(404, ""),
        status(302, "Location: /\r\n"),
        quota,
        not_found,
        ok("<h1>no JSON</h1>"),
        ok(""),
    ] {
        let (server, received) = scripted(&[&answer]).await;
        send_check(&transport(), &server.url()).await.unwrap();
        assert_eq!(received.all().len(), 1, "{answer}");
    }
}

/// The statuses that a CDN in front of Bakong may send by mistake.
const FRONT: [u16; 9] = [403, 404, 405, 406, 409, 410, 421, 425, 451];

#[tokio::test]
async fn a_single_refusal_in_the_middle_of_good_answers_is_retried() {
    for code in FRONT {
        let page = format!(
            "HTTP/1.1 {code} Status\r\nContent-Type: text/html\r\nContent-Length: 12\r\n\r\n<h1>no</h1>\r\n"
        );
        for refusal in [status(code, ""), page] {
            let good = ok("{}");
            let (server, received) = scripted(&[&good, &refusal, &good, &refusal, &good]).await;
            let transport = transport();
            for sent in [1, 3, 5] {
                let response = send_check(&transport, &server.url()).await.unwrap();
                assert_eq!(response.status(), StatusCode::OK, "{refusal}");
                assert_eq!(received.all().len(), sent, "{refusal}");
            }
        }
    }
}

#[tokio::test]
async fn a_repeated_refusal_is_a_block_and_is_retried_only_once_per_good_answer() {
    for code in FRONT {
        let (server, received) = scripted(&[&ok("{}"), &status(code, "")]).await;
        let transport = transport();
        // Three attempts for the first refused check, then one each.
        for sent in [1, 4, 5, 6] {
            let response = send_check(&transport, &server.url()).await.unwrap();
            let expected = if sent == 1 { 200 } else { code };
            assert_eq!(response.status(), expected);
            assert_eq!(received.all().len(), sent, "{code}");
        }
    }
}

#[tokio::test]
async fn a_refusal_is_not_retried_on_a_path_that_never_answered() {
    let md5 = MD5.parse().unwrap();
    let list = CheckTransactionByMd5List::new([md5]).unwrap();
    let (server, received) = scripted(&[&ok("{}"), &status(403, "")]).await;
    let transport = transport();
    send_check(&transport, &server.url()).await.unwrap();
    let base_url = BaseUrl::new(&server.url()).unwrap();
    let list = list.to_request(&base_url, Some(&token())).unwrap();
    let response = transport.send(list).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(received.all().len(), 2);
    // The page of a captive portal is not a good answer.
    let (server, received) = scripted(&[&ok("<h1>log in</h1>"), &status(403, "")]).await;
    for sent in [1, 2] {
        send_check(&transport, &server.url()).await.unwrap();
        assert_eq!(received.all().len(), sent);
    }
}

#[tokio::test]
async fn a_refusal_with_a_code_of_bakong_is_not_retried() {
    let body = r#"{"responseCode":1,"errorCode":5,"responseMessage":"no","data":null}"#;
    for code in FRONT {
        let refusal = ok(body).replace("200 OK", &format!("{code} No"));
        let (server, received) = scripted(&[&ok("{}"), &refusal]).await;
        let transport = transport();
        for sent in [1, 2] {
            send_check(&transport, &server.url()).await.unwrap();
            assert_eq!(received.all().len(), sent, "{code}");
        }
    }
}

#[tokio::test]
async fn a_renewal_is_not_repeated_after_a_refusal() {
    let (server, received) = scripted(&[&ok("{}"), &status(403, "")]).await;
    let transport = transport();
    for sent in [1, 2] {
        transport.send(renewal(&server.url())).await.unwrap();
        assert_eq!(received.all().len(), sent);
    }
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let date =
        "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:38 GMT\r\n";
    let elapsed_with = async |headers: &str| {
        let (server, received) = scripted(&[&status(429, headers), &ok("{}")]).await;
        let start = Instant::now();
        let response = send_check(&transport(), &server.url()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(received.all().len(), 2);
        start.elapsed()
    };
    let (seconds, until) = tokio::join!(elapsed_with("Retry-After: 1\r\n"), elapsed_with(date));
    for waited in [seconds, until] {
        assert!(waited >= Duration::from_secs(1), "{waited:?}");
    }
    // A date in the past, by the server's clock or by ours, causes no wait.
    elapsed_with("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n").await;
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_started() {
    for headers in [
        "Retry-After: 3600\r\n",
        "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n",
        "Retry-After: 18446744073709551615\r\n",
    ] {
        for code in [429, 503] {
            let (server, received) = scripted(&[&status(code, headers), &ok("{}")]).await;
            let start = Instant::now();
            let response = send_check(&transport(), &server.url()).await.unwrap();
            assert_eq!(response.status(), code);
            assert_eq!(received.all().len(), 1);
            assert!(start.elapsed() < Duration::from_secs(10));
        }
    }
}

#[tokio::test]
async fn a_request_that_is_not_repeatable_is_sent_once() {
    for outage in [
        status(503, ""),
        status(429, "Retry-After: 0\r\n"),
        String::new(),
    ] {
        let (server, received) = scripted(&[&outage, &ok("{}")]).await;
        let answer = transport().send(renewal(&server.url())).await;
        assert_ne!(answer.map(|it| it.status()).ok(), Some(StatusCode::OK));
        assert_eq!(received.all().len(), 1, "{outage}");
        // Nor is a request without `EndpointInfo` repeatable.
        let mut unknown = request(&server.url());
        unknown.extensions_mut().clear();
        let (server, received) = scripted(&[&outage, &ok("{}")]).await;
        *unknown.uri_mut() = request(&server.url()).uri().clone();
        let _ = transport().send(unknown).await;
        assert_eq!(received.all().len(), 1, "{outage}");
    }
    let hanging = Server::start(|mut stream| async move { until_closed(&mut stream).await }).await;
    let soon = settings().attempt_timeout(Duration::from_millis(50));
    let sent = soon.build().unwrap().send(renewal(&hanging.url())).await;
    assert_eq!(sent.unwrap_err().kind(), TransportErrorKind::Timeout);
    assert_eq!(hanging.accepted(), 1);
}

/// Records the attempts and their statuses.
#[derive(Default)]
struct Counter {
    sent: AtomicUsize,
    finished: Mutex<Vec<Option<StatusCode>>>,
}

impl SessionObserver for Counter {
    fn sending(&self, attempt: Attempt) {
        let before = self.sent.fetch_add(1, Ordering::SeqCst);
        assert_eq!(usize::try_from(attempt.number).unwrap(), before + 1);
    }

    fn finished(&self, _: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        let status = result.map(Response::status).ok();
        self.finished.lock().unwrap().push(status);
    }
}

#[tokio::test]
async fn the_observer_sees_each_attempt() {
    let not_found =
        ok(r#"{"responseCode":1,"errorCode":1,"responseMessage":"not found","data":null}"#);
    let (server, _) = scripted(&[&status(503, ""), "", &not_found]).await;
    let counter = Arc::new(Counter::default());
    let session = Session::new(transport(), BaseUrl::new(&server.url()).unwrap())
        .with_token(token())
        .with_observer(Arc::clone(&counter));
    let check = CheckTransactionByMd5::new(MD5.parse().unwrap());
    assert_eq!(session.send(&check).await.unwrap(), CheckAnswer::NotFound);
    assert_eq!(counter.sent.load(Ordering::SeqCst), 3);
    let finished = [
        Some(StatusCode::SERVICE_UNAVAILABLE),
        None,
        Some(StatusCode::OK),
    ];
    assert_eq!(*counter.finished.lock().unwrap(), finished);
}

#[tokio::test]
async fn a_request_that_was_not_sent_is_always_retried() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let counter = Arc::new(Counter::default());
    let session =
        Session::new(transport(), BaseUrl::new(&url).unwrap()).with_observer(Arc::clone(&counter));
    let renewal = RenewToken::new("till@example.com").unwrap();
    let error = session.send(&renewal).await.unwrap_err();
    let refused = ErrorClass::Transport(TransportErrorKind::Connect);
    assert_eq!(error.class(), refused);
    assert_eq!(counter.sent.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_failed_tls_handshake_is_retried() {
    let ca = TestCa::new();
    let acceptor = ca.acceptor(&["localhost"], 3000);
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let server = Server::start(move |mut stream| {
        let (acceptor, number) = (acceptor.clone(), count.fetch_add(1, Ordering::SeqCst));
        async move {
            // Closes the first two connections before the handshake.
            if number >= 2 {
                let mut stream = acceptor.accept(&mut stream).await.unwrap();
                receive(&mut stream).await;
                send(&mut stream, ok("{}").as_bytes()).await;
            }
        }
    })
    .await;
    let transport = settings().trust_pem(ca.pem().as_bytes());
    let url = format!("https://localhost:{}", server.port());
    let sent = transport
        .unwrap()
        .build()
        .unwrap()
        .send(renewal(&url))
        .await;
    assert_eq!(sent.unwrap().status(), StatusCode::OK);
    assert_eq!(server.accepted(), 3);
}

#[tokio::test]
async fn a_timeout_of_a_repeatable_request_is_retried() {
    let connections = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |mut stream| {
        let first = connections.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            receive(&mut stream).await;
            if first {
                until_closed(&mut stream).await;
            }
            send(&mut stream, ok("{}").as_bytes()).await;
        }
    })
    .await;
    let transport = settings().attempt_timeout(Duration::from_millis(100));
    send_check(&transport.build().unwrap(), &server.url())
        .await
        .unwrap();
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn the_deadline_covers_all_attempts() {
    let hanging = Server::start(|mut stream| async move { until_closed(&mut stream).await }).await;
    let transport = settings()
        .retry(eager().max_attempts(u32::MAX))
        .attempt_timeout(Duration::from_millis(50))
        .request_timeout(Duration::from_millis(400))
        .build()
        .unwrap();
    let start = Instant::now();
    let error = send_check(&transport, &hanging.url()).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Timeout);
    assert!(
        (2..=8).contains(&hanging.accepted()),
        "{}",
        hanging.accepted()
    );
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn an_untrusted_certificate_is_not_retried() {
    let acceptor = TestCa::new().acceptor(&["localhost"], 3000);
    let server = tls_server(acceptor, |stream| async move { drop(stream) }).await;
    let url = format!("https://localhost:{}", server.port());
    let error = send_check(&transport(), &url).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Tls);
    assert_eq!(server.accepted(), 1);
}
