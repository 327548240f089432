//! What is no request of the API, and what is hardly HTTP.

use bakong_sandbox::{ApiEndpoint, Sandbox};
use proptest::prelude::*;

use crate::client::{Connection, ask, post, post_text, request};
use crate::sandbox;

const HONEST: &str = "User-Agent: test/1\r\n";

#[tokio::test]
async fn what_the_api_does_not_know_is_rejected_in_its_envelope() {
    let sandbox = sandbox().await;
    let verify = ApiEndpoint::Verify.path();
    for (text, status, reason) in [
        (
            request("POST", "/v1/verify/", HONEST, "{}"),
            404,
            "Not Found",
        ),
        (
            request("POST", "/v1/nothing", HONEST, "{}"),
            404,
            "Not Found",
        ),
        (request("GET", "/nothing", "", ""), 404, "Not Found"),
        (
            request("GET", verify, HONEST, ""),
            405,
            "Method Not Allowed",
        ),
        (
            request("BREW", verify, HONEST, ""),
            405,
            "Method Not Allowed",
        ),
        (request("POST", verify, HONEST, "{"), 400, "Bad Request"),
        (request("POST", verify, HONEST, ""), 400, "Bad Request"),
    ] {
        let answer = ask(&sandbox, &text).await.unwrap();
        let expected = format!(
            r#"{{"data":null,"errorCode":null,"responseCode":1,"responseMessage":"{reason}"}}"#
        );
        assert_eq!(answer.json(status), expected);
        assert_eq!(answer.header("allow"), (status == 405).then_some("POST"));
    }
}

#[tokio::test]
async fn a_client_without_a_name_is_turned_away() {
    let sandbox = sandbox().await;
    let page = "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
    for headers in ["", "User-Agent:\r\n", "User-Agent:  \r\n"] {
        for path in ["/v1/verify", "/v1/%3Cscript%3Ealert(1)", "/v1"] {
            let answer = ask(&sandbox, &request("POST", path, headers, "{}"))
                .await
                .unwrap();
            assert_eq!(
                (
                    answer.status,
                    answer.header("content-type"),
                    &answer.body[..]
                ),
                (403, Some("text/html"), page)
            );
        }
    }
}

#[tokio::test]
async fn a_body_has_at_most_64_kib() {
    let sandbox = sandbox().await;
    let fits = " ".repeat(64 * 1024 - 2) + "{}";
    let answer = post(&sandbox, "/v1/verify", None, &fits).await;
    assert!(answer.json(200).contains(r#""errorCode":5,"#));
    for len in [64 * 1024 + 1, 1024 * 1024] {
        let answer = post(&sandbox, "/v1/verify", None, &" ".repeat(len)).await;
        assert!(answer.json(413).contains("Payload Too Large"), "{answer:?}");
    }
    // Announced by no length.
    let chunk = format!("{:x}\r\n{}\r\n", 40_000, "x".repeat(40_000));
    let text = format!(
        "POST /v1/verify HTTP/1.1\r\nHost: bakong\r\n{HONEST}Transfer-Encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n"
    );
    ask(&sandbox, &text).await.unwrap().json(413);
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let sandbox = sandbox().await;
    let mut connection = Connection::open(sandbox.address()).await;
    let text = post_text("/v1/verify", None, "{}");
    for _ in 0..3 {
        connection.send(text.as_bytes()).await;
        connection.receive().await.unwrap().json(200);
    }
    assert_eq!(sandbox.requests().len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any bytes, some of them with an honest beginning, leave the server answering the next client.
    #[test]
    fn any_bytes_leave_the_server_standing(
        path in prop_oneof![
            4 => proptest::sample::select(ApiEndpoint::ALL).prop_map(ApiEndpoint::path),
            1 => Just("/"),
            1 => Just("*"),
        ],
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        honest: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let sandbox = sandbox().await;
            let mut connection = Connection::open(sandbox.address()).await;
            if honest {
                let head = request("POST", path, HONEST, "");
                connection.send(head.replace("Length: 0", &format!("Length: {}", bytes.len())).as_bytes()).await;
            }
            connection.send(&bytes).await;
            if honest && path != "*" {
                connection.receive().await.unwrap();
            }
            drop(connection);
            post(&sandbox, "/v1/verify", None, "{}").await.json(200);
            sandbox.stop().await;
        });
    }
}

#[tokio::test]
async fn where_it_listens_at_any_address_there_is_one_to_go_to() {
    let any = std::net::SocketAddr::from(([0, 0, 0, 0], 0));
    let sandbox = Sandbox::builder().listen(any).start().await.unwrap();
    let port = sandbox.address().port();
    assert_eq!(sandbox.base_url(), format!("http://127.0.0.1:{port}"));
}
