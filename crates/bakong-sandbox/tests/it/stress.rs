//! Property tests with pipelined requests, malformed bytes, and random control requests.

use bakong_sandbox::ApiEndpoint;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::api_fuzz::{Fixture, bodies, headers, is_documented, known_paths, runner, status};
use crate::client::{Connection, post_text};
use crate::control::{JSON, command, get, send};

/// Splits `text` into responses. The last one contains what is left.
fn responses(mut text: &[u8]) -> Vec<&[u8]> {
    let mut responses = Vec::new();
    while !text.is_empty() {
        let head = text.windows(4).position(|four| four == b"\r\n\r\n");
        let head = head.map_or(text.len(), |head| head + 4);
        let lines = String::from_utf8_lossy(&text[..head]).to_ascii_lowercase();
        let length = lines
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let end = (head + length.unwrap_or(0_usize)).min(text.len());
        let (response, rest) = text.split_at(end);
        responses.push(response);
        text = rest;
    }
    responses
}

#[test]
fn pipelined_requests_get_responses_in_order() {
    let fixture = Fixture::new();
    let token = &fixture.token;
    let method =
        prop_oneof![4 => Just("POST"), 2 => Just("GET"), 1 => Just("DELETE"), 1 => Just("BREW")];
    let request = (method, known_paths(), bodies());
    let requests = (proptest::collection::vec(request, 1..7), headers(token));
    let valid_headers = format!(
        "User-Agent: test/1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}\r\n"
    );
    let result = runner(300).run(&requests, |(requests, last_headers)| {
        let count = requests.len();
        let mut sent = Vec::new();
        for (index, (method, path, body)) in requests.iter().enumerate() {
            // Invalid headers can end the connection, so only the last request has them.
            let (headers, close) = if index + 1 == count {
                (&last_headers, "Connection: close\r\n")
            } else {
                (&valid_headers, "")
            };
            let length = body.len();
            let head = format!(
                "{method} {path} HTTP/1.1\r\n{close}Content-Length: {length}\r\n{headers}\r\n"
            );
            sent.extend_from_slice(head.as_bytes());
            sent.extend_from_slice(body);
        }
        fixture.runtime.block_on(async {
            let text = fixture.exchange(&[&sent], false).await?;
            let mut responses = responses(&text);
            responses.retain(|response| status(response) != 100);
            prop_assert_eq!(responses.len(), count, "{}", String::from_utf8_lossy(&sent));
            for (response, (_, path, _)) in responses.iter().zip(&requests) {
                let text = String::from_utf8_lossy(response);
                prop_assert!(is_documented(path, response), "{path}\n{text}");
                fixture.count(status(response));
            }
            fixture.next_client().await
        })
    });
    result.unwrap();
    fixture.assert_counts(&[(200, 60), (400, 10), (404, 5), (405, 10)]);
}

/// Random bytes, and valid requests with one changed part.
fn bytes(token: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let random = proptest::collection::vec(any::<u8>(), 0..600);
    let body = r#"{"md5":"d60f3db96913029a2af979a1662c1e72"}"#;
    let valid = post_text("/v1/check_transaction_by_md5", Some(token), body).into_bytes();
    let chunked = b"POST /v1/verify HTTP/1.1\r\nHost: localhost\r\nUser-Agent: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let requests = vec![
        valid.clone(),
        chunked.to_vec(),
        [&valid[..], chunked, &valid].concat(),
        b"GET / HTTP/1.0\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
    ];
    let index = any::<prop::sample::Index>;
    let changed = (
        proptest::sample::select(requests),
        index(),
        index(),
        proptest::collection::vec(any::<u8>(), 0..5),
    );
    let changed = changed.prop_map(|(mut text, one, other, bytes)| {
        // Replaces up to nine bytes.
        let (one, other) = (one.index(text.len()), other.index(text.len()));
        let (from, to) = (one.min(other), one.max(other).min(one.min(other) + 9));
        text.splice(from..to, bytes);
        text
    });
    prop_oneof![1 => random, 3 => changed]
}

#[test]
fn malformed_bytes_end_the_connection_and_not_the_server() {
    let fixture = Fixture::new();
    let strategy = (bytes(&fixture.token), any::<prop::sample::Index>());
    let result = runner(600).run(&strategy, |(sent, cut)| {
        let (one, other) = sent.split_at(cut.index(sent.len() + 1));
        fixture.runtime.block_on(async {
            let text = fixture.exchange(&[one, other], true).await?;
            for response in responses(&text) {
                let status = status(response);
                let text = String::from_utf8_lossy(response);
                prop_assert!(
                    (100..600).contains(&status) && text.starts_with("HTTP/1."),
                    "{text}"
                );
                fixture.count(status);
            }
            fixture.next_client().await
        })
    });
    result.unwrap();
    fixture.assert_counts(&[(200, 10), (400, 20)]);
}

fn words(text: &'static str) -> Vec<&'static str> {
    text.split_whitespace().collect()
}

fn value() -> impl Strategy<Value = Value> {
    let known = words(
        "always own cut hang tokens_expire quota_exhausted too_many_requests verify \
        check_transaction_by_md5 inline frozen running off checks 17:00 dev@example.com \
        dara@devb USD",
    );
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_u64..60).prop_map(Value::from),
        Just(json!(1.5)),
        "[ -~ក]{0,20}".prop_map(Value::from),
        proptest::sample::select(known).prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let name = prop_oneof![
            "[a-z0-9-]{1,9}",
            "status|html|json|body|error|code|message|headers"
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map(name, inner, 0..4)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

/// Control requests: a path, and a body with known fields and random values.
fn commands() -> impl Strategy<Value = (&'static str, Value)> {
    const PATHS: &[(&str, &str)] = &[
        (
            "/sandbox/faults",
            "on times after percent answer limit headers retryAfter retryAfterDate floatTimes \
            textAmounts withoutErrorCode reversedList withoutItems garbledItems serviceFailedItems \
            namelessItems items transactionPlace truncateTo dripMs",
        ),
        ("/sandbox/clock", "advanceMs aheadMs setTo mode"),
        ("/sandbox/quota", "limit resetsAt email used counts"),
        (
            "/sandbox/pay",
            "qr from to amount currency delayMs times late again failing description \
            instructionRef",
        ),
        ("/sandbox/scan", "qr"),
        ("/sandbox/tokens", "email"),
        ("/sandbox/accounts", "account"),
        ("/sandbox/reset", "x"),
    ];
    let command = proptest::sample::select(PATHS).prop_flat_map(|(path, fields)| {
        let name = proptest::sample::select(words(fields)).prop_map(str::to_owned);
        let fields = proptest::collection::btree_map(name, value(), 0..4);
        let one = fields.prop_map(|fields| Value::Object(fields.into_iter().collect()));
        let one = one.boxed();
        let body = prop_oneof![
            9 => one.clone(),
            1 => proptest::collection::vec(one, 0..3).prop_map(Value::from),
            1 => value(),
        ];
        (Just(path), body)
    });
    // Commands with a payable code exercise more of the sandbox than commands with random text.
    let code = crate::dynamic_code(crate::usd(200));
    command.prop_map(move |(path, mut body)| {
        if let Some(qr) = body.get_mut("qr").filter(|qr| !qr.is_null()) {
            *qr = code.clone().into();
        }
        (path, body)
    })
}

fn rules(faults: &Value) -> Value {
    let faults = faults["faults"].as_array().unwrap();
    faults.iter().map(|fault| fault["rule"].clone()).collect()
}

/// After any commands, the sandbox still responds and can be restored.
#[test]
fn any_control_command_is_applied_or_rejected_with_a_reason() {
    let fixture = Fixture::new();
    let sandbox = &fixture.sandbox;
    let commands = proptest::collection::vec(commands(), 1..8);
    let result = runner(500).run(&commands, |commands| {
        fixture.runtime.block_on(async {
            let token = Fixture::reset(sandbox);
            for (path, body) in &commands {
                let response = send(sandbox, "POST", path, JSON, &body.to_string()).await;
                let json: Value = serde_json::from_str(&response.body).unwrap();
                let is_error = json["error"]["help"].is_string();
                let is_known = [200, 400, 404, 422].contains(&response.status);
                let is_consistent = is_error == (response.status != 200);
                prop_assert!(is_known && is_consistent, "{path} {body}: {response:?}");
                fixture.count(response.status);
            }
            // A fault on these requests must not affect other clients.
            for endpoint in ApiEndpoint::ALL.iter().take(4) {
                let text = post_text(endpoint.path(), Some(&token), "{}");
                let _connection = Connection::with(sandbox, &text).await;
            }
            // Listed rules can be added again.
            let listed = rules(&get(sandbox, "faults").await);
            let added = command(sandbox, "faults", listed.clone()).await;
            prop_assert_eq!(rules(&added), listed);
            for path in ["payments", "codes", "clock", "mailbox", "requests", "quota"] {
                get(sandbox, path).await;
            }
            send(sandbox, "DELETE", "/sandbox/faults", "", "")
                .await
                .json(200);
            fixture.next_client().await
        })
    });
    result.unwrap();
    fixture.assert_counts(&[(200, 100), (400, 100)]);
}
