//! A request's body that knows whether it was asked for.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// The whole body. hyper looks at it when it writes the request's head to a connection, and not before: so
/// it tells whether a request that ran out of time may have arrived.
pub(crate) struct Payload {
    bytes: Bytes,
    touched: Touched,
}

/// Whether a payload's request may have been written.
#[derive(Clone, Default)]
pub(crate) struct Touched(Arc<AtomicBool>);

impl Payload {
    /// This body, which touches `touched`.
    pub(crate) fn new(bytes: Bytes, touched: &Touched) -> Self {
        Self {
            bytes,
            touched: touched.clone(),
        }
    }

    fn touch(&self) {
        self.touched.0.store(true, Ordering::Relaxed);
    }
}

impl Touched {
    pub(crate) fn is_touched(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.touch();
        let bytes = std::mem::take(&mut self.get_mut().bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.touch();
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.touch();
        SizeHint::with_exact(u64::try_from(self.bytes.len()).unwrap_or(u64::MAX))
    }
}
