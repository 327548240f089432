//! The lookups of a payment, and which one is next.

use std::ops::{Index, IndexMut};

use bakong_api::{Lookup, Transaction};

use crate::payment::Payment;

/// All lookups in the order of their use. The MD5 is first, because only the MD5 proves that this very code was paid.
const ORDER: [Lookup; 3] = [Lookup::Md5, Lookup::Hash, Lookup::ShortHash];

/// The progress of each lookup of a payment, and the lookup that the next request uses.
///
/// ```text
///  before the deadline, each known lookup:      after the deadline, each known lookup:
///
///   learned ─▶ early check pending                Pending ──── not found ──────▶ NotFound
///                   │                              │   ▲                            ▲
///       not found,  │                   unreadable │   │ all others are read        │ not found
///       unreadable  ▼                              ▼   │ or unreadable              │
///                 tried                          Unreadable ────────────────────────┘
/// ```
///
/// - Before the deadline, `current` is the first lookup whose early check is pending, otherwise the MD5. The MD5 and
///   the hashes that were known when the payment was opened have no early check.
/// - After the deadline, `current` is the first pending lookup, then the first unreadable one. A payment expires when
///   every known lookup is `NotFound`.
/// - A hash that finds a transaction before the MD5 had its final check makes the MD5 `current` once more:
///   [`found`](Self::found) keeps the transaction until then.
#[derive(Clone, Debug)]
pub(super) struct LookupSet {
    progress: [Progress; 3],
    /// The lookup of the request in flight, or of the next request.
    current: Lookup,
    /// Whether the request in flight uses a hash that another one replaced.
    is_outdated: bool,
    /// The transaction that a hash found, until the MD5 is checked.
    found: Option<Box<Transaction>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Progress {
    is_known: bool,
    /// Whether the early check was made.
    tried: bool,
    last: FinalCheck,
}

/// The progress of a lookup after the deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum FinalCheck {
    Pending,
    Unreadable,
    NotFound,
}

impl LookupSet {
    /// The lookups of a payment that is opened.
    pub(super) fn new(payment: &Payment) -> Self {
        let known = |is_known| Progress {
            is_known,
            tried: true,
            last: FinalCheck::Pending,
        };
        Self {
            progress: [
                known(true),
                known(payment.hash.is_some()),
                known(payment.short_lookup().is_some()),
            ],
            current: Lookup::Md5,
            is_outdated: false,
            found: None,
        }
    }

    /// The lookup of the request in flight, or of the next request.
    pub(super) const fn current(&self) -> Lookup {
        self.current
    }

    /// A new hash became known for `lookup`. Results of the previous hash no longer count.
    pub(super) fn learned(&mut self, lookup: Lookup, is_in_flight: bool) {
        self[lookup] = Progress {
            is_known: true,
            tried: false,
            last: FinalCheck::Pending,
        };
        self.found = None;
        self.is_outdated |= is_in_flight && self.current == lookup;
    }

    /// A request by the current lookup is sent.
    pub(super) const fn sent(&mut self) {
        self.is_outdated = false;
    }

    /// Bakong found nothing. `is_final` says whether the request was sent after the deadline.
    ///
    /// Selects the next lookup, and returns `false` if none is left.
    pub(super) fn not_found(&mut self, is_final: bool) -> bool {
        let (current, is_outdated) = (self.current, std::mem::take(&mut self.is_outdated));
        if is_final && !is_outdated {
            self[current].last = FinalCheck::NotFound;
            let next = self.next_final();
            self.current = next.unwrap_or(Lookup::Md5);
            return next.is_some();
        }
        self[current].tried |= !is_outdated;
        self.current = self.next_early();
        true
    }

    /// The answer could not be read. `is_final` says whether the deadline has passed.
    ///
    /// Selects the next lookup, and returns `true` if that lookup is to be tried without a pause.
    pub(super) fn unreadable(&mut self, is_final: bool) -> bool {
        let current = self.current;
        if self.found.is_some() {
            // Only the MD5 is left to check.
            return false;
        }
        if !is_final {
            self[current].tried = true;
            self.current = self.next_early();
            return self.current != current;
        }
        if self[current].last == FinalCheck::Pending {
            self[current].last = FinalCheck::Unreadable;
        }
        let is_any_pending = self.first(|lookup| lookup.last == FinalCheck::Pending);
        if is_any_pending.is_none() {
            self.retry_unreadable();
        }
        self.start_final();
        is_any_pending.is_some()
    }

    /// A hash found `transaction` before the final check by MD5. The MD5 is next.
    pub(super) fn found(&mut self, transaction: Box<Transaction>) {
        self.found = Some(transaction);
        self.retry_unreadable();
        self.current = Lookup::Md5;
    }

    /// Returns the transaction that a hash found, if the current lookup is the MD5.
    pub(super) fn take_found(&mut self) -> Option<Box<Transaction>> {
        (self.current == Lookup::Md5)
            .then(|| self.found.take())
            .flatten()
    }

    /// The final check becomes due: selects its lookup.
    pub(super) fn start_final(&mut self) {
        self.current = self.next_final().unwrap_or(Lookup::Md5);
    }

    /// The clock was set back to before the deadline: the final check has not started.
    pub(super) fn reset_final(&mut self) {
        for progress in &mut self.progress {
            if progress.last == FinalCheck::NotFound {
                progress.last = FinalCheck::Pending;
            }
        }
    }

    /// Whether the final check by MD5 has found nothing. Its request is reserved until then.
    pub(super) fn is_md5_done(&self) -> bool {
        self[Lookup::Md5].last == FinalCheck::NotFound
    }

    /// Returns how many requests by hash the final check can still need.
    pub(super) fn hashes_left(&self) -> u32 {
        let is_left = |lookup| {
            let Progress { is_known, last, .. } = self[lookup];
            u32::from(is_known && last != FinalCheck::NotFound)
        };
        is_left(Lookup::Hash) + is_left(Lookup::ShortHash)
    }

    /// Returns the next lookup before the deadline.
    fn next_early(&self) -> Lookup {
        self.first(|lookup| !lookup.tried).unwrap_or(Lookup::Md5)
    }

    /// Returns the next lookup after the deadline: a pending one before an unreadable one.
    fn next_final(&self) -> Option<Lookup> {
        self.first(|lookup| lookup.last == FinalCheck::Pending)
            .or_else(|| self.first(|lookup| lookup.last == FinalCheck::Unreadable))
    }

    fn first(&self, is_wanted: impl Fn(Progress) -> bool) -> Option<Lookup> {
        let is_wanted = |lookup: &Lookup| self[*lookup].is_known && is_wanted(self[*lookup]);
        ORDER.into_iter().find(is_wanted)
    }

    fn retry_unreadable(&mut self) {
        for progress in &mut self.progress {
            if progress.last == FinalCheck::Unreadable {
                progress.last = FinalCheck::Pending;
            }
        }
    }
}

/// Returns the position of a lookup in [`ORDER`]. A tracker uses no other lookup.
const fn position(lookup: Lookup) -> usize {
    match lookup {
        Lookup::Hash => 1,
        Lookup::ShortHash => 2,
        _ => 0,
    }
}

impl Index<Lookup> for LookupSet {
    type Output = Progress;

    fn index(&self, lookup: Lookup) -> &Progress {
        &self.progress[position(lookup)]
    }
}

impl IndexMut<Lookup> for LookupSet {
    fn index_mut(&mut self, lookup: Lookup) -> &mut Progress {
        &mut self.progress[position(lookup)]
    }
}

#[cfg(test)]
mod tests {
    use bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};

    use super::*;
    use crate::order::OrderId;
    use crate::settlement::Expected;

    /// The lookups of a payment whose hash was learned. The early check by MD5 was made, and the hash is next.
    fn by_hash() -> LookupSet {
        let amount = Amount::from_minor_units(10_000, Currency::Khr);
        let expected = Expected::new(amount, AccountIdBuf::new("sokha@devb").unwrap());
        let order = OrderId::new("order").unwrap();
        let expires_at = Timestamp::from_millis(1_795_237_200_000);
        let payment = Payment::new(order, Md5Handle::of("code"), expected, expires_at);
        let mut lookups = LookupSet::new(&payment);
        lookups.learned(Lookup::Hash, false);
        assert!(lookups.not_found(false));
        assert_eq!(lookups.current(), Lookup::Hash);
        lookups
    }

    #[test]
    fn an_answer_counts_only_for_the_hash_that_was_sent() {
        let mut lookups = by_hash();
        // Another hash is learned while the request is in flight.
        lookups.learned(Lookup::Hash, true);
        lookups.not_found(false);
        assert_eq!(lookups.current(), Lookup::Hash, "it was not tried");
        lookups.learned(Lookup::Hash, true);
        lookups.sent();
        lookups.not_found(false);
        assert_eq!(lookups.current(), Lookup::Md5, "it was tried");
    }

    #[test]
    fn an_unreadable_answer_leads_to_the_next_lookup_without_a_pause() {
        let mut lookups = by_hash();
        assert!(lookups.unreadable(false));
        assert_eq!(lookups.current(), Lookup::Md5);
        assert!(!lookups.unreadable(false), "only the MD5 is left");
    }

    #[test]
    fn a_clock_that_is_set_back_undoes_final_checks() {
        let mut lookups = by_hash();
        lookups.start_final();
        assert!(lookups.not_found(true));
        assert!(lookups.is_md5_done());
        assert_eq!(
            (lookups.current(), lookups.hashes_left()),
            (Lookup::Hash, 1)
        );
        lookups.reset_final();
        assert!(!lookups.is_md5_done());
        lookups.start_final();
        assert_eq!(lookups.current(), Lookup::Md5);
        assert!(lookups.not_found(true) && !lookups.not_found(true));
        assert_eq!(lookups.hashes_left(), 0);
    }
}
