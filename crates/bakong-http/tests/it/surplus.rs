//! Servers that send a second answer directly after the first (RFC 9112 section 9.2 forbids it), or close each
//! connection without notice. With default settings, no check takes the second answer for its own, and no close costs a
//! request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bakong_api::diagnose::{Clues, Finding};
use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::{BaseUrl, CheckAnswer, Session};
use bakong_http::{HyperTransport, RetryPolicy};
use tokio::io::AsyncWriteExt;

use crate::server::{Server, ok, receive, send, until_closed};
use crate::{MD5, token};

const RUNS: usize = 40;

const NOT_FOUND: &str = r#"{"responseCode":1,"responseMessage":"Transaction could not be found. Please check and try again.","errorCode":1,"data":null}"#;

fn paid(digit: char) -> String {
    let hash = digit.to_string().repeat(64);
    format!(
        r#"{{"responseCode":0,"responseMessage":"Getting transaction successfully.","errorCode":null,"data":{{"hash":"{hash}","fromAccountId":"dara@devb","toAccountId":"shop@devb","currency":"USD","amount":1.5,"description":null,"createdDateMs":1761154142000,"acknowledgedDateMs":1761154143000}}}}"#
    )
}

/// When the second answer follows the first.
#[derive(Clone, Copy, Debug)]
enum Behind {
    /// In the same segment.
    Joined,
    /// In the next segment, at once.
    AtOnce,
    /// After the client may have read the first.
    Later,
}

/// A server that sends `first`, and `second` after each answer. The number counts its requests.
async fn surplus(first: String, second: String, behind: Behind) -> (Server, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let requests = Arc::clone(&count);
    let server = Server::start(move |mut stream| {
        let (first, second, requests) = (ok(&first), ok(&second), Arc::clone(&requests));
        async move {
            stream.set_nodelay(true).unwrap();
            while receive(&mut stream).await.is_some() {
                requests.fetch_add(1, Ordering::SeqCst);
                match behind {
                    Behind::Joined => {
                        let both = [first.as_bytes(), second.as_bytes()].concat();
                        send(&mut stream, &both).await;
                    }
                    Behind::AtOnce => {
                        send(&mut stream, first.as_bytes()).await;
                        send(&mut stream, second.as_bytes()).await;
                    }
                    Behind::Later => {
                        send(&mut stream, first.as_bytes()).await;
                        for _ in 0..20 {
                            tokio::task::yield_now().await;
                        }
                        send(&mut stream, second.as_bytes()).await;
                    }
                }
            }
        }
    })
    .await;
    (server, count)
}

/// A session with default settings. Retries follow at once.
fn session(server: &Server) -> Session<HyperTransport> {
    let retry = RetryPolicy::default().base(std::time::Duration::ZERO);
    let transport = HyperTransport::builder().retry(retry).build().unwrap();
    Session::new(transport, BaseUrl::new(&server.url()).unwrap()).with_token(token())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_check_takes_an_answer_to_another_question() {
    for behind in [Behind::Joined, Behind::AtOnce, Behind::Later] {
        for run in 0..RUNS {
            let (server, requests) = surplus(NOT_FOUND.to_owned(), paid('a'), behind).await;
            let session = session(&server);
            let check = CheckTransactionByMd5::new(MD5.parse().unwrap());
            for sent in 1..=3 {
                let answer = session.send(&check).await;
                assert_eq!(
                    answer.unwrap(),
                    CheckAnswer::NotFound,
                    "{behind:?}, run {run}"
                );
                assert_eq!(
                    requests.load(Ordering::SeqCst),
                    sent,
                    "{behind:?}, run {run}"
                );
            }
        }
    }
}

/// Diagnoses a payment of which only the MD5 is known: three requests.
async fn diagnosis(server: &Server) -> Vec<Finding> {
    let clues = Clues::new().with_md5(MD5.parse().unwrap());
    session(server).diagnose(&clues).await.findings()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_lookup_of_a_diagnosis_takes_an_answer_to_another_question() {
    for behind in [Behind::Joined, Behind::AtOnce, Behind::Later] {
        for second in [NOT_FOUND.to_owned(), paid('b')] {
            for run in 0..RUNS {
                let (server, requests) = surplus(paid('a'), second.clone(), behind).await;
                let findings = diagnosis(&server).await;
                assert_eq!(findings, [Finding::Found], "{behind:?}, run {run}");
                assert_eq!(requests.load(Ordering::SeqCst), 3, "{behind:?}, run {run}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_without_notice_costs_a_diagnosis_no_request() {
    for run in 0..RUNS {
        let count = Arc::new(AtomicUsize::new(0));
        let requests = Arc::clone(&count);
        let server = Server::start(move |mut stream| {
            let requests = Arc::clone(&requests);
            async move {
                if receive(&mut stream).await.is_some() {
                    requests.fetch_add(1, Ordering::SeqCst);
                    send(&mut stream, ok(&paid('a')).as_bytes()).await;
                    // Half of the servers close only their side, and half the whole connection.
                    if run % 2 == 0 {
                        let _ = stream.shutdown().await;
                        until_closed(&mut stream).await;
                    }
                }
            }
        })
        .await;
        assert_eq!(diagnosis(&server).await, [Finding::Found], "run {run}");
        assert_eq!(count.load(Ordering::SeqCst), 3, "run {run}");
    }
}
