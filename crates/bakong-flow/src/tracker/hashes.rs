//! Lookups by hash, and the requests that are reserved for them.

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{Lookup, ShortHash, TransactionHash};

use crate::change::Change;
use crate::quota::WindowIndex;

use super::Tracker;
use super::payments::{Key, Slot};
use super::reservations::Reservations;

/// How many windows ahead to search for one with spare quota for a lookup by hash.
const WINDOWS_AHEAD: u64 = 7;

impl Tracker {
    /// Adds hashes of the payment's transaction, for example from the customer's receipt.
    ///
    /// If the MD5 finds nothing, each hash is looked up: once soon, if the quota allows it, and once after the expiry.
    /// Does nothing if the payment is not open or the hashes are known.
    pub fn learn(
        &mut self,
        md5: &Md5Handle,
        hash: Option<TransactionHash>,
        short_hash: Option<ShortHash>,
        now: Timestamp,
    ) {
        self.tick(now);
        let Some(key) = self.payments.find(md5) else {
            return;
        };
        let slot = &mut self.payments[key];
        let is_in_flight = slot.state().request().is_some();
        let known = &mut slot.payment;
        let hash = hash.filter(|hash| known.hash.as_ref() != Some(hash));
        let short_hash = short_hash.filter(|hash| known.short_hash.as_ref() != Some(hash));
        if hash.is_none() && short_hash.is_none() {
            return;
        }
        if hash.is_some() {
            slot.lookups.learned(Lookup::Hash, is_in_flight);
            known.hash = hash;
        }
        if short_hash.is_some() {
            known.short_hash = short_hash;
            if known.short_lookup().is_some() {
                slot.lookups.learned(Lookup::ShortHash, is_in_flight);
            }
        }
        self.changes.push(Change::Learned {
            md5: *md5,
            hash: known.hash.clone(),
            short_hash: known.short_hash.clone(),
        });
        self.reserve_hashes(key);
        self.nudge(md5, now);
    }

    /// Reserves the requests by hash that the final check may need, in addition to the one by MD5: in the window of
    /// the deadline, or in the first later window with spare quota.
    pub(super) fn reserve_hashes(&mut self, key: Key) {
        let slot = &self.payments[key];
        let (window, requests) = slot.hash_reservation;
        let needed = slot.lookups.hashes_left();
        if needed == 0 && requests == 0 {
            return;
        }
        let deadline = slot.deadline();
        self.reservations.release_singles(window, requests);
        let is_unchanged = needed <= requests && window >= self.usage.usage().window;
        let window = if is_unchanged {
            window
        } else {
            self.window_with_capacity(self.config.quota.window.index_of(deadline), needed)
        };
        self.reservations.reserve_singles(window, needed);
        self.payments[key].hash_reservation = (window, needed);
    }

    /// Reserves all final checks again, because the current window is an earlier one than before.
    pub(super) fn reserve_all(&mut self) {
        self.reservations = Reservations::new(self.config.quota.window, self.usage.usage().window);
        let keys = self.payments.keys();
        for key in &keys {
            let slot = &mut self.payments[*key];
            slot.hash_reservation.1 = 0;
            if !slot.lookups.is_md5_done() {
                let within = slot.policy.grace.final_check_window;
                self.reservations.reserve(slot.deadline(), within);
            }
        }
        for key in keys {
            self.reserve_hashes(key);
        }
    }

    /// Returns the first window from `first` on that has capacity for `needed` more requests, or the last one that was searched.
    fn window_with_capacity(&self, first: WindowIndex, needed: u32) -> WindowIndex {
        let first = first.max(self.usage.usage().window);
        let last = WindowIndex(first.0.saturating_add(WINDOWS_AHEAD));
        let lists = self.lists.works();
        let mut windows = (first.0..last.0).map(WindowIndex);
        windows
            .find(|window| {
                self.reserved(*window, lists).saturating_add(needed) <= self.capacity_of(*window)
            })
            .unwrap_or(last)
    }

    /// Returns the start of the window that has the reservation for the next lookup by hash, if that is a later window and
    /// no request is spare now.
    pub(super) fn hash_reserved_from(&self, slot: &Slot) -> Option<Timestamp> {
        // The lookup by MD5 comes first and is reserved in the window of the deadline.
        let is_by_hash = slot.lookups.current() != Lookup::Md5 && slot.lookups.is_md5_done();
        let (window, _) = slot.hash_reservation;
        let waits = is_by_hash && window > self.usage.usage().window && self.spare() == 0;
        let previous = WindowIndex(window.0.saturating_sub(1));
        waits.then(|| self.config.quota.window.end_of(previous))
    }
}
