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

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use khqr_core::{AccountId, Amount, KhqrBuilder};

    use super::*;
    use crate::clock::SandboxClock;
    use crate::customer::TransferOptions;
    use crate::entropy::Entropy;
    use crate::state::State;

    fn shared(clock: SandboxClock) -> Arc<Shared> {
        Arc::new(Shared::new(State::new(clock, Entropy::from_seed([1; 32]))))
    }

    fn listen(shared: &Arc<Shared>) -> ServerBody {
        let events = shared.with(|state| state.events.listen()).unwrap();
        ServerBody::Events(EventBody::new(events, Arc::clone(shared)))
    }

    async fn next(body: &mut ServerBody) -> String {
        let frame = body.frame().await.unwrap().unwrap();
        String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_connection_is_kept_alive() {
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
    async fn a_payment_whose_moment_has_come_is_told_though_nobody_asks() {
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
        shared.with(|state| {
            let options = TransferOptions::new().after(Duration::from_secs(5));
            let payer = "dara@devb".parse().unwrap();
            let order = options.order(&code, payer, start).unwrap();
            state
                .ledger
                .place(order, start, &mut state.entropy)
                .unwrap();
        });
        assert!(next(&mut body).await.contains(r#""status":"scheduled""#));
        // As a clock does that runs.
        shared.with(|state| state.clock.advance(Duration::from_secs(5)));
        assert!(next(&mut body).await.contains(r#""status":"transferred""#));
    }
}
