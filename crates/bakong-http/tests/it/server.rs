//! Servers made by hand, which do to each connection what a test says.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A server on a free port of 127.0.0.1. Dropping it ends its connections.
pub(crate) struct Server {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Gives each connection to `serve`.
    pub(crate) async fn start<F, Serving>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> Serving + Send + 'static,
        Serving: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(stream));
            }
        });
        Self {
            address,
            accepted,
            accepting,
        }
    }

    /// Reads one request, sends these bytes, and closes.
    pub(crate) async fn sending_once(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into().into();
        Self::start(move |mut stream| {
            let bytes = Arc::clone(&bytes);
            async move {
                receive(&mut stream).await;
                send(&mut stream, &bytes).await;
            }
        })
        .await
    }

    pub(crate) const fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections came.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The requests that reached a server.
#[derive(Clone, Default)]
pub(crate) struct Received(Arc<Mutex<Vec<Asked>>>);

impl Received {
    pub(crate) fn all(&self) -> Vec<Asked> {
        self.0.lock().unwrap().clone()
    }
}

/// A server that answers every request with these bytes, and what it received.
pub(crate) async fn answering(bytes: impl Into<Vec<u8>>) -> (Server, Received) {
    let bytes: Arc<[u8]> = bytes.into().into();
    let received = Received::default();
    let record = received.clone();
    let server = Server::start(move |mut stream| {
        let (bytes, record) = (Arc::clone(&bytes), record.clone());
        async move {
            while let Some(asked) = receive(&mut stream).await {
                record.0.lock().unwrap().push(asked);
                send(&mut stream, &bytes).await;
            }
        }
    })
    .await;
    (server, received)
}

/// A server that gives the first request the first of these answers, and so on; all after them get the last.
/// An empty answer closes the connection.
pub(crate) async fn scripted(answers: &[&str]) -> (Server, Received) {
    let answers: Arc<[String]> = answers.iter().map(|&answer| answer.to_owned()).collect();
    let received = Received::default();
    let record = received.clone();
    let server = Server::start(move |mut stream| {
        let (answers, record) = (Arc::clone(&answers), record.clone());
        async move {
            while let Some(asked) = receive(&mut stream).await {
                let number = {
                    let mut record = record.0.lock().unwrap();
                    record.push(asked);
                    record.len()
                };
                let answer = &answers[number.min(answers.len()) - 1];
                if answer.is_empty() {
                    return;
                }
                send(&mut stream, answer.as_bytes()).await;
            }
        }
    })
    .await;
    (server, received)
}

/// An answer of this status and with these headers, each with its line's end.
pub(crate) fn status(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} Status\r\n{headers}Content-Length: 0\r\n\r\n")
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Asked {
    /// The values of all headers of this name.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1);
        lines
            .filter_map(|line| line.split_once(':'))
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }
}

/// The next request; `None` if the client has closed.
pub(crate) async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Option<Asked> {
    let mut bytes = Vec::new();
    let end = loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let mut asked = Asked {
        head: String::from_utf8(bytes[..end].to_vec()).unwrap(),
        body: String::new(),
    };
    let length: usize = asked.headers("content-length")[0].parse().unwrap();
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    asked.body = String::from_utf8(bytes[end..].to_vec()).unwrap();
    Some(asked)
}

/// Sends these bytes, to a client that may have left.
pub(crate) async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    let _ = stream.write_all(bytes).await;
    let _ = stream.flush().await;
}

/// Comes back when the client has closed.
pub(crate) async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) {
    while stream.read_u8().await.is_ok() {}
}

/// An answer with this body, whose length is announced.
pub(crate) fn ok(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// The same in chunks of at most 40 bytes.
pub(crate) fn chunked(body: &str) -> String {
    let mut answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    for chunk in body.as_bytes().chunks(40) {
        let text = std::str::from_utf8(chunk).unwrap();
        answer += &format!("{:x}\r\n{text}\r\n", chunk.len());
    }
    answer + "0\r\n\r\n"
}
