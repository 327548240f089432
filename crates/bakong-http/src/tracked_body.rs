//! A request body that records whether hyper began to write the request.
//!
//! hyper looks at a body when it writes the request's head, and not before. A request whose body is untouched
//! was not sent, so it may be repeated even if it must not run twice.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

pub(crate) struct TrackedBody {
    bytes: Bytes,
    marker: WriteMarker,
}

/// Whether a request was written. The first write or [`cancel`](Self::cancel) decides, whichever comes first.
#[derive(Clone, Default)]
pub(crate) struct WriteMarker(Arc<OnceLock<bool>>);

impl WriteMarker {
    /// Records a write. Returns `false` if the request was cancelled and must not be written.
    fn write(&self) -> bool {
        *self.0.get_or_init(|| true)
    }

    /// Forbids writing from now on. Returns whether the request may already have been written.
    pub(crate) fn cancel(&self) -> bool {
        *self.0.get_or_init(|| false)
    }
}

impl TrackedBody {
    pub(crate) fn new(bytes: Bytes, marker: &WriteMarker) -> Self {
        Self {
            bytes,
            marker: marker.clone(),
        }
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = Cancelled;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cancelled>>> {
        if !self.marker.write() {
            // Makes hyper drop the connection before it flushes the request's head.
            return Poll::Ready(Some(Err(Cancelled)));
        }
        let bytes = mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.marker.write() && self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match self.marker.write() {
            true => SizeHint::with_exact(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)),
            // An unknown length makes hyper poll the body of a `POST` even if it is empty.
            false => SizeHint::default(),
        }
    }
}

/// The request was cancelled before it was written.
#[derive(Debug)]
pub(crate) struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was cancelled before it was written")
    }
}

impl std::error::Error for Cancelled {}

#[cfg(test)]
mod tests {
    use http::Request;
    use hyper::client::conn::http1::handshake;
    use hyper_util::rt::TokioIo;
    use tokio::io::AsyncReadExt;

    use super::*;

    /// Sends a request whose marker is `marker`. Returns the bytes that the server receives.
    async fn written(marker: &WriteMarker, body: &'static str) -> String {
        let (ours, mut server) = tokio::io::duplex(4096);
        let (mut sender, connection) = handshake(TokioIo::new(ours)).await.unwrap();
        tokio::spawn(connection);
        let body = TrackedBody::new(Bytes::from_static(body.as_bytes()), marker);
        let sending = sender.send_request(Request::post("/").body(body).unwrap());
        let mut received = vec![0; 4096];
        let receiving = async {
            let length = server.read(&mut received).await.unwrap();
            drop(server);
            length
        };
        let (_, length) = tokio::join!(sending, receiving);
        String::from_utf8(received[..length].to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_request_is_written_unless_cancelled_before() {
        for body in ["body", ""] {
            let marker = WriteMarker::default();
            assert!(written(&marker, body).await.ends_with(body));
            assert!(marker.cancel(), "the request may have been sent");

            let marker = WriteMarker::default();
            assert!(!marker.cancel());
            assert_eq!(written(&marker, body).await, "");
            assert!(!marker.cancel(), "a cancelled request is never written");
        }
    }
}
