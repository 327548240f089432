//! The books as a state file has them, and from it.

use khqr_core::Md5Handle;

use super::{Entry, Ledger, Unpayable};
use crate::keep::{Change, SavedStatus};
use crate::payment::{Transfer, TransferStatus};

/// An entry as a state file has it.
pub(crate) struct SavedEntry {
    pub(crate) payment: Transfer,
    pub(crate) static_code: bool,
    pub(crate) again: bool,
    pub(crate) failing: bool,
    /// Whether it is the one that the code's MD5 finds.
    pub(crate) found_by_md5: bool,
    pub(crate) unpayable_code: Option<String>,
    pub(crate) unpayable_when_due: Option<khqr_core::Error>,
}

impl Ledger {
    /// The entry at a place as a state file has it.
    pub(crate) fn saved(&self, place: usize) -> Option<SavedEntry> {
        let entry = self.entries.get(place)?;
        let unpayable = entry.unpayable.as_deref();
        Some(SavedEntry {
            payment: entry.payment.clone(),
            static_code: entry.static_code,
            again: entry.again,
            failing: entry.failing,
            found_by_md5: self.is_found_by_md5(place, entry),
            unpayable_code: unpayable.map(|unpayable| unpayable.code.clone()),
            unpayable_when_due: unpayable.map(|unpayable| unpayable.error),
        })
    }

    /// What became of the payment at a place.
    pub(crate) fn outcome(&self, place: usize) -> Option<Change> {
        let entry = self.entries.get(place)?;
        Some(Change::Outcome {
            place,
            status: SavedStatus::of(entry.payment.status),
            found_by_md5: self.is_found_by_md5(place, entry),
        })
    }

    fn is_found_by_md5(&self, place: usize, entry: &Entry) -> bool {
        let history = self.codes.get(&entry.payment.md5);
        history.is_some_and(|history| history.transfer == Some(place))
    }

    /// Puts an entry of a state file at the end.
    pub(crate) fn restore(&mut self, saved: SavedEntry) {
        let place = self.entries.len();
        let payment = saved.payment;
        self.index.enter(&payment, place);
        self.scheduled.insert((payment.created_at, place));
        let status = SavedStatus::of(payment.status);
        self.entries.push(Entry {
            payment,
            static_code: saved.static_code,
            unpayable: Unpayable::of(saved.unpayable_when_due, saved.unpayable_code),
            again: saved.again,
            failing: saved.failing,
        });
        self.restore_outcome(place, status, saved.found_by_md5);
    }

    /// Says what became of an entry; false if there is none at this place.
    pub(crate) fn restore_outcome(
        &mut self,
        place: usize,
        status: SavedStatus,
        found_by_md5: bool,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(place) else {
            return false;
        };
        let unpayable = entry.unpayable.as_deref();
        entry.payment.status = status.status(unpayable.map(|unpayable| unpayable.error));
        let (status, md5) = (entry.payment.status, entry.payment.md5);
        if status != TransferStatus::Scheduled {
            self.scheduled.remove(&(entry.payment.created_at, place));
        }
        if matches!(status, TransferStatus::Transferred | TransferStatus::Failed) {
            let history = self.codes.entry(md5).or_default();
            history.static_code = entry.static_code;
            history.failed |= status == TransferStatus::Failed;
            if found_by_md5 {
                history.transfer = Some(place);
            }
        }
        if status == TransferStatus::Transferred {
            self.accounts.insert(entry.payment.payee.clone());
        }
        true
    }

    /// The static codes of which no payment tells that they are.
    pub(crate) fn static_codes(&self) -> impl Iterator<Item = Md5Handle> {
        let codes = self.codes.iter();
        let codes = codes.filter(|(_, code)| code.static_code && !code.failed);
        codes.filter_map(|(md5, code)| code.transfer.is_none().then_some(*md5))
    }
}
