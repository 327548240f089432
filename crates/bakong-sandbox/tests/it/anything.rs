//! Whatever is sent, the answer has a form that is documented, and the sandbox stays up.

use std::sync::LazyLock;

use bakong_sandbox::{Endpoint, Fault, Quota, Sandbox};
use proptest::prelude::*;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::client::post;
use crate::{customer, dynamic_code, md5_of, sandbox, usd};

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

fn headers() -> impl Strategy<Value = String> {
    let token = WORLD.2.clone();
    let one = prop_oneof![
        Just("User-Agent: test/1\r\n".to_owned()),
        Just(format!("Authorization: Bearer {token}\r\n")),
        Just("Content-Type: application/json\r\n".to_owned()),
        Just("Host: localhost\r\n".to_owned()),
        Just("Expect: 100-continue\r\n".to_owned()),
        "(Host|Origin|Authorization|X-[a-z]{1,5}|Cookie|Upgrade|Accept): [ -~]{0,40}\r\n",
        "[!-9;-~]{1,9}: [\\x20-\\x7e]{0,20}\r\n",
    ];
    proptest::collection::vec(one, 0..6).prop_map(|all| all.concat())
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
        // Ended without an answer, as is all that hyper can do with some bytes.
        return text.is_empty();
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_sent_has_a_documented_answer(
        method in prop_oneof![4 => Just("POST".to_owned()), 2 => Just("GET".to_owned()), 1 => "[!-~]{1,12}"],
        path in paths(),
        headers in headers(),
        body in bodies(),
    ) {
        let (runtime, sandbox, _) = &*WORLD;
        runtime.block_on(async {
            let length = body.len();
            let head = format!(
                "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
            );
            let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
            // An answer may come, and the connection end, before all is sent.
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&body).await;
            let _ = stream.shutdown().await;
            let mut text = Vec::new();
            let _ = stream.read_to_end(&mut text).await;
            let text = text.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&text);
            prop_assert!(is_documented(text), "{head}\n{}", String::from_utf8_lossy(text));
            let next = post(sandbox, "/v1/verify", None, "{}").await;
            prop_assert_eq!(next.status, 200);
            Ok(())
        })?;
    }
}
