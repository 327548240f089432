//! Servers on raw sockets. A test decides what happens on each connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A server on a free port of 127.0.0.1. Dropping it closes its connections.
pub(crate) struct Server {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Calls `serve` with each connection.
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

    /// Reads one request from each connection, sends these bytes, and closes it.
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

    /// The number of connections.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The requests that a server received.
#[derive(Clone, Default)]
pub(crate) struct Received(Arc<Mutex<Vec<ReceivedRequest>>>);

impl Received {
    pub(crate) fn all(&self) -> Vec<ReceivedRequest> {
        self.0.lock().unwrap().clone()
    }
}

/// A server that sends this response to every request.
pub(crate) async fn answering(response: impl AsRef<str>) -> (Server, Received) {
    scripted(&[response.as_ref()]).await
}

/// A server that sends these responses in order, and then repeats the last one. An empty response closes the
/// connection.
pub(crate) async fn scripted(responses: &[&str]) -> (Server, Received) {
    let responses: Arc<[String]> = responses.iter().map(|&text| text.to_owned()).collect();
    let received = Received::default();
    let record = received.clone();
    let server = Server::start(move |mut stream| {
        let (responses, record) = (Arc::clone(&responses), record.clone());
        async move {
            while let Some(request) = receive(&mut stream).await {
                let number = {
                    let mut record = record.0.lock().unwrap();
                    record.push(request);
                    record.len()
                };
                let response = &responses[number.min(responses.len()) - 1];
                if response.is_empty() {
                    return;
                }
                send(&mut stream, response.as_bytes()).await;
            }
        }
    })
    .await;
    (server, received)
}

/// A response without a body. Each header ends with CRLF.
pub(crate) fn status(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} Status\r\n{headers}Content-Length: 0\r\n\r\n")
}

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl ReceivedRequest {
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

/// Reads the next request. Returns `None` if the client closed the connection.
pub(crate) async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Option<ReceivedRequest> {
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
    let mut request = ReceivedRequest {
        head: String::from_utf8(bytes[..end].to_vec()).unwrap(),
        body: String::new(),
    };
    let length: usize = request.headers("content-length")[0].parse().unwrap();
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    request.body = String::from_utf8(bytes[end..].to_vec()).unwrap();
    Some(request)
}

/// Sends these bytes. The client may have closed the connection.
pub(crate) async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    let _ = stream.write_all(bytes).await;
    let _ = stream.flush().await;
}

/// Waits until the client closes the connection.
pub(crate) async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) {
    while stream.read_u8().await.is_ok() {}
}

/// A response with this body and its `Content-Length`.
pub(crate) fn ok(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A response with this body in chunks of at most 40 bytes.
pub(crate) fn chunked(body: &str) -> String {
    let mut response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    for chunk in body.as_bytes().chunks(40) {
        let text = std::str::from_utf8(chunk).unwrap();
        response += &format!("{:x}\r\n{text}\r\n", chunk.len());
    }
    response + "0\r\n\r\n"
}
