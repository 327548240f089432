//! Server-sent events (HTML Living Standard §9.2).
//!
//! A listener that does not keep up is disconnected, and browsers reconnect automatically. So a listener
//! can neither delay the server nor fill its memory.

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;

/// The maximum number of listeners.
const MAX_LISTENERS: usize = 32;

/// The number of events that are buffered for each listener.
const BUFFER: usize = 256;

/// The kind of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    Transfer,
    /// The text of an open code became known.
    Code,
    Request,
    Fault,
    Clock,
    Mail,
    /// An address used up its quota or got a token, or the limit or the number of requests used was set.
    Quota,
    /// The sandbox was reset.
    Reset,
}

impl Event {
    const fn name(self) -> &'static str {
        match self {
            Self::Transfer => "payment",
            Self::Code => "code",
            Self::Request => "request",
            Self::Fault => "fault",
            Self::Clock => "clock",
            Self::Mail => "mail",
            Self::Quota => "quota",
            Self::Reset => "reset",
        }
    }
}

#[derive(Default)]
pub(crate) struct Events {
    listeners: Vec<mpsc::Sender<Bytes>>,
    /// Events to send once the state file contains their changes.
    pending: Vec<Bytes>,
}

impl Events {
    /// Adds a listener. Returns `None` if the maximum is reached.
    pub(crate) fn listen(&mut self) -> Option<mpsc::Receiver<Bytes>> {
        self.listeners.retain(|listener| !listener.is_closed());
        if self.listeners.len() >= MAX_LISTENERS {
            return None;
        }
        let (sender, receiver) = mpsc::channel(BUFFER);
        self.listeners.push(sender);
        Some(receiver)
    }

    /// Whether anyone listens.
    pub(crate) const fn has_listeners(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Queues an event for the next [`flush`](Self::flush). `data` is computed only if anyone listens.
    pub(crate) fn emit<T: Serialize>(&mut self, event: Event, data: impl FnOnce() -> T) {
        if self.listeners.is_empty() {
            return;
        }
        // Serialized JSON contains no line break, which would end the field.
        let Ok(data) = serde_json::to_string(&data()) else {
            return;
        };
        let text = format!("event: {}\ndata: {data}\n\n", event.name());
        self.pending.push(text.into());
    }

    /// Sends the queued events.
    pub(crate) fn flush(&mut self) {
        for text in self.pending.drain(..) {
            self.listeners
                .retain(|listener| listener.try_send(text.clone()).is_ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listener_gets_an_event() {
        let mut events = Events::default();
        events.emit(Event::Mail, || -> u8 { panic!("nobody listens") });
        let mut one = events.listen().unwrap();
        let other = events.listen().unwrap();
        events.emit(Event::Transfer, || "a\nb");
        assert!(one.try_recv().is_err(), "not flushed yet");
        events.flush();
        assert_eq!(
            one.try_recv().unwrap(),
            "event: payment\ndata: \"a\\nb\"\n\n"
        );
        drop((one, other));
        events.emit(Event::Transfer, || 1);
        events.flush();
        assert!(!events.has_listeners());
    }

    #[test]
    fn a_slow_listener_is_disconnected() {
        let mut events = Events::default();
        let mut slow = events.listen().unwrap();
        for number in 0..=BUFFER {
            events.emit(Event::Clock, || number);
            events.flush();
        }
        assert!(!events.has_listeners());
        let received = std::iter::from_fn(|| slow.try_recv().ok()).count();
        assert_eq!(received, BUFFER);
    }

    #[test]
    fn the_number_of_listeners_is_limited() {
        let mut events = Events::default();
        let all: Vec<_> = (0..MAX_LISTENERS)
            .map(|_| events.listen().unwrap())
            .collect();
        assert!(events.listen().is_none());
        drop(all);
        assert!(events.listen().is_some());
    }
}
