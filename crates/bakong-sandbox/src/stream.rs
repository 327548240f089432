//! The bodies that the server sends: an answer on its way, or events without end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::delivery::{Cut, DeliveredBody};
use crate::state::Shared;

/// How often it is looked whether the moment of a payment has come, while somebody listens.
const TICK: Duration = Duration::from_secs(1);

/// After how many ticks without an event a comment is sent, so that nobody between takes the connection
/// for dead.
const QUIET: u32 = 15;

/// Whatever the server sends.
pub(crate) enum ServerBody {
    Answer(DeliveredBody),
    Events(EventBody),
}

/// Events as they happen, until the listener or the sandbox goes.
pub(crate) struct EventBody {
    events: mpsc::Receiver<Bytes>,
    shared: Arc<Shared>,
    tick: Interval,
    quiet: u32,
    has_begun: bool,
}

impl EventBody {
    pub(crate) fn new(events: mpsc::Receiver<Bytes>, shared: Arc<Shared>) -> Self {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            events,
            shared,
            tick,
            quiet: 0,
            has_begun: false,
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !self.has_begun {
            self.has_begun = true;
            // With a body, however small, the head goes out.
            return Poll::Ready(Some(Bytes::from_static(b"retry: 1000\n\n")));
        }
        loop {
            if let Poll::Ready(event) = self.events.poll_recv(context) {
                self.quiet = 0;
                return Poll::Ready(event);
            }
            if self.tick.poll_tick(context).is_pending() {
                return Poll::Pending;
            }
            // Tells of the payments whose moment has come.
            self.shared
                .with(|state| state.ledger.settle(state.clock.now()));
            self.quiet = self.quiet.saturating_add(1);
            if self.quiet > QUIET {
                self.quiet = 0;
                return Poll::Ready(Some(Bytes::from_static(b": still here\n\n")));
            }
        }
    }
}

impl Body for ServerBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Answer(body) => Pin::new(body).poll_frame(context),
            Self::Events(body) => body
                .poll_next(context)
                .map(|event| event.map(|event| Ok(Frame::data(event)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Answer(body) => body.is_end_stream(),
            Self::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Answer(body) => body.size_hint(),
            Self::Events(_) => SizeHint::default(),
        }
    }
}
