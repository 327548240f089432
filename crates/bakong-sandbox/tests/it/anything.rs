//! Whatever is sent, the answer has a form that is documented, and the sandbox stays up.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use bakong_sandbox::{Endpoint, Fault, Quota, Sandbox};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::client::post;
use crate::{customer, dynamic_code, md5_of, sandbox, usd};

/// Far longer than anything here takes, so that a hang is an error and not a stuck run.
const PATIENCE: Duration = Duration::from_secs(30);

/// One sandbox for all, so that what one request leaves behind meets the next.
static WORLD: LazyLock<(Runtime, Sandbox, String)> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let (sandbox, token) = runtime.block_on(async {
        let sandbox = sandbox().await;
        let token = sandbox.issue_token("dev@example.com");
        customer(&sandbox).pay(&dynamic_code(usd(100))).unwrap();
        sandbox.set_quota(Quota::a_day(20));
        // An odd answer is documented, too.
        sandbox.fault(Fault::own_answer().float_times().percent(50).always());
        (sandbox, token)
    });
    (runtime, sandbox, token)
});

fn paths() -> impl Strategy<Value = String> {
    let known = Endpoint::ALL.iter().map(|it| it.path().to_owned());
    let control = [
        "pay", "scan", "payments", "codes", "clock", "mailbox", "tokens", "accounts",
    ];
    let more = ["requests", "quota", "faults", "page.js", "page.css"];
    let control = control
        .iter()
        .chain(&more)
        .map(|it| format!("/sandbox/{it}"));
    let pages = ["/", "/openapi.json", "*", "/v1", "/sandbox"].map(str::to_owned);
    prop_oneof![
        8 => proptest::sample::select(known.chain(control).chain(pages).collect::<Vec<_>>()),
        2 => "/[!-~]{0,60}",
        1 => "http://[a-z.]{1,9}/[a-z/]{0,9}",
        1 => "[ -~]{0,20}",
    ]
}

/// Those of an honest client, each of them seldom missing, and now and then any others.
fn headers() -> impl Strategy<Value = String> {
    let honest = [
        "User-Agent: test/1\r\n".to_owned(),
        "Host: localhost\r\n".to_owned(),
        "Content-Type: application/json\r\n".to_owned(),
        format!("Authorization: Bearer {}\r\n", WORLD.2),
    ];
    let honest = honest.map(|header| proptest::option::weighted(0.9, Just(header)));
    let odd = prop_oneof![
        Just("Expect: 100-continue\r\n".to_owned()),
        "(Host|Origin|Authorization|Cookie|Upgrade|Accept): [ -~]{0,40}\r\n",
        "[A-Za-z-]{1,9}: [\\x20-\\x7e]{0,20}\r\n",
        "[!-9;-~]{1,9}: [\\x20-\\x7e]{0,20}\r\n",
    ];
    let odd = proptest::option::weighted(0.2, odd);
    (honest, odd).prop_map(|(honest, odd)| honest.into_iter().flatten().chain(odd).collect())
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let md5 = md5_of(&dynamic_code(usd(100))).to_string();
    prop_oneof![
        2 => Just(format!(r#"{{"md5":"{md5}"}}"#).into_bytes()),
        1 => Just(format!(r#"["{md5}","x"]"#).into_bytes()),
        1 => Just(br#"{"advanceMs":1000}"#.to_vec()),
        1 => Just(br#"{"email":"dev@example.com"}"#.to_vec()),
        2 => "[\\[\\]{}\":,a-z0-9.]{0,60}".prop_map(String::into_bytes),
        2 => proptest::collection::vec(any::<u8>(), 0..300),
        1 => (65_530_usize..65_540).prop_map(|len| vec![b' '; len]),
    ]
}

/// Whether an answer is one that a document tells of.
fn is_documented(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let status: u16 = head.get(9..12).and_then(|it| it.parse().ok()).unwrap_or(0);
    let head = head.to_ascii_lowercase();
    let kind = head
        .lines()
        .find_map(|line| line.strip_prefix("content-type: "));
    match (status, kind) {
        // What is no HTTP, hyper answers.
        (400 | 414 | 431, None) => body.is_empty(),
        (403, Some("text/html")) => body.contains("<center>nginx</center>"),
        (_, Some("application/json")) => {
            let told: Value = serde_json::from_str(body).unwrap_or_default();
            let is_envelope =
                told["responseCode"].is_number() && told["responseMessage"].is_string();
            let is_refusal = told["error"]["what"].is_string() && status >= 400;
            is_envelope || is_refusal || (status == 200 && told.is_object())
        }
        (200, Some(kind)) => ["text/html", "text/css", "text/javascript"]
            .iter()
            .any(|known| kind.starts_with(known)),
        _ => false,
    }
}

/// The status of the answer, once it is seen to be documented and the next is answered.
async fn status(
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Result<u16, TestCaseError> {
    let sandbox = &WORLD.1;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    // An answer may come, and the connection end, before all is sent.
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body).await;
    let mut text = Vec::new();
    let read = stream.read_to_end(&mut text);
    prop_assert!(timeout(PATIENCE, read).await.is_ok(), "no end: {head}");
    let text = text
        .strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        .unwrap_or(&text);
    prop_assert!(
        is_documented(text),
        "{head}\n{}",
        String::from_utf8_lossy(text)
    );
    let next = post(sandbox, "/v1/verify", None, "{}").await;
    prop_assert_eq!(next.status, 200);
    let status = text.get(9..12).and_then(|it| std::str::from_utf8(it).ok());
    Ok(status.and_then(|it| it.parse().ok()).unwrap_or(0))
}

#[test]
fn whatever_is_sent_has_a_documented_answer() {
    let methods =
        prop_oneof![8 => Just("POST".to_owned()), 4 => Just("GET".to_owned()), 1 => "[!-~]{1,12}"];
    let mut runner = TestRunner::new(ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(1_000)
    });
    let seen = RefCell::new(BTreeMap::<u16, u32>::new());
    let requests = (methods, paths(), headers(), bodies());
    let result = runner.run(&requests, |(method, path, headers, body)| {
        let status = WORLD.0.block_on(status(&method, &path, &headers, &body))?;
        *seen.borrow_mut().entry(status).or_default() += 1;
        Ok(())
    });
    result.unwrap();
    // It would show nothing if the requests never got past the door.
    let seen = seen.into_inner();
    for (status, least) in [(200, 60), (400, 10), (403, 10), (404, 5), (405, 10)] {
        assert!(
            seen.get(&status).is_some_and(|count| *count >= least),
            "{status}: {seen:?}"
        );
    }
}
