//! Property test: every request gets a documented response, and the sandbox keeps running.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bakong_sandbox::{ApiEndpoint, Fault, QuotaLimit, Sandbox, SandboxClock};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::client::post;
use crate::{EMAIL, NOW, TIMEOUT, customer, dynamic_code, md5_of, sandbox, usd};

/// One sandbox for all cases of a property, so that each case starts from the state that earlier cases left.
pub(crate) struct Fixture {
    pub(crate) runtime: Runtime,
    pub(crate) sandbox: Sandbox,
    pub(crate) token: String,
    statuses: RefCell<BTreeMap<u16, u32>>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let sandbox = runtime.block_on(sandbox());
        let token = Self::reset(&sandbox);
        Self {
            runtime,
            sandbox,
            token,
            statuses: RefCell::default(),
        }
    }

    /// Resets the sandbox to one payment and one fault, and returns a token.
    pub(crate) fn reset(sandbox: &Sandbox) -> String {
        sandbox.reset();
        sandbox.set_clock(SandboxClock::frozen_at(NOW));
        sandbox.set_quota(QuotaLimit::unlimited());
        customer(sandbox).pay(&dynamic_code(usd(100))).unwrap();
        // Responses with unusual number formats are documented, too.
        sandbox.fault(Fault::own_answer().float_times().percent(50).always());
        sandbox.issue_token(EMAIL)
    }

    /// Sends `parts` and reads until the connection ends.
    pub(crate) async fn exchange(
        &self,
        parts: &[&[u8]],
        closes: bool,
    ) -> Result<Vec<u8>, TestCaseError> {
        let mut stream = TcpStream::connect(self.sandbox.address()).await.unwrap();
        for part in parts {
            // The sandbox may respond and close before it has received everything.
            let _ = stream.write_all(part).await;
        }
        if closes {
            let _ = stream.shutdown().await;
        }
        let mut text = Vec::new();
        let read = timeout(TIMEOUT, stream.read_to_end(&mut text)).await;
        prop_assert!(read.is_ok(), "the connection does not end");
        Ok(text)
    }

    /// Asserts that the next client gets a response.
    pub(crate) async fn next_client(&self) -> Result<(), TestCaseError> {
        let next = post(&self.sandbox, "/v1/verify", None, "{}").await;
        prop_assert_eq!(next.status, 200);
        Ok(())
    }

    pub(crate) fn count(&self, status: u16) {
        *self.statuses.borrow_mut().entry(status).or_default() += 1;
    }

    /// Asserts a minimum for each status. A property whose requests are all rejected early proves nothing.
    pub(crate) fn assert_counts(self, expected: &[(u16, u32)]) {
        let statuses = self.statuses.into_inner();
        for (status, least) in expected {
            let count = statuses.get(status).copied().unwrap_or_default();
            assert!(count >= *least, "{status}: {statuses:?}");
        }
    }
}

/// Runs `PROPTEST_CASES` cases, by default `cases`.
pub(crate) fn runner(cases: u32) -> TestRunner {
    let variable = std::env::var("PROPTEST_CASES").ok();
    let cases = variable.and_then(|it| it.parse().ok()).unwrap_or(cases);
    TestRunner::new(ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(cases)
    })
}

/// Paths that exist.
pub(crate) fn known_paths() -> impl Strategy<Value = String> {
    let api = ApiEndpoint::ALL.iter().map(|it| it.path().to_owned());
    let control = "pay scan payments codes clock mailbox tokens accounts requests quota faults \
        page/main.js page/page.css";
    let control = control
        .split_whitespace()
        .map(|it| format!("/sandbox/{it}"));
    let pages = ["/", "/openapi.json", "/l/x", "/v1", "/sandbox"].map(str::to_owned);
    proptest::sample::select(api.chain(control).chain(pages).collect::<Vec<_>>())
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

/// The headers of a valid request, each rarely missing, and sometimes other headers.
pub(crate) fn headers(token: &str) -> impl Strategy<Value = String> + use<> {
    let valid = [
        "User-Agent: test/1\r\n".to_owned(),
        "Host: localhost\r\n".to_owned(),
        "Content-Type: application/json\r\n".to_owned(),
        format!("Authorization: Bearer {token}\r\n"),
    ];
    let valid = valid.map(|header| proptest::option::weighted(0.9, Just(header)));
    let other = prop_oneof![
        Just("Expect: 100-continue\r\n".to_owned()),
        "(Host|Origin|Sec-Fetch-Site|Sec-Fetch-Mode|Authorization|Cookie|Upgrade|Accept): [ -~]{0,40}\r\n",
        "(Origin: http://localhost|Sec-Fetch-Site: (same-origin|cross-site|none))\r\n",
        "(X-Forwarded-For|Range|If-None-Match|Accept-Encoding): [ -~]{0,20}\r\n",
        "[A-Za-z-]{1,9}: [\\x20-\\x7e]{0,20}\r\n",
        "[!-9;-~]{1,9}: [\\x20-\\x7e]{0,20}\r\n",
    ];
    let other = proptest::collection::vec(other, 0..3);
    let other = proptest::option::weighted(0.3, other).prop_map(Option::unwrap_or_default);
    (valid, other).prop_map(|(valid, other)| valid.into_iter().flatten().chain(other).collect())
}

pub(crate) fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let code = dynamic_code(usd(100));
    let md5 = md5_of(&code).to_string();
    let valid = [
        format!(r#"{{"md5":"{md5}"}}"#),
        format!(r#"{{"md5":"{md5}"}}"#),
        format!(r#"["{md5}","x"]"#),
        format!(r#"{{"qr":"{code}"}}"#),
        r#"{"advanceMs":1000}"#.to_owned(),
        r#"{"email":"dev@example.com"}"#.to_owned(),
        r#"{"email":"e@f","organization":"a","project":"b"}"#.to_owned(),
        r#"{"accountId":"shop@devb"}"#.to_owned(),
    ];
    prop_oneof![
        8 => proptest::sample::select(valid.to_vec()).prop_map(String::into_bytes),
        2 => "[\\[\\]{}\":,a-z0-9.]{0,60}".prop_map(String::into_bytes),
        2 => proptest::collection::vec(any::<u8>(), 0..300),
        1 => (65_530_usize..65_540).prop_map(|len| vec![b' '; len]),
    ]
}

/// Returns whether `text` is a documented response to a request for `path`.
pub(crate) fn is_documented(path: &str, text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_ascii_lowercase();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    let is_envelope = json["responseMessage"].is_string()
        && match json["responseCode"].as_u64() {
            Some(0) => json["errorCode"].is_null(),
            Some(1) => json["data"].is_null(),
            _ => false,
        };
    let is_error =
        ["what", "where", "help"].map(|name| json["error"][name].is_string()) == [true; 3];
    // The request target is a path or an absolute URL (RFC 9112, section 3.2).
    let url = path.split_once("://").filter(|_| !path.starts_with('/'));
    let path = url.map_or(path, |(_, rest)| {
        rest.find('/').map_or("/", |start| &rest[start..])
    });
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let is_control = path == "/"
        || ["/sandbox", "/l/", "/openapi.json"]
            .iter()
            .any(|start| path.starts_with(start));
    match (status(text.as_bytes()), header("content-type: ")) {
        // hyper responds to invalid HTTP.
        (400 | 414 | 431, None) => body.is_empty(),
        (403, Some("text/html")) => body.contains("<center>nginx</center>"),
        (302, None) => header("location: ").is_some_and(|to| to.starts_with("/?code=")),
        (200, Some("application/json")) if is_control => json.is_object() && !is_error,
        (400.., Some("application/json")) if is_control => is_error,
        (_, Some("application/json")) => is_envelope,
        (200, Some(kind)) if is_control => ["text/html", "text/css", "text/javascript"]
            .iter()
            .any(|known| kind.starts_with(known)),
        _ => false,
    }
}

/// The status of a response, or 0.
pub(crate) fn status(text: &[u8]) -> u16 {
    let status = text.get(9..12).and_then(|it| std::str::from_utf8(it).ok());
    status.and_then(|it| it.parse().ok()).unwrap_or(0)
}

#[test]
fn every_request_gets_a_documented_response() {
    let fixture = Fixture::new();
    let methods =
        prop_oneof![8 => Just("POST".to_owned()), 4 => Just("GET".to_owned()), 1 => "[!-~]{1,12}"];
    let requests = (methods, paths(), headers(&fixture.token), bodies());
    let result = runner(1_000).run(&requests, |(method, path, headers, body)| {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        fixture.runtime.block_on(async {
            let text = fixture.exchange(&[head.as_bytes(), &body], false).await?;
            let text = text
                .strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n")
                .unwrap_or(&text);
            let response = String::from_utf8_lossy(text);
            prop_assert!(is_documented(&path, text), "{head}\n{response}");
            fixture.count(status(text));
            fixture.next_client().await
        })
    });
    result.unwrap();
    fixture.assert_counts(&[(200, 30), (400, 10), (403, 10), (404, 5), (405, 10)]);
}
