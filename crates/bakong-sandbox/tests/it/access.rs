//! Access to the control API and the page, and the requests that they reject.

use std::net::SocketAddr;

use bakong_sandbox::Sandbox;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::{Connection, Response, ask, request};
use crate::control::{JSON, get, send};
use crate::{EMAIL, RENEWAL, assert_contains, assert_has, sandbox, with_token};

#[tokio::test]
async fn the_control_api_rejects_wrong_paths_methods_types_and_origins() {
    let sandbox = sandbox().await;
    let text_type = "Content-Type: text/plain\r\n";
    let evil = "Origin: http://evil.example\r\n";
    for (method, path, headers, status) in [
        ("GET", "/sandbox", "", 404),
        ("GET", "/sandbox/", "", 404),
        ("GET", "/sandbox/nothing", "", 404),
        ("GET", "/sandbox/pay", "", 405),
        ("PUT", "/sandbox/clock", "", 405),
        ("POST", "/sandbox/reset", "", 415),
        ("POST", "/sandbox/reset", text_type, 415),
        ("GET", "/sandbox/clock", evil, 403),
        ("GET", "/", "Sec-Fetch-Site: cross-site\r\n", 403),
    ] {
        let response = send(&sandbox, method, path, headers, "").await;
        assert!(response.value(status)["error"]["help"].is_string());
        if method == "PUT" {
            assert_eq!(response.header("allow"), Some("GET, POST"));
        }
    }
    // A host name of another machine.
    let text = request("GET", "/sandbox/clock", "", "");
    ask(&sandbox, &text).await.unwrap().json(403);
    let large = " ".repeat(64 * 1024 + 1);
    let response = send(&sandbox, "POST", "/sandbox/reset", JSON, &large).await;
    response.json(413);

    let response = send(&sandbox, "GET", "/sandbox/mailbox", "", "").await;
    for (name, value) in [
        ("cross-origin-resource-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(response.header(name), Some(value));
    }
    // A link on another site may lead to the page.
    let link =
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    let response = send(&sandbox, "GET", "/?code=x", link, "").await;
    assert_eq!(response.status, 200);
    // The sandbox's own page may use the API.
    let own = "Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n";
    send(&sandbox, "GET", "/sandbox/clock", own, "")
        .await
        .json(200);
}

#[tokio::test]
async fn unknown_parameters_and_paths_are_rejected_with_the_known_ones() {
    let sandbox = sandbox().await;
    sandbox.fault(bakong_sandbox::Fault::cut().always());
    for (method, path, place, help) in [
        ("GET", "payments?md=x", "query.md", "limit, md5"),
        ("GET", "payments?limit=1&limit=2", "query.limit", "once"),
        ("GET", "mailbox?mail=a", "query.mail", "email"),
        ("GET", "requests?last=5", "query.last", "limit"),
        ("GET", "clock?x", "query.x", "remove it"),
        ("DELETE", "faults?id=1", "query.id", "number"),
        ("POST", "reset?really=1", "query.really", "remove it"),
    ] {
        let response = send(&sandbox, method, &format!("/sandbox/{path}"), JSON, "").await;
        let error = response.value(400)["error"].clone();
        assert_eq!(error["where"], place);
        assert_contains(error["help"].as_str().unwrap(), &[help]);
    }
    // A DELETE that ignored its body would remove every fault.
    let body = r#"{"number":7}"#;
    let response = send(&sandbox, "DELETE", "/sandbox/faults", JSON, body).await;
    assert_eq!(response.value(400)["error"]["where"], "body");
    assert_eq!(sandbox.fault_count(), 1);

    // The help lists each path once.
    let response = send(&sandbox, "GET", "/sandbox/nothing", "", "").await;
    let error = response.value(404)["error"].clone();
    let help = error["help"].as_str().unwrap();
    let mut paths: Vec<_> = help.split([' ', ',']).collect();
    paths.retain(|word| word.starts_with("/sandbox/"));
    paths.sort_unstable();
    let count = paths.len();
    paths.dedup();
    assert!(count > 10 && paths.len() == count, "{help}");
}

/// A foreign page in a browser can send requests across sites, or resolve its own name to this machine.
#[tokio::test]
async fn another_site_gets_no_token_and_uses_no_quota() {
    let (sandbox, _token) = with_token().await;
    let ask_from = async |host: &str, headers: &str| {
        let headers = format!("User-Agent: browser\r\nContent-Type: application/json\r\n{headers}");
        let text = request("POST", "/v1/renew_token", &headers, RENEWAL);
        let text = text.replace("Host: bakong", &format!("Host: {host}"));
        ask(&sandbox, &text).await.unwrap()
    };
    for (host, headers) in [
        ("localhost", "Origin: http://evil.example\r\n"),
        ("localhost", "Origin: null\r\n"),
        ("localhost", "Sec-Fetch-Site: cross-site\r\n"),
        ("evil.example", "Origin: http://evil.example\r\n"),
        ("evil.example", "Sec-Fetch-Site: same-origin\r\n"),
    ] {
        let response = ask_from(host, headers).await;
        let body = response.value(403);
        assert_has(&body, json!({"responseCode": 1, "errorCode": null}));
        let message = body["responseMessage"].as_str().unwrap();
        assert!(message.starts_with("header."), "{message}");
        assert!(!response.body.contains("eyJ"), "{response:?}");
        assert_eq!(response.header("access-control-allow-origin"), None);
    }
    assert_eq!(sandbox.quota_used(EMAIL), 0);
    assert_eq!(sandbox.requests().len(), 0);
    // The log in the control API contains the rejected requests.
    let log = get(&sandbox, "requests").await;
    assert_eq!(log["requests"].as_array().unwrap().len(), 5);
    // A program may use any host name, and the sandbox's own page may use the API.
    ask_from("api-bakong.nbc.gov.kh", "").await.json(200);
    let own = "Origin: http://localhost\r\n";
    ask_from("localhost", own).await.json(200);
}

/// Starts a sandbox that other machines reach, with an allowed host name, and returns its local address.
async fn public_sandbox() -> (Sandbox, SocketAddr) {
    let builder = Sandbox::builder()
        .listen(SocketAddr::from(([0, 0, 0, 0], 0)))
        .allow_host("bakong.example.com");
    let sandbox = builder.start().await.unwrap();
    let local = SocketAddr::from(([127, 0, 0, 1], sandbox.address().port()));
    (sandbox, local)
}

async fn ask_as(address: SocketAddr, host: &str, text: &str) -> Response {
    let text = text.replace("Host: bakong\r", &format!("Host: {host}\r"));
    let mut connection = Connection::open(address).await;
    connection.send(text.as_bytes()).await;
    connection.receive().await.unwrap()
}

#[tokio::test]
async fn a_public_sandbox_accepts_allowed_host_names_and_addresses() {
    let (_sandbox, address) = public_sandbox().await;
    let text = request("GET", "/sandbox/clock", "", "");
    for (host, status) in [
        ("sandbox", 200),
        ("192.168.1.2:4717", 200),
        ("bakong.example.com", 200),
        ("evil.example", 403),
    ] {
        ask_as(address, host, &text).await.json(status);
    }
    // Behind a TLS proxy, the page of an allowed name has an https origin.
    for (host, origin, status) in [
        ("bakong.example.com", "https://bakong.example.com", 200),
        ("bakong.example.com", "http://bakong.example.com", 200),
        ("bakong.example.com", "https://evil.example", 403),
        ("sandbox", "https://sandbox", 403),
    ] {
        let headers = format!("{JSON}Origin: {origin}\r\n");
        let text = request("POST", "/sandbox/clock", &headers, r#"{"advanceMs":1}"#);
        ask_as(address, host, &text).await.json(status);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Every request gets a response in a documented form, and the next client gets one too.
    #[test]
    fn any_control_request_gets_a_response(
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
            let response = send(&sandbox, method, &path, &headers, &body).await;
            if response.status != 400 || !response.body.is_empty() {
                if response.header("content-type") == Some("application/json") {
                    let body: Value = serde_json::from_str(&response.body).unwrap();
                    let is_error = body["error"]["what"].is_string();
                    prop_assert_eq!(response.status != 200, is_error, "{:?}", response);
                } else {
                    prop_assert!(path.starts_with("/?") || path == "/", "{:?}", response);
                }
            }
            let clock = get(&sandbox, "clock").await;
            prop_assert!(clock["now"].is_number());
            Ok(())
        })?;
    }
}
