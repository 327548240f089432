//! Requests outside the API, oversized bodies, and bytes that are not HTTP.

use std::net::SocketAddr;

use bakong_sandbox::{ApiEndpoint, Sandbox};
use proptest::prelude::*;

use crate::client::{Connection, ask, post, request};
use crate::sandbox;

const USER_AGENT: &str = "User-Agent: test/1\r\n";

#[tokio::test]
async fn unknown_paths_methods_and_bodies_are_rejected_in_the_envelope() {
    let sandbox = sandbox().await;
    let verify = ApiEndpoint::Verify.path();
    for (method, path, body, status, reason) in [
        ("POST", "/v1/verify/", "{}", 404, "Not Found"),
        ("POST", "/v1/nothing", "{}", 404, "Not Found"),
        ("GET", "/nothing", "", 404, "Not Found"),
        ("GET", verify, "", 405, "Method Not Allowed"),
        ("BREW", verify, "", 405, "Method Not Allowed"),
        ("POST", verify, "{", 400, "Bad Request"),
        ("POST", verify, "", 400, "Bad Request"),
    ] {
        // A path outside the API needs no user agent.
        let headers = if path == "/nothing" { "" } else { USER_AGENT };
        let text = request(method, path, headers, body);
        let response = ask(&sandbox, &text).await.unwrap();
        let expected = format!(
            r#"{{"data":null,"errorCode":null,"responseCode":1,"responseMessage":"{reason}"}}"#
        );
        assert_eq!(response.json(status), expected);
        assert_eq!(response.header("allow"), (status == 405).then_some("POST"));
    }
}

#[tokio::test]
async fn a_request_without_a_user_agent_gets_a_403_page() {
    let sandbox = sandbox().await;
    let page = "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
    for headers in ["", "User-Agent:\r\n", "User-Agent:  \r\n"] {
        for path in ["/v1/verify", "/v1/%3Cscript%3Ealert(1)", "/v1"] {
            let text = request("POST", path, headers, "{}");
            let response = ask(&sandbox, &text).await.unwrap();
            assert_eq!((response.status, &response.body[..]), (403, page));
            assert_eq!(response.header("content-type"), Some("text/html"));
        }
    }
}

#[tokio::test]
async fn a_body_is_limited_to_64_kib() {
    let sandbox = sandbox().await;
    let fits = " ".repeat(64 * 1024 - 2) + "{}";
    let response = post(&sandbox, "/v1/verify", None, &fits).await;
    assert_eq!(response.error_code(), 5);
    for len in [64 * 1024 + 1, 1024 * 1024] {
        let response = post(&sandbox, "/v1/verify", None, &" ".repeat(len)).await;
        assert_eq!(response.value(413)["responseMessage"], "Payload Too Large");
    }
    // A chunked body has no content length.
    let chunk = format!("{:x}\r\n{}\r\n", 40_000, "x".repeat(40_000));
    let text = format!(
        "POST /v1/verify HTTP/1.1\r\nHost: bakong\r\n{USER_AGENT}Transfer-Encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n"
    );
    ask(&sandbox, &text).await.unwrap().json(413);
}

#[tokio::test]
async fn a_sandbox_on_all_addresses_has_a_loopback_base_url() {
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    let sandbox = Sandbox::builder().listen(any).start().await.unwrap();
    let port = sandbox.address().port();
    assert_eq!(sandbox.base_url(), format!("http://127.0.0.1:{port}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// After any bytes, with or without a valid head, the server responds to the next client.
    #[test]
    fn any_bytes_leave_the_server_running(
        path in prop_oneof![
            4 => proptest::sample::select(ApiEndpoint::ALL).prop_map(ApiEndpoint::path),
            1 => Just("/"),
            1 => Just("*"),
        ],
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        has_head: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let sandbox = sandbox().await;
            let mut connection = Connection::open(sandbox.address()).await;
            if has_head {
                let head = request("POST", path, USER_AGENT, "");
                connection.send(head.replace("Length: 0", &format!("Length: {}", bytes.len())).as_bytes()).await;
            }
            connection.send(&bytes).await;
            if has_head && path != "*" {
                connection.receive().await.unwrap();
            }
            drop(connection);
            post(&sandbox, "/v1/verify", None, "{}").await.json(200);
            sandbox.stop().await;
        });
    }
}
