//! Trouble of all kinds at once: bytes that are no HTTP, requests in one go, rules and orders that make no sense.

use bakong_sandbox::ApiEndpoint;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::api_fuzz::{
    Seen, World, bodies, exchange, headers, is_documented, known_paths, next_is_answered, runner,
    status,
};
use crate::client::{Connection, post_text};
use crate::control::{JSON, get, send};

/// The answers in `text`, one after the other; what is left over stands last.
fn answers(mut text: &[u8]) -> Vec<&[u8]> {
    let mut answers = Vec::new();
    while !text.is_empty() {
        let head = text.windows(4).position(|four| four == b"\r\n\r\n");
        let head = head.map_or(text.len(), |head| head + 4);
        let lines = String::from_utf8_lossy(&text[..head]).to_ascii_lowercase();
        let length = lines
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let end = (head + length.unwrap_or(0_usize)).min(text.len());
        let (answer, rest) = text.split_at(end);
        answers.push(answer);
        text = rest;
    }
    answers
}

/// Requests that come together are answered one by one, in their order.
#[test]
fn whatever_comes_in_one_go_is_answered_one_by_one() {
    let World {
        runtime,
        sandbox,
        token,
    } = World::new();
    let method =
        prop_oneof![4 => Just("POST"), 2 => Just("GET"), 1 => Just("DELETE"), 1 => Just("BREW")];
    let request = (method, known_paths(), bodies());
    let seen = Seen::default();
    let requests = (proptest::collection::vec(request, 1..7), headers(&token));
    let honest = format!(
        "User-Agent: test/1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}\r\n"
    );
    let result = runner(300).run(&requests, |(requests, last_headers)| {
        let count = requests.len();
        let mut sent = Vec::new();
        for (place, (method, path, body)) in requests.iter().enumerate() {
            let is_last = place + 1 == count;
            // An odd header may end the connection, so it comes last.
            let headers = if is_last { &last_headers } else { &honest };
            let close = if is_last { "Connection: close\r\n" } else { "" };
            let length = body.len();
            let head = format!(
                "{method} {path} HTTP/1.1\r\n{close}Content-Length: {length}\r\n{headers}\r\n"
            );
            sent.extend_from_slice(head.as_bytes());
            sent.extend_from_slice(body);
        }
        runtime.block_on(async {
            let text = exchange(&sandbox, &[&sent], false).await?;
            let answers: Vec<_> = answers(&text)
                .into_iter()
                .filter(|answer| status(answer) != 100)
                .collect();
            prop_assert_eq!(answers.len(), count, "{}", String::from_utf8_lossy(&sent));
            for (answer, (_, path, _)) in answers.iter().zip(&requests) {
                let told = String::from_utf8_lossy(answer);
                prop_assert!(is_documented(path, answer), "{path}\n{told}");
                seen.note(status(answer));
            }
            next_is_answered(&sandbox).await
        })
    });
    result.unwrap();
    seen.has(&[(200, 60), (400, 10), (404, 5), (405, 10)]);
}

/// Bytes that are none of HTTP, and requests with a part that is another.
fn bytes(token: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let random = proptest::collection::vec(any::<u8>(), 0..600);
    let body = r#"{"md5":"d60f3db96913029a2af979a1662c1e72"}"#;
    let honest = post_text("/v1/check_transaction_by_md5", Some(token), body).into_bytes();
    let chunked = b"POST /v1/verify HTTP/1.1\r\nHost: localhost\r\nUser-Agent: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let requests = vec![
        honest.clone(),
        chunked.to_vec(),
        [&honest[..], chunked, &honest].concat(),
        b"GET / HTTP/1.0\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
    ];
    let place = any::<prop::sample::Index>;
    let changed = (
        proptest::sample::select(requests),
        place(),
        place(),
        proptest::collection::vec(any::<u8>(), 0..5),
    );
    let changed = changed.prop_map(|(mut text, one, other, bytes)| {
        let (one, other) = (one.index(text.len()), other.index(text.len()));
        // Some of it taken out, something else put there.
        let (from, to) = (one.min(other), one.max(other).min(one.min(other) + 9));
        text.splice(from..to, bytes);
        text
    });
    prop_oneof![1 => random, 3 => changed]
}

#[test]
fn whatever_bytes_come_the_connection_ends_and_the_server_stays() {
    let World {
        runtime,
        sandbox,
        token,
    } = World::new();
    let seen = Seen::default();
    let result = runner(600).run(
        &(bytes(&token), any::<prop::sample::Index>()),
        |(sent, cut)| {
            // In two pieces, wherever the cut is.
            let (one, other) = sent.split_at(cut.index(sent.len() + 1));
            runtime.block_on(async {
                let text = exchange(&sandbox, &[one, other], true).await?;
                for answer in answers(&text) {
                    let status = status(answer);
                    let told = String::from_utf8_lossy(answer);
                    prop_assert!(
                        (100..600).contains(&status) && told.starts_with("HTTP/1."),
                        "{told}"
                    );
                    seen.note(status);
                }
                next_is_answered(&sandbox).await
            })
        },
    );
    result.unwrap();
    seen.has(&[(200, 10), (400, 20)]);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_u64..60).prop_map(Value::from),
        Just(json!(1.5)),
        "[ -~ក]{0,20}".prop_map(Value::from),
        proptest::sample::select(vec![
            "always",
            "own",
            "cut",
            "hang",
            "tokens_expire",
            "quota_exhausted",
            "too_many_requests",
            "verify",
            "check_transaction_by_md5",
            "inline",
            "frozen",
            "running",
            "off",
            "checks",
            "17:00",
            "dev@example.com",
            "dara@devb",
            "USD",
        ])
        .prop_map(Value::from),
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

/// What is posted to the control: the fields that there are, with values that may suit them.
fn orders() -> impl Strategy<Value = (&'static str, Value)> {
    const PATHS: &[(&str, &[&str])] = &[
        (
            "/sandbox/faults",
            &[
                "on",
                "times",
                "after",
                "percent",
                "answer",
                "limit",
                "headers",
                "retryAfter",
                "retryAfterDate",
                "floatTimes",
                "textAmounts",
                "withoutErrorCode",
                "reversedList",
                "withoutItems",
                "garbledItems",
                "serviceFailedItems",
                "namelessItems",
                "items",
                "transactionPlace",
                "truncateTo",
                "dripMs",
            ],
        ),
        ("/sandbox/clock", &["advanceMs", "aheadMs", "setTo", "mode"]),
        (
            "/sandbox/quota",
            &["limit", "turnsAt", "email", "used", "counts"],
        ),
        (
            "/sandbox/pay",
            &[
                "qr",
                "from",
                "to",
                "amount",
                "currency",
                "delayMs",
                "times",
                "late",
                "again",
                "failing",
                "description",
                "instructionRef",
            ],
        ),
        ("/sandbox/scan", &["qr"]),
        ("/sandbox/tokens", &["email"]),
        ("/sandbox/accounts", &["account"]),
        ("/sandbox/reset", &[]),
    ];
    let order = proptest::sample::select(PATHS).prop_flat_map(|(path, fields)| {
        let name = match fields {
            [] => Just("x").boxed(),
            fields => proptest::sample::select(fields).boxed(),
        };
        let fields = proptest::collection::btree_map(name, value(), 0..4);
        let one = fields.prop_map(|fields| {
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value));
            Value::Object(fields.collect())
        });
        let one = one.boxed();
        let body = prop_oneof![
            9 => one.clone(),
            1 => proptest::collection::vec(one, 0..3).prop_map(Value::from),
            1 => value(),
        ];
        (Just(path), body)
    });
    // With codes that can be paid, orders get further.
    let code = crate::dynamic_code(crate::usd(200));
    order.prop_map(move |(path, mut body)| {
        if let Some(qr) = body.get_mut("qr").filter(|qr| !qr.is_null()) {
            *qr = code.clone().into();
        }
        (path, body)
    })
}

/// Orders to the control are taken or refused, with the reason; and whatever was taken, the sandbox can be mended.
#[test]
fn whatever_is_ordered_the_control_answers() {
    let World {
        runtime, sandbox, ..
    } = World::new();
    let seen = Seen::default();
    let orders = proptest::collection::vec(orders(), 1..8);
    let result = runner(500).run(&orders, |orders| {
        runtime.block_on(async {
            let token = World::begin(&sandbox);
            for (path, body) in &orders {
                let answer = send(&sandbox, "POST", path, JSON, &body.to_string()).await;
                let told: Value = serde_json::from_str(&answer.body).unwrap();
                let is_refused = told["error"]["help"].is_string();
                let is_known = [200, 400, 404, 422].contains(&answer.status);
                prop_assert!(is_known, "{path} {body}: {answer:?}");
                prop_assert_eq!(
                    is_refused,
                    answer.status != 200,
                    "{} {}: {}",
                    path,
                    body,
                    told
                );
                seen.note(answer.status);
            }
            // Whatever the faults do with a request, it harms nobody else.
            for endpoint in ApiEndpoint::ALL.iter().take(4) {
                let mut connection = Connection::open(sandbox.address()).await;
                let text = post_text(endpoint.path(), Some(&token), "{}");
                connection.send(text.as_bytes()).await;
            }
            // Rules are told so that they can be given back.
            let left = get(&sandbox, "/sandbox/faults").await;
            let rules: Vec<_> = left["faults"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["rule"].clone())
                .collect();
            let again = send(
                &sandbox,
                "POST",
                "/sandbox/faults",
                JSON,
                &json!(rules).to_string(),
            )
            .await;
            let told: Value = serde_json::from_str(again.json(200)).unwrap();
            let told: Vec<_> = told["faults"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["rule"].clone())
                .collect();
            prop_assert_eq!(told, rules);
            for path in ["payments", "codes", "clock", "mailbox", "requests", "quota"] {
                get(&sandbox, &format!("/sandbox/{path}")).await;
            }
            send(&sandbox, "DELETE", "/sandbox/faults", "", "")
                .await
                .json(200);
            next_is_answered(&sandbox).await
        })
    });
    result.unwrap();
    seen.has(&[(200, 100), (400, 100)]);
}
