//! Invariants that hold for every sequence of events.

mod events;

use std::collections::{BTreeMap, BTreeSet};

use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass};
use bakong_flow::store::{FinishedPayment, Snapshot};
use bakong_flow::{
    Ask, Change, Config, Mismatch, OpenError, Outcome, Policy, Question, Reply, Tracker,
};
use proptest::prelude::*;

use crate::desk::{NOON, hash, khr, md5, order, paid_outcome, payment, short_hash};

use self::events::{Answers, Event, PAYMENTS, configs, events};

/// A request in flight, and when it was sent.
type Sent = (Ask, Timestamp);

/// A tracker, and a record of its behaviour.
#[derive(Clone, Debug)]
struct World {
    config: Config,
    tracker: Tracker,
    now: Timestamp,
    in_flight: Vec<Sent>,
    /// The open payments.
    open: BTreeMap<Md5Handle, Known>,
    finished: BTreeMap<Md5Handle, Outcome>,
}

#[derive(Clone, Default, Debug)]
struct Known {
    opened_at: Option<Timestamp>,
    deadline: Option<Timestamp>,
    hash: Option<Question>,
    short_hash: Option<Question>,
    /// The lookups that found nothing after the deadline.
    not_found_at_last: Vec<Question>,
}

impl World {
    fn new(config: Config) -> Self {
        Self {
            config,
            tracker: Tracker::new(config, NOON),
            now: NOON,
            in_flight: Vec::new(),
            open: BTreeMap::new(),
            finished: BTreeMap::new(),
        }
    }

    fn handle(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Open {
                number,
                order: of,
                policy,
                life,
            } => {
                let mut payment = payment(number, now.saturating_add(life));
                payment.order = order(of);
                let policy = [Policy::COUNTER, Policy::WEB_SHOP, Policy::INVOICE][policy];
                if let Err(OpenError::NoQuota { until }) = self.tracker.open(payment, policy, now) {
                    assert!(until > now);
                }
            }
            Event::Nudge(number) => self.tracker.nudge(&md5(number), now),
            Event::Learn {
                number,
                hash: full,
                short,
            } => {
                let (full, short) = (full.map(hash), short.map(short_hash));
                self.tracker.learn(&md5(number), full, short, now);
            }
            Event::Cancel(number) => self.tracker.cancel(&md5(number), now),
            Event::OtherWorkerFinishes { number, transfer } => {
                let outcome = transfer.map_or(Outcome::Expired, paid_outcome);
                let payment = FinishedPayment::new(md5(number), order(number), &outcome, now);
                self.tracker.mark_finished(payment, now);
                self.open.remove(&md5(number));
            }
            Event::Poll => drop(self.poll()),
            Event::Answer {
                which,
                sent,
                answers,
            } => {
                if let Some((ask, asked_at)) = self.take(which) {
                    self.answer(&ask, asked_at, sent, &answers);
                }
            }
            Event::Abandon(which) => {
                if let Some((ask, _)) = self.take(which) {
                    self.tracker.abandon(ask.ticket, 1, now);
                }
            }
            Event::WrongAnswer(which) => {
                if let Some((ask, _)) = self.take(which) {
                    let reply = match ask.question {
                        Question::Renewal => Reply::Check(Ok(CheckAnswer::NotFound)),
                        _ => Reply::Renewal(Ok(None)),
                    };
                    self.tracker.answer(ask.ticket, 1, reply, now);
                }
            }
            Event::Later(time) => self.now = now.saturating_add(time),
            Event::UntilWakeup => {
                while self.poll() {}
                if let Some(next) = self.tracker.next_wakeup() {
                    assert!(next > now, "the loop spins: {next:?}");
                    self.now = next;
                }
            }
            Event::SetBack(time) => {
                let time = u64::try_from(time.as_millis()).unwrap();
                self.now = Timestamp::from_millis(now.as_millis() - time);
            }
            Event::Restart => self.restart(),
            Event::NewToken(life) => {
                self.tracker
                    .set_token(life.map(|life| now.saturating_add(life)), now);
            }
            Event::ExternalUsage(requests) => self.tracker.add_external_usage(requests, now),
        }
        self.observe();
    }

    /// Abandons all requests in flight.
    fn abandon_all(&mut self) {
        while let Some((ask, _)) = self.take(0) {
            self.tracker.abandon(ask.ticket, 1, self.now);
        }
    }

    fn take(&mut self, which: usize) -> Option<Sent> {
        let len = self.in_flight.len();
        (len > 0).then(|| self.in_flight.swap_remove(which % len))
    }

    /// Polls once. Returns `false` if there is no request to send.
    fn poll(&mut self) -> bool {
        let Some(ask) = self.tracker.poll(self.now) else {
            return false;
        };
        self.observe();
        let (usage, quota) = (self.tracker.usage(), self.config.quota);
        // Other programs may exceed the quota, but then no request is sent.
        assert!(usage.requests <= quota.limit, "{usage:?}");
        if ask.question != Question::Renewal {
            let is_probe = usage.closed_at.is_some();
            let reserved = quota.renewals.saturating_sub(usage.renewals);
            assert!(
                is_probe || usage.requests + reserved <= quota.limit,
                "{usage:?} leaves too few requests for renewals"
            );
        }
        let (Question::Md5(_) | Question::Md5List(_)) = &ask.question else {
            self.in_flight.push((ask, self.now));
            return true;
        };
        let about = subjects(&ask.question);
        assert!(about.len() <= 50);
        assert_eq!(about.iter().collect::<BTreeSet<_>>().len(), about.len());
        for md5 in &about {
            let known = self.open.get(md5).expect("an open payment");
            // An earlier request may ask about an earlier payment with this MD5, which another worker finished.
            let in_flight = self.in_flight.iter();
            let in_flight = in_flight.filter(|(_, asked_at)| Some(*asked_at) >= known.opened_at);
            let mut in_flight = in_flight.flat_map(|(ask, _)| subjects(&ask.question));
            assert!(
                !in_flight.any(|other| other == *md5),
                "two requests at once"
            );
        }
        self.in_flight.push((ask, self.now));
        true
    }

    fn answer(&mut self, ask: &Ask, asked_at: Timestamp, sent: u32, answers: &Answers) {
        let answer_at = |at: usize| match answers {
            Answers::All(result) => Some(result.clone()),
            Answers::Each(each) => each.get(at).cloned().flatten(),
        };
        let reply = match (&ask.question, answers) {
            (Question::Renewal, Answers::All(Err(class))) => Reply::Renewal(Err(*class)),
            (Question::Renewal, _) => Reply::Renewal(Ok(None)),
            (Question::Md5List(_), Answers::All(Err(class))) => Reply::List(Err(*class)),
            (Question::Md5List(md5s), _) => {
                let items = md5s.iter().enumerate();
                let items = items.filter_map(|(at, md5)| Some((*md5, answer_at(at)?)));
                Reply::List(Ok(items.collect()))
            }
            _ => Reply::Check(answer_at(0).unwrap_or(Err(ErrorClass::Malformed))),
        };
        self.note(&ask.question, &reply, asked_at);
        self.tracker.answer(ask.ticket, sent, reply, self.now);
        self.observe();
    }

    /// Records the lookups that found nothing after the deadline.
    fn note(&mut self, question: &Question, reply: &Reply, asked_at: Timestamp) {
        let not_found: Vec<_> = match (question, reply) {
            (Question::Md5List(_), Reply::List(Ok(items))) => items
                .iter()
                .filter(|(_, result)| *result == Ok(CheckAnswer::NotFound))
                .map(|(md5, _)| Question::Md5(*md5))
                .collect(),
            (Question::Md5(_), Reply::Check(Ok(CheckAnswer::NotFound))) => vec![question.clone()],
            // If a hash finds a failed or static code, that is another code, so the lookup found nothing.
            (
                _,
                Reply::Check(Ok(
                    CheckAnswer::NotFound | CheckAnswer::Failed | CheckAnswer::StaticQr,
                )),
            ) => vec![question.clone()],
            _ => Vec::new(),
        };
        for known in self.open.values_mut() {
            if known.deadline.is_some_and(|deadline| deadline <= asked_at) {
                known.not_found_at_last.extend(not_found.iter().cloned());
            }
        }
    }

    /// Takes the changes, and compares them with the record.
    fn observe(&mut self) {
        let changes: Vec<_> = self.tracker.take_changes().collect();
        for change in changes {
            match change {
                Change::Opened {
                    payment,
                    policy,
                    at,
                } => {
                    let deadline = payment.expires_at.saturating_add(policy.grace.after_expiry);
                    let known = Known {
                        opened_at: Some(at),
                        deadline: Some(deadline),
                        ..Known::default()
                    };
                    assert!(self.open.insert(payment.md5, known).is_none());
                }
                Change::Learned {
                    md5,
                    hash,
                    short_hash,
                } => {
                    let known = self.open.get_mut(&md5).unwrap();
                    known.hash = hash.map(Question::Hash);
                    let question = |hash| Question::ShortHash(hash, khr(10_000));
                    known.short_hash = short_hash.map(question);
                }
                Change::Finished { md5, outcome, .. } => {
                    let known = self.open.remove(&md5).expect("an open payment");
                    if matches!(outcome, Outcome::Expired | Outcome::Cancelled) {
                        let by_md5 = Some(Question::Md5(md5));
                        let lookups = [by_md5, known.hash.clone(), known.short_hash.clone()];
                        for lookup in lookups.iter().flatten() {
                            let is_not_found = known.not_found_at_last.contains(lookup);
                            assert!(is_not_found, "{lookup:?} {known:?}");
                        }
                    }
                    self.finished.insert(md5, outcome);
                }
                _ => {}
            }
        }
        assert_eq!(self.tracker.open_payments(), self.open.len());
        assert!(self.open.keys().all(|md5| self.tracker.is_open(md5)));
    }

    fn restart(&mut self) {
        let snapshot = sorted(self.tracker.snapshot());
        self.tracker = Tracker::restore(self.config, snapshot.clone(), self.now);
        self.in_flight.clear();
        let restored = sorted(self.tracker.snapshot());
        assert_eq!(restored.open, snapshot.open);
        assert_eq!(restored.finished, snapshot.finished);
        assert_eq!(restored.lists, snapshot.lists);
        let (before, after) = (snapshot.usage.unwrap(), self.tracker.usage());
        assert!(after.requests == before.requests || after.window > before.window);
    }

    /// Answers every request with "not found", until all payments are final.
    fn finish_all(&mut self) {
        self.tracker.set_token(None, self.now);
        let not_found = Answers::All(Ok(CheckAnswer::NotFound));
        while let Some((ask, asked_at)) = self.take(0) {
            self.answer(&ask, asked_at, 1, &not_found);
        }
        let (mut wakeups, mut asked) = (0, 0);
        loop {
            let mut at_once = 0;
            while self.poll() {
                let (ask, asked_at) = self.take(0).unwrap();
                self.answer(&ask, asked_at, 1, &not_found);
                at_once += 1;
                assert!(at_once <= 5 * PAYMENTS, "requests without end");
            }
            asked += at_once;
            if self.open.is_empty() {
                return;
            }
            let next = self.tracker.next_wakeup().expect("a wake-up");
            assert!(next > self.now, "the loop spins: {next:?}");
            self.now = next;
            wakeups += 1;
            assert!(
                wakeups <= MAX_WAKEUPS + 3 * asked,
                "{wakeups} wake-ups for {asked} requests"
            );
        }
    }
}

/// The maximum number of wake-ups without a request. A tracker looks for a spare request every 15 minutes, and a code
/// lives for two days.
const MAX_WAKEUPS: u32 = 1_000;

fn subjects(question: &Question) -> Vec<Md5Handle> {
    match question {
        Question::Md5(md5) => vec![*md5],
        Question::Md5List(md5s) => md5s.clone(),
        _ => Vec::new(),
    }
}

fn sorted(mut snapshot: Snapshot) -> Snapshot {
    snapshot.open.sort_by_key(|open| open.payment.md5);
    snapshot
}

proptest! {
    #[test]
    fn all_payments_become_final(
        config in configs(),
        sequence in prop::collection::vec(events(), 0..150),
    ) {
        let mut world = World::new(config);
        for event in sequence {
            world.handle(event);
        }
        // A process that is killed here reaches the same outcomes.
        let mut killed = world.clone();
        killed.restart();
        let open: Vec<_> = world.open.keys().copied().collect();
        world.abandon_all();
        world.finish_all();
        killed.finish_all();
        for md5 in open {
            let (lived, killed) = (world.finished.get(&md5), killed.finished.get(&md5));
            // Here a hash can lose the transaction that it found before the restart, because the answers are random.
            let is_by_hash = matches!(lived, Some(Outcome::NeedsReview { mismatches, .. })
                if mismatches.contains(&Mismatch::OtherCode));
            prop_assert!(lived == killed || is_by_hash, "{lived:?} {killed:?}");
        }
    }
}
