//! What of a state is compared with what the file says, and not noted as it changes.

use super::change::Change;
use super::payment::SavedPayment;
use crate::clock::SandboxClock;
use crate::quota::QuotaLimit;
use crate::state::{News, State};

/// What the file says.
pub(super) struct Figures {
    drawn: u64,
    clock: SandboxClock,
    quota: QuotaLimit,
    /// How often their dice were thrown, and the last number.
    faults: (u64, u64),
    /// How many there are.
    payments: usize,
}

impl Figures {
    pub(super) fn of(state: &State) -> Self {
        let (_, drawn) = state.entropy.standing();
        Self {
            drawn,
            clock: state.clock,
            quota: state.quota.quota,
            faults: state.faults.counts(),
            payments: state.ledger.len(),
        }
    }

    /// The changes that lead to `state`, to which `news` has happened since.
    pub(super) fn catch_up(&mut self, state: &State, news: News) -> Vec<Change> {
        let mut changes = Vec::new();
        if news.is_reset {
            changes.push(Change::Reset);
            self.payments = 0;
        }
        changes.extend(news.changes);
        for place in news.payments {
            if place < self.payments {
                changes.extend(state.ledger.outcome(place));
            } else {
                let payment = state.ledger.saved(place).map(SavedPayment::of);
                changes.extend(payment.map(|it| Change::Transfer(Box::new(it))));
                self.payments = place.saturating_add(1);
            }
        }
        let now = Self::of(state);
        changes.extend(now.unlike(Some(self)));
        *self = now;
        changes
    }

    /// The changes by which this differs from `other`, or from nothing, but for the payments.
    pub(super) fn unlike(&self, other: Option<&Self>) -> impl Iterator<Item = Change> + use<> {
        let differs = |is_same: &dyn Fn(&Self) -> bool| !other.is_some_and(is_same);
        let (thrown, last_number) = self.faults;
        [
            differs(&|it| it.drawn == self.drawn).then_some(Change::Drawn(self.drawn)),
            differs(&|it| it.clock == self.clock).then(|| Change::clock(&self.clock)),
            differs(&|it| it.quota == self.quota).then(|| Change::quota(self.quota)),
            differs(&|it| it.faults == self.faults).then_some(Change::Faults {
                thrown,
                last_number,
            }),
        ]
        .into_iter()
        .flatten()
    }
}
