//! Compares this machine's clock with the `Date` of Bakong's answers. The expiry in a code is from this machine's clock,
//! and the payer's phone compares it with another clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bakong_api::observe::{Attempt, SessionObserver};
use bakong_api::transport::TransportError;
use bakong_flow::{Clock, SystemClock};
use bytes::Bytes;
use http::Response;
use http::header::DATE;
use jiff::fmt::rfc2822;
use khqr_core::Timestamp;

use crate::common::output::note;
use crate::common::time::left;

/// A smaller difference is normal.
const TOLERANCE: Duration = Duration::from_secs(60);

/// `Date` has no fractions of a second (RFC 9110, section 5.6.7).
const RESOLUTION: Duration = Duration::from_secs(1);

/// Observes the answers of a session, and prints one note if the clocks differ by more than a minute. Clones share
/// their state.
#[derive(Clone, Default, Debug)]
pub(crate) struct ClockCheck(Arc<Mutex<State>>);

#[derive(Default, Debug)]
struct State {
    in_flight: usize,
    /// When the first of the requests in flight was sent.
    sent_at: Option<Timestamp>,
    /// The `Date` of the last answer.
    date: Option<Timestamp>,
    printed: bool,
}

/// The least by which this machine's clock differs from Bakong's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Difference {
    Behind(Duration),
    Ahead(Duration),
}

impl ClockCheck {
    /// Whether this moment had passed, by Bakong's clock, when Bakong last answered.
    pub(crate) fn has_passed(&self, moment: Timestamp) -> bool {
        self.state().date.is_some_and(|date| date >= moment)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionObserver for ClockCheck {
    fn sending(&self, _: Attempt) {
        let mut state = self.state();
        if state.in_flight == 0 {
            state.sent_at = Some(SystemClock.now());
        }
        state.in_flight += 1;
    }

    fn finished(&self, _: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        let received_at = SystemClock.now();
        let mut state = self.state();
        state.in_flight = state.in_flight.saturating_sub(1);
        let Some(date) = result.ok().and_then(date_of) else {
            return;
        };
        state.date = Some(date);
        let sent_at = state.sent_at.unwrap_or(received_at);
        let Some(difference) = difference(sent_at, received_at, date) else {
            return;
        };
        if std::mem::replace(&mut state.printed, true) {
            return;
        }
        drop(state);
        let (duration, side) = match difference {
            Difference::Behind(duration) => (duration, "behind"),
            Difference::Ahead(duration) => (duration, "ahead of"),
        };
        note(format_args!(
            "warning: this machine's clock is {} {side} Bakong's. Set the clock: the expiry of codes depends on it.",
            left(duration)
        ));
    }
}

fn date_of(answer: &Response<Bytes>) -> Option<Timestamp> {
    let date = answer.headers().get(DATE)?.to_str().ok()?;
    let moment = rfc2822::parse(date).ok()?.timestamp();
    u64::try_from(moment.as_millisecond())
        .ok()
        .map(Timestamp::from_millis)
}

/// Compares the clocks. Bakong wrote `date` between the two moments, so the time between them is the uncertainty.
fn difference(sent_at: Timestamp, received_at: Timestamp, date: Timestamp) -> Option<Difference> {
    let behind = date.saturating_since(received_at);
    let ahead = sent_at.saturating_since(date.saturating_add(RESOLUTION));
    if behind > TOLERANCE {
        Some(Difference::Behind(behind))
    } else if ahead > TOLERANCE {
        Some(Difference::Ahead(ahead))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_795_000_000_000 + seconds * 1_000)
    }

    #[test]
    fn a_clock_that_differs_by_over_a_minute_is_found() {
        let seconds = Duration::from_secs;
        for (sent, received, date, expected) in [
            (100, 101, 100, None),
            (100, 101, 161, None),
            (100, 101, 162, Some(Difference::Behind(seconds(61)))),
            (100, 101, 39, None),
            (100, 101, 38, Some(Difference::Ahead(seconds(61)))),
            // The request took a minute, so the difference is uncertain.
            (100, 160, 220, None),
            (100, 160, 39, None),
        ] {
            let found = difference(at(sent), at(received), at(date));
            assert_eq!(found, expected, "{sent} {received} {date}");
        }
    }

    #[test]
    fn the_date_of_an_answer_is_read() {
        let answer = |date: &str| Response::builder().header("date", date).body(Bytes::new());
        let date = date_of(&answer("Wed, 18 Nov 2026 11:06:40 GMT").unwrap());
        assert_eq!(date, Some(at(0)));
        for text in ["", "yesterday", "Wed, 18 Nov 1926 11:06:40 GMT"] {
            assert_eq!(date_of(&answer(text).unwrap()), None, "{text}");
        }
        assert_eq!(date_of(&Response::new(Bytes::new())), None);
    }
}
