//! Decides what a batch does to the rows, so that a commit is one call for any number of changes.
//!
//! The rules are those of the in-memory store. The rows that the batch is about are either read under the lock of the
//! registration, or assumed: a payment that is opened is new, any other payment is open, and nothing is settled. A plan
//! that rests on assumptions lists them, and the call checks them.

use std::collections::{BTreeMap, BTreeSet};

use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::bakong_api::{ShortHash, TransactionHash};
use bakong_flow::quota::WindowUsage;
use bakong_flow::store::{Conflict, EventKind, Rejected};
use bakong_flow::tracker::ListStatus;
use bakong_flow::{Change, OrderId, Outcome, Payment, Policy};

use serde::Serialize;

use super::failure::Failure;
use crate::record::{Final, NewEvent, NewPayment, millis};

/// The rows that the changes of a batch are about.
#[derive(Debug)]
pub(super) enum Rows {
    /// Nothing was read.
    Assumed,
    Read {
        /// The order of each payment of the batch that exists, and its outcome unless it is open.
        payments: BTreeMap<Md5Handle, (OrderId, Option<Outcome>)>,
        /// The orders of the batch that are settled.
        settled_orders: BTreeSet<String>,
        /// The transactions of the batch that settled an order.
        settled_hashes: BTreeMap<String, OrderId>,
    },
}

/// The keys of the rows that a batch is about.
#[derive(Default, Debug)]
pub(super) struct Keys<'a> {
    pub(super) md5s: BTreeSet<&'a [u8]>,
    pub(super) orders: BTreeSet<&'a str>,
    pub(super) hashes: BTreeSet<String>,
}

impl<'a> Keys<'a> {
    pub(super) fn of(changes: &'a [Change]) -> Self {
        let mut keys = Self::default();
        for change in changes {
            let md5 = match change {
                Change::Opened { payment, .. } => {
                    keys.orders.insert(payment.order.as_str());
                    &payment.md5
                }
                Change::Finished {
                    md5,
                    order,
                    outcome,
                    ..
                } => {
                    if settles(outcome) {
                        keys.orders.insert(order.as_str());
                        keys.hashes.extend(crate::record::settling_hash(outcome));
                    }
                    md5
                }
                Change::Withdrawn { md5 }
                | Change::Asked { md5, .. }
                | Change::Learned { md5, .. }
                | Change::Cancelled { md5 } => md5,
                _ => continue,
            };
            keys.md5s.insert(md5.as_bytes());
        }
        keys
    }
}

/// What a batch does.
#[derive(Default, Debug)]
pub(super) struct Plan<'a> {
    pub(super) rejected: Vec<Rejected>,
    /// In the order in which the payments are opened.
    pub(super) inserts: Vec<Insert<'a>>,
    pub(super) updates: Vec<(&'a [u8; 16], Update<'a>)>,
    /// Payments to delete before the inserts.
    pub(super) deletes: Vec<&'a [u8]>,
    /// In the order of their numbers.
    pub(super) events: Vec<NewEvent<'a>>,
    pub(super) last_event: i64,
    pub(super) usage: Option<WindowUsage>,
    pub(super) lists: Option<ListStatus>,
    /// Payments that must be open. Empty if the rows were read.
    pub(super) assumed_open: Vec<&'a [u8; 16]>,
}

/// A payment to insert, with the later changes of the same batch.
#[derive(Debug)]
pub(super) struct Insert<'a> {
    pub(super) row: NewPayment<'a>,
    pub(super) update: Update<'a>,
}

/// The columns to change of one payment. `None` keeps a column.
#[derive(Default, Debug, Serialize)]
pub(super) struct Update<'a> {
    pub(super) asked_at: Option<i64>,
    #[serde(rename = "learned_hash")]
    pub(super) hash: Option<&'a str>,
    #[serde(rename = "learned_short_hash")]
    pub(super) short_hash: Option<&'a str>,
    pub(super) is_cancelled: bool,
    #[serde(flatten)]
    pub(super) finish: Option<Finish>,
}

impl Update<'_> {
    const fn is_empty(&self) -> bool {
        self.asked_at.is_none()
            && self.hash.is_none()
            && self.short_hash.is_none()
            && !self.is_cancelled
            && self.finish.is_none()
    }
}

/// The columns of a payment that becomes final.
#[derive(Debug, Serialize)]
pub(super) struct Finish {
    #[serde(flatten)]
    pub(super) row: Final,
    /// The number of the event that reports the outcome.
    #[serde(rename = "finish_event")]
    pub(super) event: i64,
}

/// A payment while the changes are applied.
#[derive(Debug)]
struct Work<'a> {
    state: State,
    /// The order of the row, if known. It is the one that is settled.
    order: Option<&'a OrderId>,
    /// The row to insert, with its place among the inserts.
    insert: Option<(usize, NewPayment<'a>)>,
    update: Update<'a>,
    /// Whether the state is an assumption that no decision has relied on.
    is_assumed: bool,
}

#[derive(Debug)]
enum State {
    Absent,
    Open,
    Final(Box<Outcome>),
}

/// Applies the changes of a batch, one after the other.
#[derive(Debug)]
pub(super) struct Planner<'a> {
    rows: &'a Rows,
    plan: Plan<'a>,
    works: BTreeMap<&'a [u8; 16], Work<'a>>,
    inserts: usize,
    /// What the batch settles.
    settled_orders: BTreeSet<&'a str>,
    settled_hashes: BTreeMap<String, &'a OrderId>,
}

impl<'a> Planner<'a> {
    /// Starts with the last event and the usage of the registration.
    pub(super) fn new(rows: &'a Rows, last_event: i64, usage: Option<WindowUsage>) -> Self {
        Self {
            rows,
            plan: Plan {
                last_event,
                usage,
                ..Plan::default()
            },
            works: BTreeMap::new(),
            inserts: 0,
            settled_orders: BTreeSet::new(),
            settled_hashes: BTreeMap::new(),
        }
    }

    /// Applies all changes. The payments `withdrawn` are not opened.
    pub(super) fn plan(
        mut self,
        changes: &'a [Change],
        withdrawn: &[Md5Handle],
    ) -> Result<Plan<'a>, Failure> {
        for change in changes {
            match change {
                Change::Opened { payment, .. } if withdrawn.contains(&payment.md5) => {
                    self.reject(&payment.md5, Conflict::Withdrawn);
                }
                change => self.apply(change)?,
            }
        }
        Ok(self.finish_plan())
    }

    fn finish_plan(mut self) -> Plan<'a> {
        let mut inserts = Vec::new();
        for (md5, work) in self.works {
            match work.insert {
                Some((place, row)) => inserts.push((
                    place,
                    Insert {
                        row,
                        update: work.update,
                    },
                )),
                None if work.update.is_empty() => {}
                None => self.plan.updates.push((md5, work.update)),
            }
        }
        inserts.sort_by_key(|(place, _)| *place);
        self.plan.inserts = inserts.into_iter().map(|(_, insert)| insert).collect();
        self.plan
    }

    fn apply(&mut self, change: &'a Change) -> Result<(), Failure> {
        match change {
            Change::Opened {
                payment,
                policy,
                at,
            } => self.open(payment, policy, *at)?,
            Change::Finished {
                md5,
                order,
                outcome,
                at,
            } => self.finish(md5, order, outcome, *at)?,
            Change::Asked { md5, at } => {
                if let Some(update) = self.open_update(md5) {
                    update.asked_at = Some(millis(*at));
                }
            }
            Change::Learned {
                md5,
                hash,
                short_hash,
            } => {
                if let Some(update) = self.open_update(md5) {
                    // Another worker may have stored the other hash.
                    update.hash = hash.as_ref().map(TransactionHash::as_str).or(update.hash);
                    let short_hash = short_hash.as_ref().map(ShortHash::as_str);
                    update.short_hash = short_hash.or(update.short_hash);
                }
            }
            Change::Cancelled { md5 } => {
                if let Some(update) = self.open_update(md5) {
                    update.is_cancelled = true;
                }
            }
            Change::Withdrawn { md5 } => self.withdraw(md5),
            Change::PaidAgain {
                md5,
                order,
                transaction,
                hash,
                at,
            } => {
                let kind = EventKind::PaidAgain {
                    transaction: transaction.clone(),
                    hash: hash.clone(),
                };
                let event = NewEvent::paid_again(md5, order, &kind, *at)?;
                self.add_event(event);
            }
            Change::Quota(usage) => {
                let stored = self.plan.usage;
                self.plan.usage = Some(stored.map_or(*usage, |stored| stored.merge(*usage)));
            }
            Change::ListStatus(lists) => self.plan.lists = Some(*lists),
            other if other.must_persist() => {
                return Err(Failure::Misuse(
                    "the store does not know a change; use the versions of bakong-flow and bakong-store that belong together"
                        .into(),
                ));
            }
            _ => {}
        }
        Ok(())
    }

    fn reject(&mut self, md5: &Md5Handle, conflict: Conflict) {
        self.plan.rejected.push(Rejected::new(*md5, conflict));
    }

    fn add_event(&mut self, event: NewEvent<'a>) -> i64 {
        self.plan.events.push(event);
        self.plan.last_event += 1;
        self.plan.last_event
    }

    /// Returns the payment. `opens` is whether the change opens it.
    fn work(&mut self, md5: &'a Md5Handle, opens: bool) -> &mut Work<'a> {
        let rows = self.rows;
        self.works.entry(md5.as_bytes()).or_insert_with(|| {
            let (state, order) = match rows {
                Rows::Assumed if opens => (State::Absent, None),
                Rows::Assumed => (State::Open, None),
                Rows::Read { payments, .. } => match payments.get(md5) {
                    None => (State::Absent, None),
                    Some((order, None)) => (State::Open, Some(order)),
                    Some((order, Some(outcome))) => {
                        (State::Final(Box::new(outcome.clone())), Some(order))
                    }
                },
            };
            Work {
                is_assumed: matches!((rows, &state), (Rows::Assumed, State::Open)),
                state,
                order,
                insert: None,
                update: Update::default(),
            }
        })
    }

    /// Returns the columns of the payment if it is open.
    fn open_update(&mut self, md5: &'a Md5Handle) -> Option<&mut Update<'a>> {
        let work = self.work(md5, false);
        matches!(work.state, State::Open).then_some(&mut work.update)
    }

    fn open(
        &mut self,
        payment: &'a Payment,
        policy: &Policy,
        at: Timestamp,
    ) -> Result<(), Failure> {
        let row = NewPayment::new(payment, policy, at)?;
        let is_settled = self.is_settled(&payment.order);
        let place = self.inserts;
        let work = self.work(&payment.md5, true);
        if !matches!(work.state, State::Absent) {
            self.reject(&payment.md5, Conflict::Known);
        } else if is_settled {
            self.reject(&payment.md5, Conflict::OrderSettled);
        } else {
            work.state = State::Open;
            work.order = Some(&payment.order);
            work.insert = Some((place, row));
            work.update = Update::default();
            self.inserts += 1;
        }
        Ok(())
    }

    fn withdraw(&mut self, md5: &'a Md5Handle) {
        let work = self.work(md5, false);
        if !matches!(work.state, State::Open) {
            return;
        }
        let is_stored = work.insert.take().is_none();
        work.update = Update::default();
        work.state = State::Absent;
        if is_stored {
            self.plan.deletes.push(md5.as_bytes());
        }
    }

    fn finish(
        &mut self,
        md5: &'a Md5Handle,
        order: &'a OrderId,
        outcome: &'a Outcome,
        at: Timestamp,
    ) -> Result<(), Failure> {
        let work = self.work(md5, false);
        let conflict = match &work.state {
            State::Absent => Conflict::Unknown,
            State::Final(outcome) => Conflict::Final(outcome.clone()),
            State::Open => {
                let is_assumed = std::mem::take(&mut work.is_assumed);
                let settled = work.order.unwrap_or(order);
                if is_assumed {
                    self.plan.assumed_open.push(md5.as_bytes());
                }
                let row = Final::new(outcome, at)?;
                match self.settle(settled, outcome, row.settled_hash.as_deref()) {
                    Ok(()) => {
                        let event = self.add_event(NewEvent::finished(md5, order, at));
                        let work = self.work(md5, false);
                        work.update.finish = Some(Finish { row, event });
                        work.state = State::Final(Box::new(outcome.clone()));
                        return Ok(());
                    }
                    Err(conflict) => conflict,
                }
            }
        };
        self.reject(md5, conflict);
        Ok(())
    }

    /// Records that an outcome settles its order.
    fn settle(
        &mut self,
        order: &'a OrderId,
        outcome: &Outcome,
        hash: Option<&str>,
    ) -> Result<(), Conflict> {
        if !settles(outcome) {
            return Ok(());
        }
        if let Some(hash) = hash {
            let stored = match self.rows {
                Rows::Assumed => None,
                Rows::Read { settled_hashes, .. } => settled_hashes.get(hash),
            };
            if let Some(other) = stored.or(self.settled_hashes.get(hash).copied()) {
                let order = other.clone();
                return Err(Conflict::TransactionSettledAnother { order });
            }
        }
        if self.is_settled(order) {
            return Err(Conflict::OrderSettled);
        }
        self.settled_orders.insert(order.as_str());
        if let Some(hash) = hash {
            self.settled_hashes.insert(hash.to_owned(), order);
        }
        Ok(())
    }

    fn is_settled(&self, order: &OrderId) -> bool {
        let is_stored = match self.rows {
            Rows::Assumed => false,
            Rows::Read { settled_orders, .. } => settled_orders.contains(order.as_str()),
        };
        is_stored || self.settled_orders.contains(order.as_str())
    }
}

/// Whether the outcome settles the order.
const fn settles(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Paid { .. })
}
