//! A server that repeats what it was sent: nothing secret is printed for it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Finished, bakong};

const MD5: &str = "74c4012a1d65f9f4c7c647fc8f370f07";
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE4MDMwMDAwMDB9.c2VjcmV0";

/// A server that answers with `before`, the head and the body of the request in its message.
async fn echoing(before: usize) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 8_192];
            let length = stream.read(&mut asked).await.unwrap();
            let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
            let body = serde_json::json!({
                "responseCode": 1,
                "errorCode": 99,
                "responseMessage": format!("{}{asked}", "x".repeat(before)),
            })
            .to_string();
            let head = "HTTP/1.1 200 OK\r\nconnection: close";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn what_a_server_repeats_is_hidden() {
    let code = "ab\"cd\\efghijklmnopqr";
    // Also where it is cut off for people in its midst.
    for before in [0, 20, 60, 100, 130, 180, 190] {
        let url = echoing(before).await;
        for arguments in [
            &["tx", "check", "--md5", MD5][..],
            &["tx", "diagnose", "--md5", MD5],
            &["account", "check", "sokha@devb"],
            &["token", "verify", "--code", code],
        ] {
            for json in [&[][..], &["--json"]] {
                let arguments = [arguments, &["--base-url", &url], json].concat();
                let output = bakong(&arguments).env("BAKONG_TOKEN", TOKEN).output();
                let finished = Finished::of(output.await.unwrap());
                assert_eq!(finished.exit, 1, "{finished:?}");
                for secret in [&TOKEN[..6], "c2VjcmV0", "efghij", "ab\"cd", "ab\\\"cd"] {
                    finished.hides(secret);
                }
            }
        }
    }
}
