//! Whatever is sent, the answer has a form that is documented, and the sandbox stays up.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use bakong_sandbox::{ApiEndpoint, Fault, QuotaLimit, Sandbox, SandboxClock};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::client::post;
use crate::{NOW, customer, dynamic_code, md5_of, sandbox, usd};

/// Far longer than anything here takes, so that a hang is an error and not a stuck run.
const PATIENCE: Duration = Duration::from_secs(30);

/// One sandbox for all of a property, so that what one request leaves behind meets the next.
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) sandbox: Sandbox,
    pub(crate) token: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let sandbox = runtime.block_on(sandbox());
        let token = Self::begin(&sandbox);
        Self {
            runtime,
            sandbox,
            token,
        }
    }

    /// Makes it as if nothing had happened but a payment, and gives a token.
    pub(crate) fn begin(sandbox: &Sandbox) -> String {
        sandbox.reset();
        sandbox.set_clock(SandboxClock::frozen_at(NOW));
        sandbox.set_quota(QuotaLimit::unlimited());
        customer(sandbox).pay(&dynamic_code(usd(100))).unwrap();
        // An odd answer is documented, too.
        sandbox.fault(Fault::own_answer().float_times().percent(50).always());
        sandbox.issue_token("dev@example.com")
    }
}

/// As many cases as `PROPTEST_CASES` says, or these.
pub(crate) fn runner(cases: u32) -> TestRunner {
    let said = std::env::var("PROPTEST_CASES").ok();
    let cases = said.and_then(|it| it.parse().ok()).unwrap_or(cases);
    TestRunner::new(ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(cases)
    })
}

/// How often each status came.
#[derive(Default)]
pub(crate) struct Seen(RefCell<BTreeMap<u16, u32>>);

impl Seen {
    pub(crate) fn note(&self, status: u16) {
        *self.0.borrow_mut().entry(status).or_default() += 1;
    }

    /// It would show nothing if the requests never got past the door.
    pub(crate) fn has(self, expected: &[(u16, u32)]) {
        let seen = self.0.into_inner();
        for (status, least) in expected {
            assert!(
                seen.get(status).is_some_and(|count| count >= least),
                "{status}: {seen:?}"
            );
        }
    }
}

/// Paths that there are.
pub(crate) fn known_paths() -> impl Strategy<Value = String> {
    let known = ApiEndpoint::ALL.iter().map(|it| it.path().to_owned());
    let control = [
        "pay",
        "scan",
        "payments",
        "codes",
        "clock",
        "mailbox",
        "tokens",
        "accounts",
        "requests",
        "quota",
        "faults",
        "page/main.js",
        "page/page.css",
    ];
    let control = control.map(|it| format!("/sandbox/{it}"));
    let pages = ["/", "/openapi.json", "/l/x", "/v1", "/sandbox"].map(str::to_owned);
    proptest::sample::select(known.chain(control).chain(pages).collect::<Vec<_>>())
}

fn paths() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => known_paths(),
        1 => (known_paths(), "\\?[a-z0-9=&%+]{0,20}").prop_map(|(path, query)| path + &query),
        1 => Just("*".to_owned()),
        2 => "/[!-~]{0,60}",
        1 => "http://[a-z.]{1,9}/[a-z/]{0,9}",
        1 => "[ -~]{0,20}",
    ]
}

/// Those of an honest client, each of them seldom missing, and now and then any others.
pub(crate) fn headers(token: &str) -> impl Strategy<Value = String> + use<> {
    let honest = [
        "User-Agent: test/1\r\n".to_owned(),
        "Host: localhost\r\n".to_owned(),
        "Content-Type: application/json\r\n".to_owned(),
        format!("Authorization: Bearer {token}\r\n"),
    ];
    let honest = honest.map(|header| proptest::option::weighted(0.9, Just(header)));
    let odd = prop_oneof![
        Just("Expect: 100-continue\r\n".to_owned()),
        "(Host|Origin|Sec-Fetch-Site|Sec-Fetch-Mode|Authorization|Cookie|Upgrade|Accept): [ -~]{0,40}\r\n",
        "(Origin: http://localhost|Sec-Fetch-Site: (same-origin|cross-site|none))\r\n",
        "(X-Forwarded-For|Range|If-None-Match|Accept-Encoding): [ -~]{0,20}\r\n",
        "[A-Za-z-]{1,9}: [\\x20-\\x7e]{0,20}\r\n",
        "[!-9;-~]{1,9}: [\\x20-\\x7e]{0,20}\r\n",
    ];
    let odd = proptest::collection::vec(odd, 0..3);
    let odd = proptest::option::weighted(0.3, odd).prop_map(Option::unwrap_or_default);
    (honest, odd).prop_map(|(honest, odd)| honest.into_iter().flatten().chain(odd).collect())
}

pub(crate) fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let code = dynamic_code(usd(100));
    let md5 = md5_of(&code).to_string();
    prop_oneof![
        2 => Just(format!(r#"{{"md5":"{md5}"}}"#).into_bytes()),
        1 => Just(format!(r#"["{md5}","x"]"#).into_bytes()),
        1 => Just(format!(r#"{{"qr":"{code}"}}"#).into_bytes()),
        1 => Just(br#"{"advanceMs":1000}"#.to_vec()),
        1 => Just(br#"{"email":"dev@example.com"}"#.to_vec()),
        1 => Just(br#"{"email":"e@f","organization":"a","project":"b"}"#.to_vec()),
        1 => Just(br#"{"accountId":"shop@devb"}"#.to_vec()),
        2 => "[\\[\\]{}\":,a-z0-9.]{0,60}".prop_map(String::into_bytes),
        2 => proptest::collection::vec(any::<u8>(), 0..300),
        1 => (65_530_usize..65_540).prop_map(|len| vec![b' '; len]),
    ]
}

/// Whether an answer is one that a document tells of, of a request for `path`.
pub(crate) fn is_documented(path: &str, text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_ascii_lowercase();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let told: Value = serde_json::from_str(body).unwrap_or_default();
    let is_envelope = told["responseMessage"].is_string()
        && match told["responseCode"].as_u64() {
            Some(0) => told["errorCode"].is_null(),
            Some(1) => told["data"].is_null(),
            _ => false,
        };
    let is_refusal =
        ["what", "where", "help"].map(|name| told["error"][name].is_string()) == [true; 3];
    // A path may come with a whole address before it.
    let place = path.split_once("://").map_or(path, |(_, rest)| {
        rest.find('/').map_or("/", |start| &rest[start..])
    });
    let place = place.split(['?', '#']).next().unwrap_or_default();
    let is_of_control = ["/sandbox", "/l/", "/openapi.json"]
        .iter()
        .any(|start| place.starts_with(start))
        || place == "/";
    match (status(text.as_bytes()), header("content-type: ")) {
        // What is no HTTP, hyper answers.
        (400 | 414 | 431, None) => body.is_empty(),
        (403, Some("text/html")) => body.contains("<center>nginx</center>"),
        (302, None) => header("location: ").is_some_and(|to| to.starts_with("/?code=")),
        (200, Some("application/json")) if is_of_control => told.is_object() && !is_refusal,
        (400.., Some("application/json")) if is_of_control => is_refusal,
        (_, Some("application/json")) => is_envelope,
        (200, Some(kind)) if is_of_control => ["text/html", "text/css", "text/javascript"]
            .iter()
            .any(|known| kind.starts_with(known)),
        _ => false,
    }
}

/// 0 if there is none.
pub(crate) fn status(text: &[u8]) -> u16 {
    let status = text.get(9..12).and_then(|it| std::str::from_utf8(it).ok());
    status.and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// What comes until the connection ends, after all of `pieces` are sent.
pub(crate) async fn exchange(
    sandbox: &Sandbox,
    pieces: &[&[u8]],
    ends: bool,
) -> Result<Vec<u8>, TestCaseError> {
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    for piece in pieces {
        // An answer may come, and the connection end, before all is sent.
        let _ = stream.write_all(piece).await;
    }
    if ends {
        let _ = stream.shutdown().await;
    }
    let mut text = Vec::new();
    let read = stream.read_to_end(&mut text);
    prop_assert!(timeout(PATIENCE, read).await.is_ok(), "it never ends");
    Ok(text)
}

/// That the next client is answered.
pub(crate) async fn next_is_answered(sandbox: &Sandbox) -> Result<(), TestCaseError> {
    let next = post(sandbox, "/v1/verify", None, "{}").await;
    prop_assert_eq!(next.status, 200);
    Ok(())
}

#[test]
fn whatever_is_sent_has_a_documented_answer() {
    let World {
        runtime,
        sandbox,
        token,
    } = World::new();
    let methods =
        prop_oneof![8 => Just("POST".to_owned()), 4 => Just("GET".to_owned()), 1 => "[!-~]{1,12}"];
    let seen = Seen::default();
    let requests = (methods, paths(), headers(&token), bodies());
    let result = runner(1_000).run(&requests, |(method, path, headers, body)| {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        runtime.block_on(async {
            let text = exchange(&sandbox, &[head.as_bytes(), &body], false).await?;
            let text = text
                .strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n")
                .unwrap_or(&text);
            let told = String::from_utf8_lossy(text);
            prop_assert!(is_documented(&path, text), "{head}\n{told}");
            seen.note(status(text));
            next_is_answered(&sandbox).await
        })
    });
    result.unwrap();
    seen.has(&[(200, 60), (400, 10), (403, 10), (404, 5), (405, 10)]);
}
