//! The clock of a watcher, corrected by the `Date` of Bakong's answers.

use bakong_api::khqr_core::Timestamp;
use bakong_api::server_time::SharedServerTime;

use crate::clock::{Busy, Clock};

/// Shows Bakong's time, as far as the answers to the watcher's session tell it.
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
        let moment = self.time.get().to_local(moment);
        self.local.sleep_until(moment).await;
    }

    fn busy(&self) -> Busy {
        self.local.busy()
    }
}
