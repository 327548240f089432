//! The open payments: a slab, an index by MD5, and the queue of the next checks.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::{Index, IndexMut};

use bakong_api::Lookup;
use bakong_api::khqr_core::{Md5Handle, Timestamp};
use slab::Slab;

use super::lookup_set::LookupSet;
use super::payment_state::PaymentState;
use crate::ask::Question;
use crate::payment::Payment;
use crate::policy::Policy;
use crate::quota::WindowIndex;

/// The key of an open payment. A payment that is opened later may get the key of a final one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Key(usize);

/// An open payment.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// The payment, with the hashes that became known.
    pub(super) payment: Payment,
    pub(super) policy: Policy,
    pub(super) opened_at: Timestamp,
    /// When the last request about the payment was issued.
    pub(super) asked_at: Option<Timestamp>,
    /// Only [`Payments::reschedule`] changes the state.
    state: PaymentState,
    pub(super) lookups: LookupSet,
    /// The window and the number of the requests that are reserved for final checks by hash.
    pub(super) hash_reservation: (WindowIndex, u32),
    /// How often the customer asked for a check.
    pub(super) nudges: u8,
    /// How many checks of this payment alone failed in a row.
    pub(super) failures: u8,
    /// Whether a list could not answer for this payment, so that the next check is a single one.
    pub(super) alone: bool,
    pub(super) is_cancelled: bool,
}

impl Slot {
    fn new(payment: Payment, policy: Policy, opened_at: Timestamp) -> Self {
        Self {
            state: PaymentState::opened(policy.deadline(payment.expires_at)),
            lookups: LookupSet::new(&payment),
            payment,
            policy,
            opened_at,
            asked_at: None,
            hash_reservation: (WindowIndex(0), 0),
            nudges: 0,
            failures: 0,
            alone: false,
            is_cancelled: false,
        }
    }

    pub(super) const fn state(&self) -> PaymentState {
        self.state
    }

    /// Returns the expiry plus the grace period.
    pub(super) fn deadline(&self) -> Timestamp {
        self.policy.deadline(self.payment.expires_at)
    }

    /// Whether the next check must be a request of its own.
    pub(super) fn is_single(&self) -> bool {
        self.alone || self.lookups.current() != Lookup::Md5
    }

    /// Returns the question of the current lookup.
    pub(super) fn question(&self) -> Question {
        let payment = &self.payment;
        let question = match self.lookups.current() {
            Lookup::Hash => payment.hash.clone().map(Question::Hash),
            Lookup::ShortHash => {
                let known = payment.short_lookup();
                known.map(|(hash, amount)| Question::ShortHash(hash.clone(), amount))
            }
            _ => None,
        };
        question.unwrap_or(Question::Md5(payment.md5))
    }
}

/// The open payments.
///
/// The queue follows from the states: [`PaymentState::timers`] lists the entries of each payment, and
/// [`insert`](Self::insert), [`remove`](Self::remove) and [`reschedule`](Self::reschedule) keep them current.
#[derive(Clone, Default)]
pub(super) struct Payments {
    slots: Slab<Slot>,
    by_md5: HashMap<Md5Handle, Key>,
    /// Early checks, the starts of final checks, and the latest times of final checks that are due.
    queue: [BTreeSet<(Timestamp, Key)>; 3],
}

impl Payments {
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn find(&self, md5: &Md5Handle) -> Option<Key> {
        self.by_md5.get(md5).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &Slot)> {
        self.slots.iter().map(|(key, slot)| (Key(key), slot))
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        self.iter().map(|(key, _)| key).collect()
    }

    /// Whether request number `request` asks about the payment `key`. The payment may have become final.
    pub(super) fn is_asked_by(&self, key: Key, request: u64) -> bool {
        let slot = self.slots.get(key.0);
        slot.is_some_and(|slot| slot.state.request() == Some(request))
    }

    pub(super) fn insert(&mut self, payment: Payment, policy: Policy, opened_at: Timestamp) -> Key {
        let md5 = payment.md5;
        let slot = Slot::new(payment, policy, opened_at);
        let timers = slot.state.timers();
        let key = Key(self.slots.insert(slot));
        self.by_md5.insert(md5, key);
        self.requeue(key, [None; 3], timers);
        key
    }

    pub(super) fn remove(&mut self, key: Key) -> Slot {
        let slot = self.slots.remove(key.0);
        self.by_md5.remove(&slot.payment.md5);
        self.requeue(key, slot.state.timers(), [None; 3]);
        slot
    }

    /// Moves the payment to `state`.
    pub(super) fn reschedule(&mut self, key: Key, state: PaymentState) {
        let old = std::mem::replace(&mut self[key].state, state);
        self.requeue(key, old.timers(), state.timers());
    }

    fn requeue(&mut self, key: Key, old: [Option<Timestamp>; 3], new: [Option<Timestamp>; 3]) {
        for ((timers, old), new) in self.queue.iter_mut().zip(old).zip(new) {
            if old == new {
                continue;
            }
            if let Some(old) = old {
                timers.remove(&(old, key));
            }
            if let Some(new) = new {
                timers.insert((new, key));
            }
        }
    }

    /// Compares the queue with the states of the payments.
    #[cfg(test)]
    pub(super) fn assert_queue(&self) {
        let mut queue: [BTreeSet<(Timestamp, Key)>; 3] = Default::default();
        for (key, slot) in self.iter() {
            for (timers, at) in queue.iter_mut().zip(slot.state.timers()) {
                timers.extend(at.map(|at| (at, key)));
            }
        }
        assert_eq!(queue, self.queue);
    }

    /// The early checks, the earliest first.
    pub(super) fn early_checks(&self) -> impl Iterator<Item = (Timestamp, Key)> {
        self.queue[0].iter().copied()
    }

    /// The payment whose final check becomes due next.
    pub(super) fn next_final(&self) -> Option<(Timestamp, Key)> {
        self.queue[1].first().copied()
    }

    /// The final checks that are due, the most urgent first, with the latest time of each.
    pub(super) fn final_checks(&self) -> impl ExactSizeIterator<Item = (Timestamp, Key)> {
        self.queue[2].iter().copied()
    }
}

impl Index<Key> for Payments {
    type Output = Slot;

    fn index(&self, key: Key) -> &Slot {
        &self.slots[key.0]
    }
}

impl IndexMut<Key> for Payments {
    fn index_mut(&mut self, key: Key) -> &mut Slot {
        &mut self.slots[key.0]
    }
}

/// Lists the payments, which the `Debug` of a slab leaves out.
impl fmt::Debug for Payments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
