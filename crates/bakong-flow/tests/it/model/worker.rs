//! A worker: a tracker, and what it has in its hands.

use std::collections::{BTreeMap, BTreeSet};

use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::quota::Day;
use bakong_flow::store::{Conflict, Rejected};
use bakong_flow::{Ask, Change, MemoryStore, OrderId, Outcome, Question, Reply, Tracker};

use super::digest::digest;
use super::{FINAL_ONCE, IN_QUOTA, NOT_FINAL, NOT_TWICE, NOT_UNPAID, SETTLED_ONCE, Setting};

/// A worker, alive or not.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) tracker: Option<Tracker>,
    /// What changed and is not persisted yet.
    pub(crate) unkept: Vec<Change>,
    /// What is to be sent when it is.
    pub(crate) to_send: Option<(Ask, Timestamp)>,
    pub(crate) out: Vec<Sent>,
    /// The payments that it knows to be final.
    finished: BTreeSet<Md5Handle>,
    /// What it sent each day, over all its lives.
    sent: BTreeMap<Day, u32>,
}

/// A request that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) ask: Ask,
    pub(crate) asked_at: Timestamp,
    /// Which payments were paid when it was sent.
    pub(crate) paid: [bool; 2],
}

/// What is persisted, and what was seen of it.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) store: MemoryStore,
    pub(crate) finished: BTreeSet<Md5Handle>,
    pub(crate) settled: BTreeSet<OrderId>,
    pub(crate) used: BTreeSet<String>,
    /// The payments of which Bakong said, asked after the deadline, that nobody made them.
    pub(crate) not_found_at_last: BTreeSet<Md5Handle>,
    /// Whether a change of one worker lost to another's.
    pub(crate) has_lost: bool,
}

type Broken = Vec<&'static str>;

impl Worker {
    pub(crate) fn start(setting: &Setting, store: &MemoryStore, now: Timestamp) -> Self {
        let mut worker = Self {
            tracker: None,
            unkept: Vec::new(),
            to_send: None,
            out: Vec::new(),
            finished: BTreeSet::new(),
            sent: BTreeMap::new(),
        };
        worker.restart(setting, store, now);
        worker
    }

    pub(crate) fn restart(&mut self, setting: &Setting, store: &MemoryStore, now: Timestamp) {
        let snapshot = store.snapshot();
        self.finished = snapshot.finished.iter().map(|known| known.md5).collect();
        self.tracker = Some(Tracker::restore(setting.config, snapshot, now));
    }

    pub(crate) fn kill(&mut self) {
        self.tracker = None;
        self.unkept.clear();
        self.to_send = None;
        self.out.clear();
        self.finished.clear();
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.unkept.is_empty() && self.to_send.is_none() && self.out.is_empty()
    }

    pub(crate) fn digest(&self) -> u64 {
        digest(self)
    }

    /// Polls; `None` if nothing comes of it.
    pub(crate) fn poll(&mut self, now: Timestamp, broken: &mut Broken) -> Option<()> {
        let tracker = self.tracker.as_mut()?;
        let ask = tracker.poll(now);
        self.unkept.extend(tracker.take_changes());
        if ask.is_none() && self.unkept.is_empty() {
            return None;
        }
        for md5 in ask.iter().flat_map(|ask| subjects(&ask.question)) {
            if self.finished.contains(md5) {
                broken.push(NOT_FINAL);
            }
            let mut out = self.out.iter();
            if out.any(|sent| subjects(&sent.ask.question).contains(md5)) {
                broken.push(NOT_TWICE);
            }
        }
        self.to_send = ask.map(|ask| (ask, now));
        Some(())
    }

    /// Persists what changed.
    pub(crate) fn keep(&mut self, kept: &mut Kept, paid: [bool; 2], broken: &mut Broken) {
        let Some(tracker) = &mut self.tracker else {
            return;
        };
        let mut changes = std::mem::take(&mut self.unkept);
        for Rejected { md5, conflict, .. } in kept.store.apply(&changes) {
            let of =
                |change: &Change| matches!(change, Change::Finished { md5: of, .. } if *of == md5);
            let at = changes
                .iter()
                .position(of)
                .expect("a change that was handed in");
            if let Conflict::Final(_) = conflict {
                self.finished.insert(md5);
            }
            kept.has_lost = true;
            tracker.on_conflict(changes.remove(at), conflict);
        }
        self.unkept.extend(tracker.take_changes());
        for change in changes {
            if let Change::Finished {
                md5,
                order,
                outcome,
                ..
            } = change
            {
                self.finished.insert(md5);
                kept.finish(md5, order, &outcome, paid, broken);
            }
        }
    }

    /// Sends what is to be sent.
    pub(crate) fn send(&mut self, setting: &Setting, paid: [bool; 2], broken: &mut Broken) {
        let Some((ask, asked_at)) = self.to_send.take() else {
            return;
        };
        let quota = setting.config.quota;
        let sent = self.sent.entry(quota.turn.day_of(asked_at)).or_default();
        *sent += 1;
        if *sent > quota.limit {
            broken.push(IN_QUOTA);
        }
        self.out.push(Sent {
            ask,
            asked_at,
            paid,
        });
    }

    /// Takes an answer; `None` is none.
    pub(crate) fn answer(&mut self, sent: &Sent, reply: Option<Reply>, now: Timestamp) {
        let Some(tracker) = &mut self.tracker else {
            return;
        };
        match reply {
            Some(reply) => tracker.answer(sent.ask.ticket, 1, reply, now),
            None => tracker.abandon(sent.ask.ticket, 1, now),
        }
        self.unkept.extend(tracker.take_changes());
    }
}

impl Kept {
    fn finish(
        &mut self,
        md5: Md5Handle,
        order: OrderId,
        outcome: &Outcome,
        paid: [bool; 2],
        broken: &mut Broken,
    ) {
        if !self.finished.insert(md5) {
            broken.push(FINAL_ONCE);
        }
        match outcome {
            Outcome::Paid { transaction, .. } => {
                let hash = transaction.hash.as_deref().unwrap_or_default().to_owned();
                if !self.settled.insert(order) || !self.used.insert(hash) {
                    broken.push(SETTLED_ONCE);
                }
            }
            Outcome::Expired | Outcome::Cancelled => {
                let number = usize::from(md5 == crate::desk::md5(1));
                if !self.not_found_at_last.contains(&md5) || paid[number] {
                    broken.push(NOT_UNPAID);
                }
            }
            _ => {}
        }
    }
}

/// The payments that a question is about.
pub(crate) fn subjects(question: &Question) -> &[Md5Handle] {
    match question {
        Question::Md5(md5) => std::slice::from_ref(md5),
        Question::Md5List(md5s) => md5s,
        _ => &[],
    }
}
