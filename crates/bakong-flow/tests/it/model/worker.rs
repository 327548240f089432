//! A worker: a tracker, and its changes and requests.

use std::collections::{BTreeMap, BTreeSet};

use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::quota::WindowIndex;
use bakong_flow::store::Conflict;
use bakong_flow::{Ask, Change, MemoryStore, OrderId, Outcome, Question, Reply, Tracker};

use super::{
    FINAL_ONCE, IN_QUOTA, NOT_FINAL, NOT_TWICE, NOT_UNPAID, SETTLED_ONCE, Setting, digest,
};

/// A worker, which may be stopped.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) tracker: Option<Tracker>,
    /// The changes that are not persisted.
    pub(crate) pending: Vec<Change>,
    /// The request to send once the changes are persisted.
    pub(crate) to_send: Option<(Ask, Timestamp)>,
    pub(crate) in_flight: Vec<Sent>,
    /// How many milliseconds the clock is ahead, as long as no response has told Bakong's time.
    ahead: i64,
    /// How many milliseconds the clock is ahead when the worker starts.
    ahead_at_start: i64,
    /// The payments that the worker knows to be final.
    finished: BTreeSet<Md5Handle>,
    /// The requests of each window, over all restarts.
    sent: BTreeMap<WindowIndex, u32>,
}

/// A request in flight.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) ask: Ask,
    pub(crate) asked_at: Timestamp,
    /// Which payments were made when the request was sent.
    pub(crate) paid: [bool; 2],
}

/// The store, and a record of what it accepted.
#[derive(Debug)]
pub(crate) struct Persisted {
    pub(crate) store: MemoryStore,
    pub(crate) finished: BTreeSet<Md5Handle>,
    pub(crate) settled: BTreeSet<OrderId>,
    pub(crate) used: BTreeSet<String>,
    /// The payments that a check after the deadline did not find.
    pub(crate) not_found_at_last: BTreeSet<Md5Handle>,
    /// Whether the store rejected a change.
    pub(crate) has_rejected: bool,
}

/// Each state of the model has a store of its own.
impl Clone for Persisted {
    fn clone(&self) -> Self {
        Self {
            store: self.store.fork(),
            finished: self.finished.clone(),
            settled: self.settled.clone(),
            used: self.used.clone(),
            not_found_at_last: self.not_found_at_last.clone(),
            has_rejected: self.has_rejected,
        }
    }
}

/// The invariants that are violated.
type Violations = Vec<&'static str>;

impl Worker {
    pub(crate) fn start(
        setting: &Setting,
        store: &MemoryStore,
        now: Timestamp,
        ahead: i64,
    ) -> Self {
        let mut worker = Self {
            tracker: None,
            pending: Vec::new(),
            to_send: None,
            in_flight: Vec::new(),
            ahead,
            ahead_at_start: ahead,
            finished: BTreeSet::new(),
            sent: BTreeMap::new(),
        };
        worker.restart(setting, store, now);
        worker
    }

    pub(crate) fn restart(&mut self, setting: &Setting, store: &MemoryStore, now: Timestamp) {
        let snapshot = store.snapshot();
        self.finished = snapshot.finished.iter().map(|known| known.md5).collect();
        self.ahead = self.ahead_at_start;
        let now = self.clock(now);
        self.tracker = Some(Tracker::restore(setting.config, snapshot, now));
    }

    /// Returns the time on the worker's clock.
    pub(crate) fn clock(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_millis(now.as_millis().saturating_add_signed(self.ahead))
    }

    /// Returns the time at which the worker's clock shows `local`.
    pub(crate) fn real_time(&self, local: Timestamp) -> Timestamp {
        Timestamp::from_millis(local.as_millis().saturating_add_signed(-self.ahead))
    }

    pub(crate) fn kill(&mut self) {
        self.tracker = None;
        self.pending.clear();
        self.to_send = None;
        self.in_flight.clear();
        self.finished.clear();
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.to_send.is_none() && self.in_flight.is_empty()
    }

    pub(crate) fn digest(&self) -> u64 {
        digest(self)
    }

    /// Polls. Returns `None` if nothing changes.
    pub(crate) fn poll(&mut self, now: Timestamp, violations: &mut Violations) -> Option<()> {
        let local = self.clock(now);
        let tracker = self.tracker.as_mut()?;
        let ask = tracker.poll(local);
        self.pending.extend(tracker.take_changes());
        if ask.is_none() && self.pending.is_empty() {
            return None;
        }
        for md5 in ask.iter().flat_map(|ask| subjects(&ask.question)) {
            if self.finished.contains(md5) {
                violations.push(NOT_FINAL);
            }
            let mut in_flight = self.in_flight.iter();
            if in_flight.any(|sent| subjects(&sent.ask.question).contains(md5)) {
                violations.push(NOT_TWICE);
            }
        }
        self.to_send = ask.map(|ask| (ask, now));
        Some(())
    }

    /// Persists the changes.
    pub(crate) fn persist(
        &mut self,
        persisted: &mut Persisted,
        paid: [bool; 2],
        violations: &mut Violations,
    ) {
        let Some(tracker) = &mut self.tracker else {
            return;
        };
        let mut changes = std::mem::take(&mut self.pending);
        for rejected in persisted.store.apply(&changes) {
            let at = changes
                .iter()
                .position(|change| rejected.is_about(change))
                .expect("the rejected change is one of the persisted changes");
            if let Conflict::Final(_) = rejected.conflict {
                self.finished.insert(rejected.md5);
            }
            persisted.has_rejected = true;
            tracker.on_conflict(changes.remove(at), rejected.conflict);
        }
        self.pending.extend(tracker.take_changes());
        for change in changes {
            if let Change::Finished {
                md5,
                order,
                outcome,
                ..
            } = change
            {
                self.finished.insert(md5);
                persisted.finish(md5, order, &outcome, paid, violations);
            }
        }
    }

    /// Sends the request.
    pub(crate) fn send(&mut self, setting: &Setting, paid: [bool; 2], violations: &mut Violations) {
        let Some((ask, asked_at)) = self.to_send.take() else {
            return;
        };
        let quota = setting.config.quota;
        let sent = self
            .sent
            .entry(quota.window.index_of(asked_at))
            .or_default();
        *sent += 1;
        if *sent > quota.limit {
            violations.push(IN_QUOTA);
        }
        self.in_flight.push(Sent {
            ask,
            asked_at,
            paid,
        });
    }

    /// Takes a reply, or abandons the request if there is none.
    pub(crate) fn answer(&mut self, sent: &Sent, reply: Option<Reply>, now: Timestamp) {
        let was_wrong = self.ahead != 0;
        if reply.is_some() {
            self.ahead = 0;
        }
        let now = self.clock(now);
        let Some(tracker) = &mut self.tracker else {
            return;
        };
        match reply {
            Some(reply) => {
                if was_wrong {
                    tracker.set_sent_at(sent.ask.ticket, sent.asked_at);
                }
                tracker.answer(sent.ask.ticket, 1, reply, now);
            }
            None => tracker.abandon(sent.ask.ticket, 1, now),
        }
        self.pending.extend(tracker.take_changes());
    }
}

impl Persisted {
    fn finish(
        &mut self,
        md5: Md5Handle,
        order: OrderId,
        outcome: &Outcome,
        paid: [bool; 2],
        violations: &mut Violations,
    ) {
        if !self.finished.insert(md5) {
            violations.push(FINAL_ONCE);
        }
        match outcome {
            Outcome::Paid { transaction, .. } => {
                let hash = transaction.hash.as_deref().unwrap_or_default().to_owned();
                if !self.settled.insert(order) || !self.used.insert(hash) {
                    violations.push(SETTLED_ONCE);
                }
            }
            Outcome::Expired | Outcome::Cancelled => {
                let number = usize::from(md5 == crate::desk::md5(1));
                if !self.not_found_at_last.contains(&md5) || paid[number] {
                    violations.push(NOT_UNPAID);
                }
            }
            _ => {}
        }
    }
}

/// Returns the payments that a question is about.
pub(crate) fn subjects(question: &Question) -> &[Md5Handle] {
    match question {
        Question::Md5(md5) => std::slice::from_ref(md5),
        Question::Md5List(md5s) => md5s,
        _ => &[],
    }
}
