//! What happens, told to whoever listens, as server-sent events (HTML Living Standard §9.2).
//!
//! A listener that does not keep up is dropped, and the browser comes back by itself: nobody who only
//! looks on may hold up the server or fill its memory.

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;

/// How many may listen at once.
const LISTENERS: usize = 32;

/// How many events may wait for one of them.
const WAITING: usize = 256;

/// The kinds of events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    Transfer,
    /// The text of an open code was told.
    Code,
    Request,
    Fault,
    SandboxClock,
    Mail,
    /// An address has made the last request of its day, or was given a token, or the limit or what was used was set.
    QuotaLimit,
    /// Everything was forgotten.
    Reset,
}

impl Event {
    const fn name(self) -> &'static str {
        match self {
            Self::Transfer => "payment",
            Self::Code => "code",
            Self::Request => "request",
            Self::Fault => "fault",
            Self::SandboxClock => "clock",
            Self::Mail => "mail",
            Self::QuotaLimit => "quota",
            Self::Reset => "reset",
        }
    }
}

#[derive(Default)]
pub(crate) struct Events {
    listeners: Vec<mpsc::Sender<Bytes>>,
    /// What is to be told once a state file has it.
    waiting: Vec<Bytes>,
}

impl Events {
    /// One more listener; `None` if there are enough.
    pub(crate) fn listen(&mut self) -> Option<mpsc::Receiver<Bytes>> {
        self.listeners.retain(|listener| !listener.is_closed());
        if self.listeners.len() >= LISTENERS {
            return None;
        }
        let (sender, receiver) = mpsc::channel(WAITING);
        self.listeners.push(sender);
        Some(receiver)
    }

    /// Whether there is anybody to tell.
    pub(crate) const fn has_listeners(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Has everybody told with the next [`send`](Self::send); `data` is made only if there is somebody.
    pub(crate) fn tell<T: Serialize>(&mut self, event: Event, data: impl FnOnce() -> T) {
        if self.listeners.is_empty() {
            return;
        }
        // JSON has no line breaks, which would end an event's line.
        let Ok(data) = serde_json::to_string(&data()) else {
            return;
        };
        let text = format!("event: {}\ndata: {data}\n\n", event.name());
        self.waiting.push(text.into());
    }

    /// Tells what waits.
    pub(crate) fn send(&mut self) {
        for text in self.waiting.drain(..) {
            self.listeners
                .retain(|listener| listener.try_send(text.clone()).is_ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_to_all_who_listen() {
        let mut events = Events::default();
        events.tell(Event::Mail, || -> u8 { panic!("nobody listens") });
        let mut one = events.listen().unwrap();
        let other = events.listen().unwrap();
        events.tell(Event::Transfer, || "a\nb");
        assert!(one.try_recv().is_err(), "it is not kept yet");
        events.send();
        assert_eq!(
            one.try_recv().unwrap(),
            "event: payment\ndata: \"a\\nb\"\n\n"
        );
        drop((one, other));
        events.tell(Event::Transfer, || 1);
        events.send();
        assert!(!events.has_listeners());
    }

    #[test]
    fn whoever_does_not_keep_up_is_dropped() {
        let mut events = Events::default();
        let mut slow = events.listen().unwrap();
        for number in 0..=WAITING {
            events.tell(Event::SandboxClock, || number);
            events.send();
        }
        assert!(!events.has_listeners());
        let told = std::iter::from_fn(|| slow.try_recv().ok()).count();
        assert_eq!(told, WAITING);
    }

    #[test]
    fn not_everybody_can_listen() {
        let mut events = Events::default();
        let all: Vec<_> = (0..LISTENERS).map(|_| events.listen().unwrap()).collect();
        assert!(events.listen().is_none());
        drop(all);
        assert!(events.listen().is_some());
    }
}
