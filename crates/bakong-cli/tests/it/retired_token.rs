//! A server that retires the old token as soon as it issues a new one: no command fails because another one renews.

use std::sync::Arc;

use khqr_core::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::renewal::{EMAIL, MD5};
use crate::support::{Folder, run};

const DAY: u64 = 86_400;

/// Encodes bytes as base64url without padding (RFC 4648).
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0usize, |group, byte| group << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(DIGITS[group >> (18 - 6 * place) & 63]));
        }
    }
    text
}

/// Creates a token that expires in this many days.
pub(crate) fn token(name: &str, days: u64) -> String {
    let exp = Timestamp::now().as_millis() / 1_000 + days * DAY;
    let claims = format!(r#"{{"id":"{name}","exp":{exp}}}"#);
    format!("eyJhbGciOiJIUzI1NiJ9.{}.c2ln", base64url(claims.as_bytes()))
}

/// A server with one valid token.
struct Server {
    old: String,
    new: String,
    /// How many checks carried the old token, and whether that token is retired.
    seen: watch::Sender<(usize, bool)>,
    /// The new token is sent after at least this many checks with the old one. The renewing command can send one, too.
    commands: usize,
}

impl Server {
    async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(Arc::clone(&self).answer(stream));
        }
    }

    async fn answer(self: Arc<Self>, mut stream: TcpStream) {
        let mut request = String::new();
        while !request.contains("\r\n\r\n") || !request.trim_end().ends_with('}') {
            let mut bytes = [0; 4_096];
            let length = stream.read(&mut bytes).await.unwrap();
            if length == 0 {
                return;
            }
            request.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
        let (status, body) = self.reply(&request).await;
        let answer = format!(
            "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    }

    async fn reply(&self, request: &str) -> (u16, String) {
        let found = r#"{"responseCode":1,"errorCode":1,"responseMessage":"not found"}"#.to_owned();
        if request.contains("renew_token") {
            self.seen.send_modify(|(_, is_retired)| *is_retired = true);
            let mut seen = self.seen.subscribe();
            let _ = seen.wait_for(|(checks, _)| *checks >= self.commands).await;
            let body = format!(r#"{{"responseCode":0,"data":{{"token":"{}"}}}}"#, self.new);
            return (200, body);
        }
        if request.contains(&self.new) {
            return (200, found);
        }
        assert!(request.contains(&self.old));
        let is_retired = self.seen.borrow().1;
        self.seen.send_modify(|(checks, _)| *checks += 1);
        if is_retired {
            (401, r#"{"responseCode":1,"errorCode":6}"#.to_owned())
        } else {
            (200, found)
        }
    }
}

/// Runs `commands` checks at the same time as `renewing`, which renews the token.
async fn check_during_a_renewal(old: String, more: &[&str], renewing: &[&str]) {
    const COMMANDS: usize = 5;
    let folder = Folder::new();
    let file = folder.write("token", &old);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = Arc::new(Server {
        old,
        new: token("new", 90),
        seen: watch::Sender::new((0, false)),
        commands: COMMANDS,
    });
    let mut seen = server.seen.subscribe();
    tokio::spawn(Arc::clone(&server).serve(listener));
    let target = ["--base-url", &url, "--token-file", &file];
    let first = [renewing, &target].concat();
    let check = [&["tx", "check", "--md5", MD5][..], &target, more].concat();
    let checks = async {
        // The renewal has begun, so the old token is retired.
        seen.wait_for(|(_, is_retired)| *is_retired).await.unwrap();
        futures_util::future::join_all((0..COMMANDS).map(|_| run(&check))).await
    };
    let (renewed, checks) = tokio::join!(run(&first), checks);
    assert!([0, 3].contains(&renewed.exit), "{renewed:?}");
    for finished in checks {
        assert_eq!(finished.exit, 3, "{finished:?}");
    }
    let stored = std::fs::read_to_string(&file).unwrap();
    assert_eq!(stored.trim(), server.new);
}

#[tokio::test]
async fn checks_wait_for_the_token_that_another_check_renews() {
    let check = ["tx", "check", "--md5", MD5, "--email", EMAIL];
    // The checks have an e-mail address for renewals, or none.
    for more in [&["--email", EMAIL][..], &[]] {
        check_during_a_renewal(token("old", 1), more, &check).await;
    }
}

#[tokio::test]
async fn checks_wait_for_the_token_that_the_user_renews() {
    let renew = ["token", "renew", "--email", EMAIL];
    for more in [&["--email", EMAIL][..], &[]] {
        check_during_a_renewal(token("old", 60), more, &renew).await;
    }
}
