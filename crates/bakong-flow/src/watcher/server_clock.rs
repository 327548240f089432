//! The clock of a watcher, corrected by the `Date` of Bakong's answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bakong_api::khqr_core::Timestamp;
use bytes::Bytes;
use http::{Response, header};

use crate::clock::{Busy, Clock};
use crate::server_time::{ServerTime, Skew};

/// The estimate that the clock, the session and the observer of its answers share.
#[derive(Clone, Default, Debug)]
pub(super) struct SharedServerTime(Arc<Mutex<ServerTime>>);

impl SharedServerTime {
    pub(super) fn correct(&self, local: Timestamp) -> Timestamp {
        self.estimate().correct(local)
    }

    pub(super) fn skew(&self) -> Skew {
        self.estimate().skew()
    }

    /// Records an answer, and logs a difference of more than a minute when it begins or ends.
    pub(super) fn observe(
        &self,
        sent_at: Timestamp,
        received_at: Timestamp,
        response: &Response<Bytes>,
    ) {
        let Some(date) = date_of(response) else {
            return;
        };
        let mut estimate = self.estimate();
        let before = estimate.skew();
        estimate.observe(sent_at, received_at, date);
        let skew = estimate.skew();
        drop(estimate);
        let is_wrong = |skew: Skew| matches!(skew, Skew::Behind(_) | Skew::Ahead(_));
        match (is_wrong(before), is_wrong(skew)) {
            (false, true) => tracing::warn!(
                ?skew,
                "the clock of this machine differs from Bakong's; set it. Payments follow Bakong's clock"
            ),
            (true, false) => tracing::info!("the clock of this machine agrees with Bakong's again"),
            _ => {}
        }
    }

    fn estimate(&self) -> MutexGuard<'_, ServerTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the time when the server created the response; `None` if a cache may have stored the response.
fn date_of(response: &Response<Bytes>) -> Option<Timestamp> {
    if response.headers().contains_key(header::AGE) {
        return None;
    }
    let date = response.headers().get(header::DATE)?.to_str().ok()?;
    let date = httpdate::parse_http_date(date).ok()?;
    let since_1970 = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    let millis = u64::try_from(since_1970.as_millis()).ok()?;
    Some(Timestamp::from_millis(millis))
}

/// Shows Bakong's time, as far as the answers tell it.
#[derive(Debug)]
pub(super) struct ServerClock<C> {
    local: C,
    time: SharedServerTime,
}

impl<C> ServerClock<C> {
    pub(super) const fn new(local: C, time: SharedServerTime) -> Self {
        Self { local, time }
    }
}

impl<C: Clock> ServerClock<C> {
    /// Returns the local time.
    pub(super) fn local_now(&self) -> Timestamp {
        self.local.now()
    }
}

impl<C: Clock> Clock for ServerClock<C> {
    fn now(&self) -> Timestamp {
        self.time.correct(self.local.now())
    }

    async fn sleep_until(&self, moment: Timestamp) {
        // An answer that changes the estimate ends the watcher's sleep, too.
        let moment = self.time.estimate().to_local(moment);
        self.local.sleep_until(moment).await;
    }

    fn busy(&self) -> Busy {
        self.local.busy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_a_cached_answer_is_ignored() {
        let response = |headers: &[(&str, &str)]| {
            let mut response = Response::builder();
            for (name, value) in headers {
                response = response.header(*name, *value);
            }
            date_of(&response.body(Bytes::new()).unwrap())
        };
        let date = ("date", "Wed, 18 Nov 2026 11:06:40 GMT");
        let moment = Timestamp::from_millis(1_795_000_000_000);
        assert_eq!(response(&[date]), Some(moment));
        assert_eq!(response(&[date, ("age", "0")]), None);
        assert_eq!(response(&[]), None);
        for text in ["", "yesterday", "Wed, 18 Nov 1926 11:06:40 GMT"] {
            assert_eq!(response(&[("date", text)]), None, "{text}");
        }
    }
}
