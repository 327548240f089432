//! A fake Bakong whose clock differs from this machine's.

use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{MD5, UNKNOWN_TOKEN, run_with_token};

/// Starts a fake Bakong that finds no payment, with a clock that is ahead of this machine's. Returns its address.
async fn start(ahead: SignedDuration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let body = r#"{"responseCode":1,"errorCode":1,"responseMessage":"Transaction could not be found.","data":null}"#;
            let date = (Timestamp::now() + ahead).strftime("%a, %d %b %Y %H:%M:%S GMT");
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: {date}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    format!("http://127.0.0.1:{port}")
}

#[tokio::test]
async fn a_wrong_clock_is_a_warning() {
    for (hours, text) in [(2, "behind Bakong's"), (-2, "ahead of Bakong's"), (0, "")] {
        let url = start(SignedDuration::from_hours(hours)).await;
        let line = format!("tx check --md5 {MD5} --base-url {url}");
        let finished = run_with_token(&line, UNKNOWN_TOKEN).await.exits(3);
        match text {
            "" => finished.hides("clock"),
            text => finished.shows(text),
        }
    }
}

#[tokio::test]
async fn a_code_that_phones_call_expired_is_not_shown() {
    let url = start(SignedDuration::from_hours(2)).await;
    for json in ["", "--json"] {
        let line = format!("checkout --base-url {url} {json}");
        let finished = run_with_token(&line, UNKNOWN_TOKEN).await.exits(1);
        finished.shows("No code was shown");
        finished.hides("000201");
    }
}
