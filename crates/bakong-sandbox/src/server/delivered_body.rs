//! Delivers a body as a fault requests: delayed, truncated or byte by byte.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use crate::fault::Delivery;

/// Closes a connection without a response, or in the middle of one.
#[derive(Debug)]
pub(super) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault closed the connection")
    }
}

impl std::error::Error for Cut {}

/// The body of a response.
pub(super) struct DeliveredBody {
    /// The bytes that are not sent yet.
    rest: Bytes,
    /// The number of bytes that are announced and never sent.
    withheld: usize,
    gap: Option<Duration>,
    pause: Pause,
}

enum Pause {
    Over,
    /// Returns `Pending` once, so that the server flushes its buffer.
    Yield,
    Sleep(Pin<Box<Sleep>>),
}

impl DeliveredBody {
    pub(super) fn new(mut body: Bytes, delivery: Delivery) -> Self {
        let sent = delivery.limit.unwrap_or(usize::MAX).min(body.len());
        let withheld = body.split_off(sent).len();
        Self {
            rest: body,
            withheld,
            gap: delivery.gap,
            // Without a flush, the head would be lost when the connection closes.
            pause: if withheld > 0 {
                Pause::Yield
            } else {
                Pause::Over
            },
        }
    }

    fn pause_after_frame(&self) -> Pause {
        match self.gap {
            Some(gap) if !gap.is_zero() => Pause::Sleep(Box::pin(tokio::time::sleep(gap))),
            Some(_) => Pause::Yield,
            None if self.withheld > 0 => Pause::Yield,
            None => Pause::Over,
        }
    }

    fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.pause {
            Pause::Over => return Poll::Ready(()),
            Pause::Yield => {
                self.pause = Pause::Over;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Pause::Sleep(sleep) => ready!(sleep.as_mut().poll(context)),
        }
        self.pause = Pause::Over;
        Poll::Ready(())
    }
}

impl Body for DeliveredBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        ready!(self.poll_pause(context));
        if self.rest.is_empty() {
            return Poll::Ready((self.withheld > 0).then_some(Err(Cut)));
        }
        let count = self.gap.map_or(self.rest.len(), |_| 1);
        let frame = self.rest.split_to(count);
        self.pause = self.pause_after_frame();
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.withheld == 0
    }

    /// Includes the bytes that are never sent.
    fn size_hint(&self) -> SizeHint {
        let len = self.rest.len().saturating_add(self.withheld);
        SizeHint::with_exact(u64::try_from(len).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    /// The frames of a body, and whether it was cut.
    async fn frames(body: &'static str, delivery: Delivery) -> (Vec<Bytes>, bool) {
        let mut body = DeliveredBody::new(body.into(), delivery);
        let mut frames = Vec::new();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => frames.push(frame.into_data().unwrap()),
                Err(Cut) => return (frames, true),
            }
        }
        (frames, false)
    }

    #[tokio::test]
    async fn a_body_is_sent_complete_truncated_or_byte_by_byte() {
        let whole = Delivery::default();
        let limit = |bytes| Delivery {
            limit: Some(bytes),
            ..whole
        };
        let drip = |millis| Delivery {
            gap: Some(Duration::from_millis(millis)),
            ..whole
        };
        assert_eq!(frames("", whole).await, (vec![], false));
        assert_eq!(frames("ab", whole).await, (vec!["ab".into()], false));
        assert_eq!(frames("ab", limit(0)).await, (vec![], true));
        assert_eq!(frames("ab", limit(1)).await, (vec!["a".into()], true));
        assert_eq!(frames("ab", limit(2)).await, (vec!["ab".into()], false));
        let bytes: Vec<Bytes> = vec!["a".into(), "b".into()];
        assert_eq!(frames("ab", drip(0)).await, (bytes.clone(), false));
        assert_eq!(frames("ab", drip(1)).await, (bytes.clone(), false));
        let both = Delivery {
            limit: Some(2),
            ..drip(0)
        };
        assert_eq!(frames("abc", both).await, (bytes, true));
    }

    #[test]
    fn the_full_length_is_announced() {
        let delivery = Delivery {
            limit: Some(1),
            ..Delivery::default()
        };
        let body = DeliveredBody::new("abc".into(), delivery);
        assert_eq!(body.size_hint().exact(), Some(3));
        assert!(!body.is_end_stream());
        let body = DeliveredBody::new(Bytes::new(), delivery);
        assert!(body.is_end_stream());
    }
}
