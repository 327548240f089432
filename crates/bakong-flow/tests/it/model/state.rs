//! A state of the model and its successors.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass};
use bakong_flow::{MemoryStore, Question, Reply, Tracker};

use super::worker::{Persisted, Sent, Worker, subjects};
use super::{Action, FAULTS, Seen, Setting, digest};
use crate::desk::{NOON, md5, order, paid, payment};

/// Two workers, the store, Bakong and the clock.
#[derive(Clone, Debug)]
pub(crate) struct State {
    now: Timestamp,
    workers: [Arc<Worker>; 2],
    worker_digests: [u64; 2],
    persisted: Arc<Persisted>,
    persisted_digest: u64,
    /// When each payment is made.
    paid_at: [Timestamp; 2],
    faults: u8,
    crashes: u8,
    violations: Vec<&'static str>,
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
    /// Creates a state in which both payments are open and both workers have started. The first worker's clock is ahead by
    /// this many milliseconds.
    pub(crate) fn new(setting: &Setting, paid_at: [Timestamp; 2], ahead: i64) -> Self {
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
        let workers = [ahead, 0].map(|ahead| Worker::start(setting, &store, NOON, ahead));
        let persisted = Persisted {
            store,
            finished: BTreeSet::new(),
            settled: BTreeSet::new(),
            used: BTreeSet::new(),
            not_found_at_last: BTreeSet::new(),
            has_rejected: false,
        };
        Self {
            now: NOON,
            worker_digests: workers.each_ref().map(Worker::digest),
            workers: workers.map(Arc::new),
            persisted_digest: digest(&persisted),
            persisted: Arc::new(persisted),
            paid_at,
            faults: setting.faults,
            crashes: setting.crashes,
            violations: Vec::new(),
        }
    }

    fn identity(&self) -> impl Hash + PartialEq + '_ {
        // The order of the workers does not matter.
        let mut workers = self.worker_digests;
        workers.sort_unstable();
        let digests = (workers, self.persisted_digest);
        let rest = (
            self.paid_at.map(Timestamp::as_millis),
            self.faults,
            self.crashes,
            &self.violations,
        );
        (self.now.as_millis(), digests, rest)
    }

    /// Returns which payments are made.
    fn paid(&self) -> [bool; 2] {
        self.paid_at.map(|at| at <= self.now)
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn holds(&self, what: &str) -> bool {
        !self.violations.contains(&what)
    }

    pub(crate) fn is_settled(&self) -> bool {
        !self.persisted.settled.is_empty()
    }

    pub(crate) fn has_rejected(&self) -> bool {
        self.persisted.has_rejected
    }

    /// Whether all workers are idle: no changes to persist and no requests in flight.
    pub(crate) fn is_quiet(&self) -> bool {
        self.workers.iter().all(|worker| worker.is_idle())
    }

    fn is_over(&self) -> bool {
        let is_done = |worker: &Arc<Worker>| match &worker.tracker {
            Some(tracker) => tracker.open_payments() == 0,
            None => true,
        };
        self.is_quiet() && self.persisted.finished.len() == 2 && self.workers.iter().all(is_done)
    }

    /// Lists the possible events.
    pub(crate) fn actions(&self, setting: &Setting, actions: &mut Vec<Action>) {
        if self.is_over() || !self.violations.is_empty() {
            return;
        }
        // Persisting takes no time, but replies do.
        let is_busy = |worker: &Arc<Worker>| !worker.pending.is_empty() || worker.to_send.is_some();
        if self.now < setting.end && !self.workers.iter().any(is_busy) {
            actions.push(Action::Later);
        }
        for (at, worker) in self.workers.iter().enumerate() {
            if worker.tracker.is_none() {
                actions.push(Action::Start(at));
                continue;
            }
            if !worker.pending.is_empty() {
                actions.push(Action::Persist(at));
            } else if worker.to_send.is_some() {
                actions.push(Action::Send(at));
            } else {
                actions.push(Action::Poll(at));
                if let Some(sent) = worker.in_flight.first() {
                    actions.push(Action::Answer(at, Ok(Seen::Then)));
                    if sent.paid != self.paid() {
                        actions.push(Action::Answer(at, Ok(Seen::Now)));
                    }
                    if self.faults > 0 {
                        actions.extend(FAULTS.map(|fault| Action::Answer(at, Err(fault))));
                    }
                }
            }
            if self.crashes > 0 {
                actions.push(Action::Kill(at));
            }
        }
    }

    /// Returns the state after an event; `None` if nothing changes.
    pub(crate) fn after(&self, setting: &Setting, action: Action) -> Option<Self> {
        let mut next = self.clone();
        match action {
            Action::Later => next.now = self.next_moment(setting)?,
            Action::Poll(at) => {
                let worker = Arc::make_mut(&mut next.workers[at]);
                worker.poll(self.now, &mut next.violations)?;
            }
            Action::Persist(at) => {
                let persisted = Arc::make_mut(&mut next.persisted);
                let worker = Arc::make_mut(&mut next.workers[at]);
                worker.persist(persisted, self.paid(), &mut next.violations);
                next.persisted_digest = digest(persisted);
            }
            Action::Send(at) => {
                let worker = Arc::make_mut(&mut next.workers[at]);
                worker.send(setting, self.paid(), &mut next.violations);
            }
            Action::Answer(at, result) => {
                next.faults -= u8::from(result.is_err());
                next.answer(setting, at, result);
            }
            Action::Kill(at) => {
                next.crashes -= 1;
                Arc::make_mut(&mut next.workers[at]).kill();
            }
            Action::Start(at) => {
                let worker = Arc::make_mut(&mut next.workers[at]);
                worker.restart(setting, &self.persisted.store, self.now);
            }
        }
        for at in 0..2 {
            if !Arc::ptr_eq(&next.workers[at], &self.workers[at]) {
                next.worker_digests[at] = next.workers[at].digest();
            }
        }
        Some(next)
    }

    /// Returns the time of the next event.
    fn next_moment(&self, setting: &Setting) -> Option<Timestamp> {
        let quota = setting.config.quota;
        let window_end = quota.window.end_of(quota.window.index_of(NOON));
        let expiry = NOON.saturating_add(setting.life);
        let mut moments = vec![expiry, deadline(setting), window_end, setting.end];
        moments.extend(self.paid_at);
        for worker in &self.workers {
            let mut tracker = worker.tracker.clone();
            if let Some(tracker) = &mut tracker
                && tracker.poll(worker.clock(self.now)).is_none()
            {
                moments.extend(tracker.next_wakeup().map(|at| worker.real_time(at)));
            }
        }
        moments
            .into_iter()
            .filter(|moment| *moment > self.now)
            .min()
    }

    fn answer(&mut self, setting: &Setting, at: usize, result: Result<Seen, Option<ErrorClass>>) {
        let paid = self.paid();
        let worker = Arc::make_mut(&mut self.workers[at]);
        let sent = worker.in_flight.remove(0);
        let (paid, class) = match result {
            Ok(Seen::Then) => (sent.paid, None),
            Ok(Seen::Now) => (paid, None),
            Err(Some(class)) => (paid, Some(class)),
            Err(None) => return worker.answer(&sent, None, self.now),
        };
        if class.is_none() && sent.asked_at >= deadline(setting) {
            let persisted = Arc::make_mut(&mut self.persisted);
            for md5 in subjects(&sent.ask.question) {
                if !paid[number_of(md5)] {
                    persisted.not_found_at_last.insert(*md5);
                }
            }
            self.persisted_digest = digest(persisted);
        }
        let reply = reply(setting, &sent, class, paid);
        worker.answer(&sent, Some(reply), self.now);
    }

    /// Whether all payments become final without violations if no request fails any more.
    pub(crate) fn ends(&self, setting: &Setting) -> bool {
        let mut state = self.clone();
        for round in 0..200 {
            for at in 0..2 {
                state.work(setting, at);
            }
            if state.is_over() || !state.violations.is_empty() {
                return state.violations.is_empty();
            }
            let wakes = |worker: &Arc<Worker>| {
                let mut tracker = worker.tracker.clone()?;
                assert!(
                    tracker.poll(worker.clock(state.now)).is_none(),
                    "poll returned a request after the worker was idle"
                );
                tracker.next_wakeup().map(|at| worker.real_time(at))
            };
            let next = state.workers.iter().filter_map(wakes).min();
            let Some(next) = next.filter(|next| *next > state.now) else {
                return false;
            };
            state.now = next;
            assert!(
                round < 199,
                "still not finished after 200 wake-ups: {state:?}"
            );
        }
        false
    }

    /// Runs a worker until it waits.
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
            let action = if !worker.pending.is_empty() {
                Action::Persist(at)
            } else if worker.to_send.is_some() {
                Action::Send(at)
            } else if !worker.in_flight.is_empty() {
                Action::Answer(at, Ok(Seen::Now))
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

fn reply(setting: &Setting, sent: &Sent, class: Option<ErrorClass>, is_paid: [bool; 2]) -> Reply {
    let answer = |code: &Md5Handle| {
        let number = number_of(code);
        let transfer = if setting.one_transfer { 0 } else { number };
        if is_paid[number] {
            paid(u32::try_from(transfer).unwrap_or_default())
        } else {
            CheckAnswer::NotFound
        }
    };
    match (&sent.ask.question, class) {
        (question, Some(class)) => question.failed(class),
        (Question::Renewal, None) => Reply::Renewal(Ok(None)),
        (Question::Md5List(codes), None) => Reply::List(Ok(codes
            .iter()
            .map(|code| (*code, Ok(answer(code))))
            .collect())),
        (question, None) => Reply::Check(Ok(answer(&subjects(question)[0]))),
    }
}
