//! The ledger: orders, their outcomes, and lookups.
//!
//! Nothing here waits. An order stays scheduled until the caller settles the ledger at or after the
//! due time. The caller settles the ledger before every lookup.

use std::collections::{BTreeSet, HashMap, HashSet};

use khqr_core::{AccountId, AccountIdBuf, Khqr, Md5Handle, Timestamp};

use super::index::{Index, SearchKey};
use super::order::TransferOrder;
use super::transfer::{Transfer, TransferError, TransferStatus};

/// The result of a lookup.
#[derive(Clone, Copy)]
pub(crate) enum Lookup<'a> {
    NotFound,
    /// The code is static. Only a lookup by MD5 gives this result.
    StaticCode,
    Failed,
    Transferred(&'a Transfer),
}

#[derive(Default)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
    /// Positions of the entries that are not carried out yet, by due time.
    scheduled: BTreeSet<(Timestamp, usize)>,
    /// Positions of the other entries, in the order of their settlement.
    settled: Vec<usize>,
    codes: HashMap<Md5Handle, CodeHistory>,
    index: Index,
    accounts: HashSet<AccountIdBuf>,
}

struct Entry {
    transfer: Transfer,
    /// Why the code cannot be paid when the order is due; `None` if it can be paid.
    unpayable: Option<khqr_core::Error>,
}

/// The outcomes of the transfers of one code.
#[derive(Clone, Copy, Default)]
struct CodeHistory {
    static_code: bool,
    failed: bool,
    /// The position of the first completed transfer. A lookup by MD5 finds only this transfer.
    transfer: Option<usize>,
}

/// Modifications, which only `State::apply` calls.
impl Ledger {
    /// Adds an order at the end, to be settled when it is due.
    pub(crate) fn insert(&mut self, order: &TransferOrder) -> Result<(), String> {
        let entry = Entry::new(order)?;
        let position = self.entries.len();
        self.index.insert(order, position);
        self.scheduled.insert((order.due, position));
        self.entries.push(entry);
        Ok(())
    }

    /// Carries out the order at a position, regardless of its due time. Returns `None` if the position has no order.
    pub(crate) fn settle(&mut self, position: usize) -> Option<&Transfer> {
        let entry = self.entries.get_mut(position)?;
        if self.scheduled.remove(&(entry.transfer.order.due, position)) {
            self.settled.push(position);
            let history = self.codes.entry(entry.transfer.order.md5).or_default();
            entry.transfer.status = entry.outcome(*history);
            match entry.transfer.status {
                TransferStatus::Transferred => {
                    self.accounts.insert(entry.transfer.order.payee.clone());
                    history.static_code = entry.transfer.order.static_code;
                    history.transfer = history.transfer.or(Some(position));
                }
                TransferStatus::Failed => {
                    history.static_code = entry.transfer.order.static_code;
                    history.failed = true;
                }
                TransferStatus::Scheduled | TransferStatus::Refused(_) => {}
            }
        }
        Some(&entry.transfer)
    }

    /// Opens `account`. A payment to an account also opens it.
    pub(crate) fn open_account(&mut self, account: AccountIdBuf) {
        self.accounts.insert(account);
    }

    /// Marks a code as static, without a transfer.
    pub(crate) fn mark_static(&mut self, md5: Md5Handle) {
        self.codes.entry(md5).or_default().static_code = true;
    }
}

/// Lookups. They find only settled transfers.
impl Ledger {
    pub(crate) fn find_by_md5(&self, md5: Md5Handle) -> Lookup<'_> {
        match self.codes.get(&md5) {
            None => Lookup::NotFound,
            Some(code) if code.static_code => Lookup::StaticCode,
            Some(code) => match code.transfer.and_then(|it| self.transfer(it)) {
                Some(transfer) => Lookup::Transferred(transfer),
                None if code.failed => Lookup::Failed,
                None => Lookup::NotFound,
            },
        }
    }

    /// Returns the first completed transfer with this key for which `matches` is true, or else whether one failed.
    pub(crate) fn find(
        &self,
        key: SearchKey<'_>,
        matches: impl Fn(&Transfer) -> bool,
    ) -> Lookup<'_> {
        let mut found = Lookup::NotFound;
        let positions = self.index.positions(key);
        for transfer in positions.filter_map(|position| self.transfer(position)) {
            match transfer.status {
                TransferStatus::Transferred if matches(transfer) => {
                    return Lookup::Transferred(transfer);
                }
                TransferStatus::Failed if matches(transfer) => found = Lookup::Failed,
                _ => {}
            }
        }
        found
    }

    pub(crate) fn has_account(&self, account: AccountId<'_>) -> bool {
        self.accounts.contains(&AccountIdBuf::from(account))
    }

    pub(crate) fn is_static(&self, md5: Md5Handle) -> bool {
        self.codes.get(&md5).is_some_and(|code| code.static_code)
    }

    pub(crate) fn is_paid(&self, md5: Md5Handle) -> bool {
        let history = self.codes.get(&md5);
        history.is_some_and(|code| code.transfer.is_some())
    }

    pub(crate) fn transfer(&self, position: usize) -> Option<&Transfer> {
        self.entries.get(position).map(|entry| &entry.transfer)
    }

    /// All transfers, oldest order first.
    pub(crate) fn transfers(
        &self,
    ) -> impl DoubleEndedIterator<Item = &Transfer> + ExactSizeIterator {
        self.entries.iter().map(|entry| &entry.transfer)
    }

    /// The position of the next order that is due at `now`.
    pub(crate) fn next_due(&self, now: Timestamp) -> Option<usize> {
        let (due, position) = self.scheduled.first()?;
        (*due <= now).then_some(*position)
    }
}

/// The content of a snapshot.
impl Ledger {
    pub(crate) fn orders(&self) -> impl Iterator<Item = &TransferOrder> {
        self.transfers().map(|transfer| &transfer.order)
    }

    pub(crate) fn settled(&self) -> impl Iterator<Item = usize> {
        self.settled.iter().copied()
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = &AccountIdBuf> {
        self.accounts.iter()
    }

    /// The static codes that must be stored as such, because no transfer shows that they are static.
    pub(crate) fn static_codes(&self) -> impl Iterator<Item = Md5Handle> {
        let codes = self.codes.iter();
        let codes = codes.filter(|(_, code)| code.static_code && !code.failed);
        codes.filter_map(|(md5, code)| code.transfer.is_none().then_some(*md5))
    }
}

impl Entry {
    fn new(order: &TransferOrder) -> Result<Self, String> {
        let unpayable = match &order.unpayable_code {
            None => None,
            Some(code) => {
                let verified = Khqr::parse(code).map(|khqr| khqr.verify(order.due));
                let verified = verified.map_err(|error| format!("unpayableCode: {error}"))?;
                let error = verified.err().ok_or("unpayableCode can be paid when due")?;
                Some(error)
            }
        };
        Ok(Self {
            transfer: Transfer {
                order: order.clone(),
                status: TransferStatus::Scheduled,
            },
            unpayable,
        })
    }

    /// The status that the transfer gets, given the earlier transfers of its code.
    const fn outcome(&self, code: CodeHistory) -> TransferStatus {
        let order = &self.transfer.order;
        if let Some(error) = self.unpayable {
            TransferStatus::Refused(TransferError::Code(error))
        } else if code.transfer.is_some() && !order.static_code && !order.again {
            TransferStatus::Refused(TransferError::AlreadyPaid)
        } else if order.failing {
            TransferStatus::Failed
        } else {
            TransferStatus::Transferred
        }
    }
}
