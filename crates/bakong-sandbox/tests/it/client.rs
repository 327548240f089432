//! A minimal HTTP/1.1 client. Each request is written out byte by byte.

use std::net::SocketAddr;

use bakong_sandbox::Sandbox;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The status line and the header lines.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// Returns the body of a JSON response with this status.
    #[track_caller]
    pub(crate) fn json(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"));
        &self.body
    }

    /// Returns the parsed body of a JSON response with this status.
    #[track_caller]
    pub(crate) fn value(&self, status: u16) -> Value {
        serde_json::from_str(self.json(status)).unwrap()
    }

    /// Returns the error code of a response with status 200. `null` means success.
    #[track_caller]
    pub(crate) fn error_code(&self) -> Value {
        self.value(200)["errorCode"].clone()
    }
}

/// A connection that stays open.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Opens a connection and sends `text`.
    pub(crate) async fn with(sandbox: &Sandbox, text: &str) -> Self {
        let mut connection = Self::open(sandbox.address()).await;
        connection.send(text.as_bytes()).await;
        connection
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Reads the next response. Returns `None` when the connection ends without one.
    pub(crate) async fn receive(&mut self) -> Option<Response> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if self.read_some(&mut bytes).await == 0 {
                assert!(bytes.is_empty(), "incomplete response: {bytes:?}");
                return None;
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut response = Response {
            status: head[9..12].parse().unwrap(),
            head,
            body: String::new(),
        };
        let length = response.header("content-length").unwrap_or("0");
        let length: usize = length.parse().unwrap();
        let mut body = bytes.split_off(end + 4);
        while body.len() < length {
            assert_ne!(self.read_some(&mut body).await, 0, "incomplete body");
        }
        assert_eq!(body.len(), length, "bytes after the body");
        response.body = String::from_utf8(body).unwrap();
        Some(response)
    }

    /// Reads the next line, without its end.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = Vec::new();
        loop {
            match self.0.read_u8().await.unwrap() {
                b'\n' => break,
                b'\r' => {}
                byte => line.push(byte),
            }
        }
        String::from_utf8(line).unwrap()
    }

    /// Waits for the end of the connection. Returns false if data arrives before it.
    pub(crate) async fn ends_empty(mut self) -> bool {
        let mut bytes = Vec::new();
        self.read_some(&mut bytes).await == 0
    }

    pub(crate) async fn read_to_end(mut self) -> String {
        let mut bytes = Vec::new();
        while self.read_some(&mut bytes).await != 0 {}
        String::from_utf8(bytes).unwrap()
    }

    /// Treats a reset as the end.
    async fn read_some(&mut self, bytes: &mut Vec<u8>) -> usize {
        self.0.read_buf(bytes).await.unwrap_or(0)
    }
}

/// A complete request, with `headers` after the content length.
pub(crate) fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: bakong\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

/// Sends `text` on a new connection.
pub(crate) async fn ask(sandbox: &Sandbox, text: &str) -> Option<Response> {
    Connection::with(sandbox, text).await.receive().await
}

/// Sends a POST request with all headers that the API needs.
pub(crate) async fn post(
    sandbox: &Sandbox,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> Response {
    ask(sandbox, &post_text(path, token, body)).await.unwrap()
}

pub(crate) fn post_text(path: &str, token: Option<&str>, body: &str) -> String {
    let authorization = token.map_or(String::new(), |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    let headers =
        format!("User-Agent: test/1\r\nContent-Type: application/json\r\n{authorization}");
    request("POST", path, &headers, body)
}

/// Checks a code by its MD5.
pub(crate) async fn check(sandbox: &Sandbox, token: &str, code: &str) -> Response {
    let body = format!(r#"{{"md5":"{}"}}"#, crate::md5_of(code));
    post(sandbox, "/v1/check_transaction_by_md5", Some(token), &body).await
}
