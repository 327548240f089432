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

/// Whether a request was written. Decided once: by the first write, or by [`cancel`](Self::cancel).
#[derive(Clone, Default)]
pub(crate) struct WriteMarker(Arc<OnceLock<bool>>);

impl WriteMarker {
    /// Records a write. Returns `false` if the request was cancelled and must not be written.
    fn write(&self) -> bool {
        *self.0.get_or_init(|| true)
    }

    /// Forbids writing from now on. Returns whether the request may have been written before.
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
        self.marker.write();
        SizeHint::with_exact(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
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
