//! The running sandbox: the state, the requests that it received, and the events that it emits.
//!
//! Nothing here waits, reads a socket or needs a runtime, so tests can pass any request to the backend directly.

mod events;
mod logged_headers;
mod operations;
mod recorded_requests;
mod redact;
mod request_log;
pub(crate) mod view;

pub(crate) use self::events::{Event, Events};
pub use self::recorded_requests::RecordedRequest;
pub(crate) use self::recorded_requests::RecordedRequests;
pub(crate) use self::redact::redacted;
pub use self::request_log::LoggedRequest;
pub(crate) use self::request_log::{Outcome, RequestLog};
use crate::clock::{ClockFn, SandboxClock};
use crate::state::{Change, State};

/// The sandbox behind its HTTP interfaces and its typed handle.
pub(crate) struct Backend {
    /// Private, so that only [`Backend::commit`] modifies it.
    state: State,
    /// Changes since the last [`Backend::drain_changes`].
    changes: Vec<Change>,
    pub(crate) recorded: RecordedRequests,
    pub(crate) log: RequestLog,
    pub(crate) events: Events,
    /// The base URL of short links, without a trailing slash.
    base_url: String,
    /// The function that tells the time instead of the clock of the state.
    clock_fn: Option<ClockFn>,
}

impl Backend {
    pub(crate) fn new(state: State) -> Self {
        Self {
            state,
            changes: Vec::new(),
            recorded: RecordedRequests::default(),
            log: RequestLog::default(),
            events: Events::default(),
            base_url: "http://127.0.0.1".to_owned(),
            clock_fn: None,
        }
    }

    pub(crate) const fn state(&self) -> &State {
        &self.state
    }

    /// Sets the base URL of short links.
    pub(crate) fn set_base_url(&mut self, base_url: String) {
        self.base_url = base_url;
    }

    /// Replaces the clock by a function. [`follow_clock`](Self::follow_clock) reads it.
    pub(crate) fn set_clock_fn(&mut self, clock_fn: ClockFn) {
        self.clock_fn = Some(clock_fn);
    }

    /// Sets the clock to the time of the function, if there is one. The journal does not record this: the next run has a
    /// function of its own.
    pub(crate) fn follow_clock(&mut self) {
        if let Some(now) = &self.clock_fn {
            let setting = SandboxClock::frozen_at(now()).setting();
            // A change of the clock is always consistent.
            let _ = self.state.apply(&Change::Clock(setting));
        }
    }

    /// Applies a change, and keeps it for the journal.
    pub(crate) fn commit(&mut self, change: Change) {
        // Every change made here is consistent: only a damaged state file contains one that is not.
        if self.state.apply(&change).is_ok() {
            self.changes.push(change);
        }
    }

    /// Returns the changes since the last call.
    pub(crate) fn drain_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }
}
