//! The bank's books: what was ordered, what has come of it, and what a look-up may see.
//!
//! Nothing here waits. A payment with a moment that lies ahead is put aside, and whoever looks next after
//! that moment finds it carried out: time moves only when somebody reads it.

mod kept;

use std::collections::{BTreeSet, HashMap, HashSet};

use khqr_core::{AccountId, AccountIdBuf, Amount, Md5Handle, Timestamp};

pub(crate) use self::kept::SavedEntry;
use crate::entropy::Entropy;
use crate::index::{Handle, Index};
use crate::keep::Change;
use crate::payment::{Transfer, TransferError, TransferStatus};

/// A payment that a customer's bank has let through to be carried out when it is due.
pub(crate) struct Order {
    pub(crate) md5: Md5Handle,
    pub(crate) static_code: bool,
    pub(crate) payer: AccountIdBuf,
    pub(crate) payee: AccountIdBuf,
    pub(crate) amount: Amount,
    pub(crate) description: Option<String>,
    pub(crate) instruction_ref: Option<String>,
    pub(crate) due: Timestamp,
    /// Why the code may not be paid any more when the order is due.
    pub(crate) unpayable_when_due: Option<khqr_core::Error>,
    /// The code itself in that case, so that a state file can say why.
    pub(crate) unpayable_code: Option<String>,
    pub(crate) again: bool,
    pub(crate) failing: bool,
}

/// What a look-up finds.
#[derive(Clone, Copy)]
pub(crate) enum LookUp<'a> {
    Nothing,
    /// By MD5 only.
    StaticCode,
    Failed,
    Transferred(&'a Transfer),
}

#[derive(Default)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
    /// The places of the entries that are still to be carried out, by their moment.
    scheduled: BTreeSet<(Timestamp, usize)>,
    codes: HashMap<Md5Handle, CodeHistory>,
    index: Index,
    /// The places of entries that are new or whose status is, since somebody asked.
    news: Vec<usize>,
    accounts: HashSet<AccountIdBuf>,
    /// The accounts and static codes that a state file has not been told of yet.
    changes: Vec<Change>,
}

/// A ledger in which everything that is due is carried out.
#[derive(Clone, Copy)]
pub(crate) struct Books<'a>(&'a Ledger);

struct Entry {
    payment: Transfer,
    static_code: bool,
    /// Boxed, since nearly every entry has none.
    unpayable: Option<Box<Unpayable>>,
    again: bool,
    failing: bool,
}

/// Why a code may not be paid when an order is due.
struct Unpayable {
    error: khqr_core::Error,
    code: String,
}

/// What has come of the payments of one code.
#[derive(Clone, Copy, Default)]
struct CodeHistory {
    static_code: bool,
    failed: bool,
    /// The first transfer's place among the entries: later ones cannot be found by MD5.
    transfer: Option<usize>,
}

impl Ledger {
    /// Takes an order, and carries it out if it is due.
    pub(crate) fn place(
        &mut self,
        order: Order,
        now: Timestamp,
        entropy: &mut Entropy,
    ) -> Result<Transfer, TransferError> {
        self.settle(now);
        if self.is_paid(order.md5) && !order.static_code && !order.again {
            return Err(TransferError::AlreadyPaid);
        }
        let place = self.entries.len();
        self.enter(Entry::new(order, entropy));
        self.settle(now);
        let payment = self.entries[place].payment.clone();
        match payment.status {
            TransferStatus::Refused(reason) => Err(reason),
            _ => Ok(payment),
        }
    }

    /// Writes an entry down at the end, to be carried out when it is due.
    fn enter(&mut self, entry: Entry) {
        let place = self.entries.len();
        let payment = &entry.payment;
        self.index.enter(payment, place);
        self.scheduled.insert((payment.created_at, place));
        self.news.push(place);
        self.entries.push(entry);
    }

    /// The places of the payments that are new or whose status is, since this was asked last.
    pub(crate) fn take_news(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.news)
    }

    /// How many payments were ordered.
    pub(crate) const fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Transfer> {
        self.entries.get(place).map(|entry| &entry.payment)
    }

    /// The books at the moment `now`.
    pub(crate) fn books(&mut self, now: Timestamp) -> Books<'_> {
        self.settle(now);
        Books(self)
    }

    /// Takes `account` for one that there is. Whoever receives money has one without this.
    pub(crate) fn open_account(&mut self, account: AccountIdBuf) {
        if !self.accounts.contains(&account) {
            self.changes.push(Change::Account(account.to_string()));
            self.accounts.insert(account);
        }
    }

    /// The accounts and static codes that came since this was asked last.
    pub(crate) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Every payment in the order in which they were ordered.
    pub(crate) fn payments(&mut self, now: Timestamp) -> Vec<Transfer> {
        self.all(now).cloned().collect()
    }

    /// The same without copies.
    pub(crate) fn all(
        &mut self,
        now: Timestamp,
    ) -> impl DoubleEndedIterator<Item = &Transfer> + ExactSizeIterator {
        self.settle(now);
        self.entries.iter().map(|entry| &entry.payment)
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = &AccountIdBuf> {
        self.accounts.iter()
    }

    /// Takes note that a code is static, without a payment.
    pub(crate) fn know_static(&mut self, md5: Md5Handle) {
        let code = self.codes.entry(md5).or_default();
        if !code.static_code {
            code.static_code = true;
            self.changes.push(Change::StaticCode(md5.to_string()));
        }
    }

    fn is_paid(&self, md5: Md5Handle) -> bool {
        self.codes
            .get(&md5)
            .is_some_and(|code| code.transfer.is_some())
    }

    /// Carries out what is due, in the order of the moments.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        while let Some(&(due, place)) = self.scheduled.first()
            && due <= now
        {
            self.scheduled.pop_first();
            let Some(entry) = self.entries.get_mut(place) else {
                continue;
            };
            let md5 = entry.payment.md5;
            let code = self.codes.get(&md5).copied().unwrap_or_default();
            entry.payment.status = entry.outcome(code);
            if self.news.last() != Some(&place) {
                self.news.push(place);
            }
            let history = match entry.payment.status {
                TransferStatus::Transferred => {
                    self.accounts.insert(entry.payment.payee.clone());
                    CodeHistory {
                        transfer: code.transfer.or(Some(place)),
                        ..code
                    }
                }
                TransferStatus::Failed => CodeHistory {
                    failed: true,
                    ..code
                },
                TransferStatus::Scheduled | TransferStatus::Refused(_) => continue,
            };
            let static_code = entry.static_code;
            self.codes.insert(
                md5,
                CodeHistory {
                    static_code,
                    ..history
                },
            );
        }
    }
}

impl<'a> Books<'a> {
    pub(crate) fn by_md5(self, md5: Md5Handle) -> LookUp<'a> {
        let Self(ledger) = self;
        match ledger.codes.get(&md5) {
            None => LookUp::Nothing,
            Some(code) if code.static_code => LookUp::StaticCode,
            Some(code) => match code.transfer.and_then(|place| ledger.entries.get(place)) {
                Some(entry) => LookUp::Transferred(&entry.payment),
                None if code.failed => LookUp::Failed,
                None => LookUp::Nothing,
            },
        }
    }

    /// Of the payments with this handle, the first transfer that is meant; if there is none, whether one
    /// that is meant failed.
    pub(crate) fn find(
        self,
        handle: Handle<'_>,
        is_meant: impl Fn(&Transfer) -> bool,
    ) -> LookUp<'a> {
        let mut found = LookUp::Nothing;
        let places = self.0.index.places(handle);
        for Entry { payment, .. } in places.filter_map(|place| self.0.entries.get(place)) {
            match payment.status {
                TransferStatus::Transferred if is_meant(payment) => {
                    return LookUp::Transferred(payment);
                }
                TransferStatus::Failed if is_meant(payment) => found = LookUp::Failed,
                _ => {}
            }
        }
        found
    }

    pub(crate) fn has_account(self, account: AccountId<'_>) -> bool {
        self.0.accounts.contains(&AccountIdBuf::from(account))
    }
}

impl Unpayable {
    fn of(error: Option<khqr_core::Error>, code: Option<String>) -> Option<Box<Self>> {
        let code = code.unwrap_or_default();
        error.map(|error| Box::new(Self { error, code }))
    }
}

impl Entry {
    fn new(order: Order, entropy: &mut Entropy) -> Self {
        Self {
            payment: Transfer {
                hash: entropy.transaction_hash(),
                external_ref: entropy.external_ref(),
                md5: order.md5,
                payer: order.payer,
                payee: order.payee,
                amount: order.amount,
                description: order.description,
                instruction_ref: order.instruction_ref,
                created_at: order.due,
                status: TransferStatus::Scheduled,
            },
            static_code: order.static_code,
            unpayable: Unpayable::of(order.unpayable_when_due, order.unpayable_code),
            again: order.again,
            failing: order.failing,
        }
    }

    /// What comes of it, after what has come of the code's earlier payments.
    fn outcome(&self, code: CodeHistory) -> TransferStatus {
        if let Some(unpayable) = &self.unpayable {
            TransferStatus::Refused(unpayable.error.into())
        } else if code.transfer.is_some() && !self.static_code && !self.again {
            TransferStatus::Refused(TransferError::AlreadyPaid)
        } else if self.failing {
            TransferStatus::Failed
        } else {
            TransferStatus::Transferred
        }
    }
}
