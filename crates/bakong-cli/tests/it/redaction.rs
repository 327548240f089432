//! Secrets that a server echoes are not printed.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{MD5, UNKNOWN_TOKEN, run_with_token};

/// A server whose error message contains the request, after a padding of this length.
async fn echo_server(padding: usize) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 8_192];
            let length = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let body = serde_json::json!({
                "responseCode": 1,
                "errorCode": 99,
                "responseMessage": format!("{}{request}", "x".repeat(padding)),
            })
            .to_string();
            let head = "HTTP/1.1 200 OK\r\nconnection: close";
            let response = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(response.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn secrets_in_a_response_are_not_printed() {
    let verify = r#"token verify --code ab"cd\efghijklmnopqr"#;
    // Some paddings make the message end in the middle of a secret, because messages are truncated.
    for padding in [0, 20, 60, 100, 130, 180, 190] {
        let url = echo_server(padding).await;
        for command in [
            &format!("tx check --md5 {MD5}"),
            &format!("tx diagnose --md5 {MD5}"),
            "account check sokha@devb",
            verify,
        ] {
            for json in ["", "--json"] {
                let line = format!("{command} --base-url {url} {json}");
                let finished = run_with_token(&line, UNKNOWN_TOKEN).await.exits(1);
                for secret in [
                    &UNKNOWN_TOKEN[..6],
                    "c2VjcmV0",
                    "efghij",
                    "ab\"cd",
                    "ab\\\"cd",
                ] {
                    finished.hides(secret);
                }
            }
        }
    }
}
