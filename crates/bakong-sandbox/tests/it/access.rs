//! Who may reach the control, and with what.

use bakong_sandbox::Sandbox;
use proptest::prelude::*;
use serde_json::Value;

use crate::client::{Connection, ask, request};
use crate::control::{JSON, get, send};
use crate::sandbox;

#[tokio::test]
async fn what_is_not_the_control_s_is_refused() {
    let sandbox = sandbox().await;
    for (method, path, headers, status) in [
        ("GET", "/sandbox", "", 404),
        ("GET", "/sandbox/", "", 404),
        ("GET", "/sandbox/nothing", "", 404),
        ("GET", "/sandbox/pay", "", 405),
        ("PUT", "/sandbox/clock", "", 405),
        ("POST", "/sandbox/reset", "", 415),
        (
            "POST",
            "/sandbox/reset",
            "Content-Type: text/plain\r\n",
            415,
        ),
        (
            "GET",
            "/sandbox/clock",
            "Origin: http://evil.example\r\n",
            403,
        ),
        ("GET", "/", "Sec-Fetch-Site: cross-site\r\n", 403),
    ] {
        let answer = send(&sandbox, method, path, headers, "").await;
        let told: Value = serde_json::from_str(answer.json(status)).unwrap();
        assert!(told["error"]["help"].is_string(), "{told}");
        let allow = (path == "/sandbox/clock" && status == 405).then_some("GET, POST");
        assert!(allow.is_none() || answer.header("allow") == allow);
    }
    // By a name that is not this machine's.
    let text = request("GET", "/sandbox/clock", "", "");
    ask(&sandbox, &text).await.unwrap().json(403);
    let answer = send(&sandbox, "GET", "/sandbox/mailbox", "", "").await;
    assert_eq!(
        [
            answer.header("cross-origin-resource-policy"),
            answer.header("x-content-type-options")
        ],
        [Some("same-origin"), Some("nosniff")]
    );
    // By a link on another site, to the page.
    let link =
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    assert_eq!(
        send(&sandbox, "GET", "/?code=x", link, "").await.status,
        200
    );
    let large = " ".repeat(64 * 1024 + 1);
    send(&sandbox, "POST", "/sandbox/reset", JSON, &large)
        .await
        .json(413);
    // From the sandbox's own page.
    let own = "Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n";
    send(&sandbox, "GET", "/sandbox/clock", own, "")
        .await
        .json(200);
}

#[tokio::test]
async fn what_nobody_knows_is_refused_with_what_there_is() {
    let sandbox = sandbox().await;
    sandbox.fault(bakong_sandbox::Fault::cut().always());
    for (method, path, place, help) in [
        ("GET", "/sandbox/payments?md=x", "query.md", "limit, md5"),
        (
            "GET",
            "/sandbox/payments?limit=1&limit=2",
            "query.limit",
            "once",
        ),
        ("GET", "/sandbox/mailbox?mail=a", "query.mail", "email"),
        ("GET", "/sandbox/requests?last=5", "query.last", "limit"),
        ("GET", "/sandbox/clock?x", "query.x", "leave it out"),
        ("DELETE", "/sandbox/faults?id=1", "query.id", "number"),
        (
            "POST",
            "/sandbox/reset?really=1",
            "query.really",
            "leave it out",
        ),
    ] {
        let answer = send(&sandbox, method, path, JSON, "").await;
        let told: Value = serde_json::from_str(answer.json(400)).unwrap();
        assert_eq!(told["error"]["where"], place);
        let told = told["error"]["help"].as_str().unwrap();
        assert!(told.contains(help), "{told}");
    }
    // What stands in the body would be taken for "all".
    let answer = send(
        &sandbox,
        "DELETE",
        "/sandbox/faults",
        JSON,
        r#"{"number":7}"#,
    )
    .await;
    assert!(answer.json(400).contains("takes no body"));
    let left = get(&sandbox, "/sandbox/faults").await;
    assert_eq!(left["faults"].as_array().unwrap().len(), 1);
    // Every path once.
    let answer = send(&sandbox, "GET", "/sandbox/nothing", "", "").await;
    let told: Value = serde_json::from_str(answer.json(404)).unwrap();
    let paths = told["error"]["help"].as_str().unwrap();
    let mut paths: Vec<_> = paths
        .trim_start_matches("there are: ")
        .split(", ")
        .collect();
    paths.sort_unstable();
    let count = paths.len();
    paths.dedup();
    assert!(count > 10 && paths.len() == count, "{paths:?}");
}

/// What a page does that somebody looks at elsewhere: across sites, or by a name of its own for this machine.
#[tokio::test]
async fn no_other_site_gets_a_token_or_spends_a_request() {
    let sandbox = sandbox().await;
    let _token = sandbox.issue_token("dev@example.com");
    let renewal = r#"{"email":"dev@example.com"}"#;
    let ask_from = async |host: &str, headers: &str| {
        let headers = format!("User-Agent: browser\r\nContent-Type: text/plain\r\n{headers}");
        let text = request("POST", "/v1/renew_token", &headers, renewal);
        ask(&sandbox, &text.replace("Host: bakong", host))
            .await
            .unwrap()
    };
    for (host, headers) in [
        ("Host: localhost", "Origin: http://evil.example\r\n"),
        ("Host: localhost", "Origin: null\r\n"),
        ("Host: localhost", "Sec-Fetch-Site: cross-site\r\n"),
        ("Host: evil.example", "Origin: http://evil.example\r\n"),
        ("Host: evil.example", "Sec-Fetch-Site: same-origin\r\n"),
    ] {
        let answer = ask_from(host, headers).await;
        let told: Value = serde_json::from_str(answer.json(403)).unwrap();
        assert_eq!(
            (&told["responseCode"], &told["errorCode"]),
            (&1.into(), &Value::Null)
        );
        let why = told["responseMessage"].as_str().unwrap();
        assert!(
            why.starts_with("header.") && !answer.body.contains("eyJ"),
            "{why}"
        );
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    assert_eq!(
        (
            sandbox.quota_used("dev@example.com"),
            sandbox.requests().len()
        ),
        (0, 0)
    );
    // Whoever wonders finds it.
    let log = get(&sandbox, "/sandbox/requests").await;
    assert_eq!(log["requests"].as_array().unwrap().len(), 5);
    // A program, which may call the sandbox what it likes, and the sandbox's own page.
    ask_from("Host: api-bakong.nbc.gov.kh", "").await.json(200);
    ask_from("Host: localhost", "Origin: http://localhost\r\n")
        .await
        .json(200);
}

/// A sandbox that other machines reach, with a name that was allowed, and where it is from here.
async fn elsewhere() -> (Sandbox, std::net::SocketAddr) {
    let any = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    let builder = Sandbox::builder()
        .listen(any)
        .allow_host("bakong.example.com");
    let sandbox = builder.start().await.unwrap();
    let here = std::net::SocketAddr::from(([127, 0, 0, 1], sandbox.address().port()));
    (sandbox, here)
}

#[tokio::test]
async fn elsewhere_no_site_s_name_passes_but_one_that_is_allowed() {
    let (_sandbox, here) = elsewhere().await;
    for (host, status) in [
        ("sandbox", 200),
        ("192.168.1.2:4717", 200),
        ("bakong.example.com", 200),
        ("evil.example", 403),
    ] {
        let text = request("GET", "/sandbox/clock", "", "");
        let mut connection = Connection::open(here).await;
        connection
            .send(
                text.replace("Host: bakong", &format!("Host: {host}"))
                    .as_bytes(),
            )
            .await;
        connection.receive().await.unwrap().json(status);
    }
}

#[tokio::test]
async fn the_page_of_an_allowed_name_may_come_over_tls() {
    let (_sandbox, here) = elsewhere().await;
    for (host, origin, status) in [
        ("bakong.example.com", "https://bakong.example.com", 200),
        ("bakong.example.com", "http://bakong.example.com", 200),
        ("bakong.example.com", "https://evil.example", 403),
        // Nobody allowed this one, and TLS ends elsewhere.
        ("sandbox", "https://sandbox", 403),
    ] {
        let headers = format!("Content-Type: application/json\r\nOrigin: {origin}\r\n");
        let text = request("POST", "/sandbox/clock", &headers, r#"{"advanceMs":1}"#);
        let text = text.replace("Host: bakong\r", &format!("Host: {host}\r"));
        let mut connection = Connection::open(here).await;
        connection.send(text.as_bytes()).await;
        connection.receive().await.unwrap().json(status);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any request gets an answer in a form that is told of, and the next client another.
    #[test]
    fn whatever_is_sent_is_answered(
        method in prop_oneof![Just("GET"), Just("POST"), Just("DELETE"), Just("PATCH")],
        path in "/(sandbox/(pay|scan|payments|codes|faults|clock|mailbox|tokens|accounts|requests|quota|reset|[a-z]{0,9}))?(\\?[a-z0-9=&%]{0,20})?",
        headers in "(Content-Type: (application/json|text/html)\r\n)?(Origin: [ -~]{0,20}\r\n)?(Host: [a-z.]{0,9}\r\n)?",
        body in prop_oneof![
            any::<String>(),
            "\\{(\"(qr|email|account|limit|setTo|advanceMs|mode|answer|on|times)\":(\"[ -~&&[^\"\\\\]]{0,9}\"|-?[0-9]{1,20}|null|true)){0,1}\\}",
        ],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let sandbox = sandbox().await;
            let answer = send(&sandbox, method, &path, &headers, &body).await;
            if answer.status != 400 || !answer.body.is_empty() {
                if answer.header("content-type") == Some("application/json") {
                    let told: Value = serde_json::from_str(&answer.body).unwrap();
                    let is_error = told["error"]["what"].is_string();
                    prop_assert_eq!(answer.status != 200, is_error, "{:?}", answer);
                } else {
                    prop_assert!(path.starts_with("/?") || path == "/", "{:?}", answer);
                }
            }
            let clock = get(&sandbox, "/sandbox/clock").await;
            prop_assert!(clock["now"].is_number());
            Ok(())
        })?;
    }
}
