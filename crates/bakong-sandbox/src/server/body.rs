//! Response bodies: a response, or an endless stream of events.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::delivered_body::{Cut, DeliveredBody};
use crate::persist::Shared;

/// The interval at which due transfers are carried out while anyone listens.
const TICK: Duration = Duration::from_secs(1);

/// The number of ticks without an event after which a comment is sent, so that no proxy closes the idle
/// connection.
const QUIET: u32 = 15;

/// Any response body.
pub(super) enum ServerBody {
    Answer(DeliveredBody),
    Events(EventBody),
}

/// A stream of events, until the client disconnects or the sandbox stops.
pub(super) struct EventBody {
    events: mpsc::Receiver<Bytes>,
    shared: Arc<Shared>,
    tick: Interval,
    quiet: u32,
    has_begun: bool,
}

impl EventBody {
    pub(super) fn new(events: mpsc::Receiver<Bytes>, shared: Arc<Shared>) -> Self {
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
            // The response head is sent only with the first bytes of the body, so the stream starts with some.
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
            // Carries out due transfers, which emits their events.
            self.shared
                .with(|backend| backend.settle(backend.state().clock.now()));
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

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use khqr_core::{AccountId, Amount, KhqrBuilder};

    use super::*;
    use crate::backend::Backend;
    use crate::bank::TransferOptions;
    use crate::clock::SandboxClock;
    use crate::entropy::Entropy;
    use crate::state::State;

    fn shared(clock: SandboxClock) -> Arc<Shared> {
        let state = State::new(clock, Entropy::from_seed([1; 32]));
        Arc::new(Shared::new(Backend::new(state)))
    }

    fn listen(shared: &Arc<Shared>) -> ServerBody {
        let events = shared.with(|backend| backend.events.listen()).unwrap();
        ServerBody::Events(EventBody::new(events, Arc::clone(shared)))
    }

    async fn next(body: &mut ServerBody) -> String {
        let frame = body.frame().await.unwrap().unwrap();
        String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_gets_comments() {
        let shared = shared(SandboxClock::system());
        let mut body = listen(&shared);
        assert_eq!(next(&mut body).await, "retry: 1000\n\n");
        for _ in 0..2 {
            let start = tokio::time::Instant::now();
            assert_eq!(next(&mut body).await, ": still here\n\n");
            let quiet = start.elapsed();
            assert!((TICK * 14..=TICK * 17).contains(&quiet), "{quiet:?}");
        }
        assert!(!body.is_end_stream());
    }

    #[tokio::test(start_paused = true)]
    async fn a_due_transfer_is_emitted_without_a_request() {
        let start = khqr_core::Timestamp::from_millis(1_795_000_000_000);
        let shared = shared(SandboxClock::frozen_at(start));
        let mut body = listen(&shared);
        next(&mut body).await;
        let code = KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha")
            .dynamic_code(
                Amount::us_cents(1),
                start,
                start.saturating_add(Duration::from_secs(600)),
            )
            .unwrap()
            .to_text();
        shared.with(|backend| {
            let options = TransferOptions::new().after(Duration::from_secs(5));
            let payer = "dara@devb".parse().unwrap();
            backend.pay(&code, payer, &options, start).unwrap();
        });
        assert!(next(&mut body).await.contains(r#""status":"scheduled""#));
        // Moves the clock without emitting an event or settling transfers, as the passing of time does.
        shared.with(|backend| {
            let clock = backend.state().clock.advanced(Duration::from_secs(5));
            backend.commit(crate::state::Change::Clock(clock.setting()));
        });
        assert!(next(&mut body).await.contains(r#""status":"transferred""#));
    }
}
