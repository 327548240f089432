//! A state of the model, and those that may come after it.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass};
use bakong_flow::{MemoryStore, Question, Reply, Tracker};

use super::digest::digest;
use super::worker::{Kept, Sent, Worker, subjects};
use super::{Action, Says, Setting};
use crate::desk::{DOWN, NOON, md5, order, paid, payment};

/// Two workers, the store, Bakong and the clock.
#[derive(Clone, Debug)]
pub(crate) struct State {
    now: Timestamp,
    workers: [Arc<Worker>; 2],
    worker_digests: [u64; 2],
    kept: Arc<Kept>,
    kept_digest: u64,
    /// When which code is paid.
    paid_at: [Timestamp; 2],
    faults: u8,
    crashes: u8,
    broken: Vec<&'static str>,
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.identity().hash(hasher);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl State {
    /// Both payments are open, and both workers have just started.
    pub(crate) fn new(setting: &Setting, paid_at: [Timestamp; 2]) -> Self {
        let store = MemoryStore::new();
        let mut tracker = Tracker::new(setting.config, NOON);
        for number in 0..2 {
            let mut payment = payment(number, NOON.saturating_add(setting.life));
            if setting.one_order {
                payment.order = order(0);
            }
            tracker.open(payment, setting.policy, NOON).expect("room");
        }
        if setting.is_cancelled {
            tracker.cancel(&md5(1), NOON);
        }
        let changes: Vec<_> = tracker.take_changes().collect();
        assert_eq!(store.apply(&changes), []);
        let worker = Worker::start(setting, &store, NOON);
        let kept = Kept {
            store,
            finished: BTreeSet::new(),
            settled: BTreeSet::new(),
            used: BTreeSet::new(),
            not_found_at_last: BTreeSet::new(),
            has_lost: false,
        };
        Self {
            now: NOON,
            worker_digests: [worker.digest(); 2],
            workers: [Arc::new(worker.clone()), Arc::new(worker)],
            kept_digest: digest(&kept),
            kept: Arc::new(kept),
            paid_at,
            faults: setting.faults,
            crashes: setting.crashes,
            broken: Vec::new(),
        }
    }

    fn identity(&self) -> impl Hash + PartialEq + '_ {
        // It does not matter which worker is the first.
        let mut workers = self.worker_digests;
        workers.sort_unstable();
        let digests = (workers, self.kept_digest);
        let rest = (
            self.paid_at.map(Timestamp::as_millis),
            self.faults,
            self.crashes,
            &self.broken,
        );
        (self.now.as_millis(), digests, rest)
    }

    /// Which codes are paid.
    fn paid(&self) -> [bool; 2] {
        self.paid_at.map(|at| at <= self.now)
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn holds(&self, what: &str) -> bool {
        !self.broken.contains(&what)
    }

    pub(crate) fn is_settled(&self) -> bool {
        !self.kept.settled.is_empty()
    }

    pub(crate) fn has_lost(&self) -> bool {
        self.kept.has_lost
    }

    /// Whether no worker has anything in its hands.
    pub(crate) fn is_quiet(&self) -> bool {
        self.workers.iter().all(|worker| worker.is_idle())
    }

    fn is_over(&self) -> bool {
        let is_done = |worker: &Arc<Worker>| match &worker.tracker {
            Some(tracker) => tracker.open_payments() == 0,
            None => true,
        };
        self.is_quiet() && self.kept.finished.len() == 2 && self.workers.iter().all(is_done)
    }

    /// What may happen next.
    pub(crate) fn actions(&self, setting: &Setting, actions: &mut Vec<Action>) {
        if self.is_over() || !self.broken.is_empty() {
            return;
        }
        // To persist takes no time; to answer does.
        let is_busy = |worker: &Arc<Worker>| !worker.unkept.is_empty() || worker.to_send.is_some();
        if self.now < setting.end && !self.workers.iter().any(is_busy) {
            actions.push(Action::Later);
        }
        for (at, worker) in self.workers.iter().enumerate() {
            if worker.tracker.is_none() {
                actions.push(Action::Start(at));
                continue;
            }
            if !worker.unkept.is_empty() {
                actions.push(Action::Keep(at));
            } else if worker.to_send.is_some() {
                actions.push(Action::Send(at));
            } else {
                actions.push(Action::Poll(at));
                if let Some(sent) = worker.out.first() {
                    actions.push(Action::Answer(at, Says::Then));
                    if sent.paid != self.paid() {
                        actions.push(Action::Answer(at, Says::Now));
                    }
                    if self.faults > 0 {
                        actions.extend(Says::FAULTS.map(|says| Action::Answer(at, says)));
                    }
                }
            }
            if self.crashes > 0 {
                actions.push(Action::Kill(at));
            }
        }
    }

    /// The state after something happened.
    pub(crate) fn after(&self, setting: &Setting, action: Action) -> Option<Self> {
        let mut next = self.clone();
        match action {
            Action::Later => next.now = self.next_moment(setting)?,
            Action::Poll(at) => {
                let worker = Arc::make_mut(&mut next.workers[at]);
                worker.poll(self.now, &mut next.broken)?;
            }
            Action::Keep(at) => {
                let kept = Arc::make_mut(&mut next.kept);
                let worker = Arc::make_mut(&mut next.workers[at]);
                worker.keep(kept, self.paid(), &mut next.broken);
                next.kept_digest = digest(kept);
            }
            Action::Send(at) => {
                let worker = Arc::make_mut(&mut next.workers[at]);
                worker.send(setting, self.paid(), &mut next.broken);
            }
            Action::Answer(at, says) => {
                if !matches!(says, Says::Then | Says::Now) {
                    next.faults -= 1;
                }
                next.answer(setting, at, says);
            }
            Action::Kill(at) => {
                next.crashes -= 1;
                Arc::make_mut(&mut next.workers[at]).kill();
            }
            Action::Start(at) => {
                let worker = Arc::make_mut(&mut next.workers[at]);
                worker.restart(setting, &self.kept.store, self.now);
            }
        }
        for at in 0..2 {
            if !Arc::ptr_eq(&next.workers[at], &self.workers[at]) {
                next.worker_digests[at] = next.workers[at].digest();
            }
        }
        Some(next)
    }

    /// The next moment at which a worker wakes, or at which something ends.
    fn next_moment(&self, setting: &Setting) -> Option<Timestamp> {
        let quota = setting.config.quota;
        let turn = quota.turn.end_of(quota.turn.day_of(NOON));
        let expiry = NOON.saturating_add(setting.life);
        let mut moments = vec![expiry, deadline(setting), turn, setting.end];
        moments.extend(self.paid_at);
        for worker in &self.workers {
            let mut tracker = worker.tracker.clone();
            if let Some(tracker) = &mut tracker
                && tracker.poll(self.now).is_none()
            {
                moments.extend(tracker.next_wakeup());
            }
        }
        moments
            .into_iter()
            .filter(|moment| *moment > self.now)
            .min()
    }

    fn answer(&mut self, setting: &Setting, at: usize, says: Says) {
        let paid = self.paid();
        let worker = Arc::make_mut(&mut self.workers[at]);
        let sent = worker.out.remove(0);
        let knows = if says == Says::Now { paid } else { sent.paid };
        let class = match says {
            Says::Then | Says::Now => None,
            Says::Unavailable => Some(DOWN),
            Says::Exhausted => Some(ErrorClass::QuotaExhausted),
            Says::Unauthorized => Some(ErrorClass::Unauthorized),
            Says::Blocked => Some(ErrorClass::Blocked),
            Says::Nothing => return worker.answer(&sent, None, self.now),
        };
        if class.is_none() && sent.asked_at >= deadline(setting) {
            let kept = Arc::make_mut(&mut self.kept);
            for md5 in subjects(&sent.ask.question) {
                if !knows[number_of(md5)] {
                    kept.not_found_at_last.insert(*md5);
                }
            }
            self.kept_digest = digest(kept);
        }
        let reply = reply(setting, &sent, class, knows);
        worker.answer(&sent, Some(reply), self.now);
    }

    /// Whether all becomes final if nothing fails from now on, each worker does its work, and nothing is broken.
    pub(crate) fn ends(&self, setting: &Setting) -> bool {
        let mut state = self.clone();
        for round in 0..200 {
            for at in 0..2 {
                state.work(setting, at);
            }
            if state.is_over() || !state.broken.is_empty() {
                return state.broken.is_empty();
            }
            let wakes = |worker: &Arc<Worker>| {
                let mut tracker = worker.tracker.clone()?;
                assert!(tracker.poll(state.now).is_none(), "it has done its work");
                tracker.next_wakeup()
            };
            let next = state.workers.iter().filter_map(wakes).min();
            let Some(next) = next.filter(|next| *next > state.now) else {
                return false;
            };
            state.now = next;
            assert!(round < 199, "it wakes for nothing: {state:?}");
        }
        false
    }

    /// A worker does all that it has to do now.
    fn work(&mut self, setting: &Setting, at: usize) {
        let do_it = |state: &mut Self, action| {
            let next = state.after(setting, action);
            next.map(|next| *state = next).is_some()
        };
        if self.workers[at].tracker.is_none() {
            do_it(self, Action::Start(at));
        }
        loop {
            let worker = &self.workers[at];
            let action = if !worker.unkept.is_empty() {
                Action::Keep(at)
            } else if worker.to_send.is_some() {
                Action::Send(at)
            } else if !worker.out.is_empty() {
                Action::Answer(at, Says::Now)
            } else {
                Action::Poll(at)
            };
            if !do_it(self, action) {
                return;
            }
        }
    }
}

fn deadline(setting: &Setting) -> Timestamp {
    let grace = setting.policy.grace.after_expiry;
    NOON.saturating_add(setting.life).saturating_add(grace)
}

fn number_of(code: &Md5Handle) -> usize {
    usize::from(*code == md5(1))
}

fn reply(setting: &Setting, sent: &Sent, class: Option<ErrorClass>, knows: [bool; 2]) -> Reply {
    let told = |code: &Md5Handle| {
        let number = number_of(code);
        if let Some(class) = class {
            return Err(class);
        }
        let transfer = if setting.one_transfer { 0 } else { number };
        Ok(if knows[number] {
            paid(u32::try_from(transfer).unwrap_or_default(), NOON)
        } else {
            CheckAnswer::NotFound
        })
    };
    match (&sent.ask.question, class) {
        (Question::Renewal, Some(class)) => Reply::Renewal(Err(class)),
        (Question::Renewal, None) => Reply::Renewal(Ok(None)),
        (Question::Md5List(_), Some(class)) => Reply::List(Err(class)),
        (Question::Md5List(codes), None) => {
            Reply::List(Ok(codes.iter().map(|code| (*code, told(code))).collect()))
        }
        (question, _) => Reply::Check(told(&subjects(question)[0])),
    }
}
