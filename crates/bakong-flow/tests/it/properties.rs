//! Whatever happens, in whatever order.

mod events;

use std::collections::{BTreeMap, BTreeSet};

use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass, TransactionHash};
use bakong_flow::store::{FinishedPayment, Snapshot};
use bakong_flow::{
    Ask, Change, Config, Mismatch, OpenError, Outcome, Policy, Question, Reply, Tracker,
};
use proptest::prelude::*;

use crate::desk::{NOON, hash, md5, order, payment};

use self::events::{Answer, Event, PAYMENTS, Says, configs, events, paid_by};

/// A request that is out, and when it was asked.
type Out = (Ask, Timestamp);

/// A tracker, and what is seen of it.
#[derive(Clone, Debug)]
struct World {
    config: Config,
    tracker: Tracker,
    now: Timestamp,
    out: Vec<Out>,
    /// The open payments with their deadlines and the hashes that are known of them.
    open: BTreeMap<Md5Handle, Known>,
    finished: BTreeMap<Md5Handle, Outcome>,
}

#[derive(Clone, Default, Debug)]
struct Known {
    opened_at: Option<Timestamp>,
    deadline: Option<Timestamp>,
    hash: Option<Question>,
    short_hash: Option<Question>,
    /// What Bakong, asked after the deadline, knew of no payment by.
    not_found_at_last: Vec<Question>,
}

impl World {
    fn new(config: Config) -> Self {
        Self {
            config,
            tracker: Tracker::new(config, NOON),
            now: NOON,
            out: Vec::new(),
            open: BTreeMap::new(),
            finished: BTreeMap::new(),
        }
    }

    fn happen(&mut self, event: Event) {
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
                let of = |number| TransactionHash::new(&hash(number)).unwrap();
                let short = short.and_then(|number| of(number).short());
                self.tracker.learn(&md5(number), full.map(of), short, now);
            }
            Event::Cancel(number) => self.tracker.cancel(&md5(number), now),
            Event::FinishedElsewhere { number, transfer } => {
                let outcome = transfer.map_or(Outcome::Expired, |transfer| Outcome::Paid {
                    transaction: paid_by(transfer),
                    late: false,
                });
                let payment = FinishedPayment::new(md5(number), order(number), &outcome, now);
                self.tracker.finished_elsewhere(payment, now);
                self.open.remove(&md5(number));
            }
            Event::Poll => drop(self.poll()),
            Event::Answer { which, sent, says } => {
                if let Some((ask, asked_at)) = self.take(which) {
                    self.answer(&ask, asked_at, sent, &says);
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
                    assert!(next > now, "it spins: {next:?}");
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
            Event::SpentElsewhere(requests) => self.tracker.add_external_usage(requests, now),
        }
        self.see();
    }

    /// No answer comes to what is out.
    fn give_up(&mut self) {
        while let Some((ask, _)) = self.take(0) {
            self.tracker.abandon(ask.ticket, 1, self.now);
        }
    }

    fn take(&mut self, which: usize) -> Option<Out> {
        let len = self.out.len();
        (len > 0).then(|| self.out.swap_remove(which % len))
    }

    /// Polls once, and says whether there was something to ask.
    fn poll(&mut self) -> bool {
        let Some(ask) = self.tracker.poll(self.now) else {
            return false;
        };
        self.see();
        let (spent, quota) = (self.tracker.usage(), self.config.quota);
        // What others sent may have overdrawn it, but then nothing is asked.
        assert!(spent.requests <= quota.limit, "{spent:?}");
        if ask.question != Question::Renewal {
            let probes = spent.closed_at.is_some();
            let kept = quota.renewals.saturating_sub(spent.renewals);
            assert!(
                probes || spent.requests + kept <= quota.limit,
                "{spent:?} leaves too little for renewals"
            );
        }
        let (Question::Md5(_) | Question::Md5List(_)) = &ask.question else {
            self.out.push((ask, self.now));
            return true;
        };
        let about = subjects(&ask.question);
        assert!(about.len() <= 50);
        assert_eq!(about.iter().collect::<BTreeSet<_>>().len(), about.len());
        for md5 in &about {
            let known = self.open.get(md5).expect("asked about what is not open");
            // What was out when another worker finished it, days ago, was about another payment.
            let out = self.out.iter();
            let out = out.filter(|(_, asked_at)| Some(*asked_at) >= known.opened_at);
            let mut out = out.flat_map(|(ask, _)| subjects(&ask.question));
            assert!(!out.any(|other| other == *md5), "asked twice at once");
        }
        self.out.push((ask, self.now));
        true
    }

    fn answer(&mut self, ask: &Ask, asked_at: Timestamp, sent: u32, says: &Says) {
        let reply = match (&ask.question, says) {
            (Question::Renewal, Says::All(Err(class))) => Reply::Renewal(Err(*class)),
            (Question::Renewal, _) => Reply::Renewal(Ok(None)),
            (Question::Md5List(_), Says::All(Err(class))) => Reply::List(Err(*class)),
            (Question::Md5List(md5s), _) => {
                let mut items = Vec::new();
                for (at, md5) in md5s.iter().enumerate() {
                    let result = match says {
                        Says::All(result) => Some(*result),
                        Says::Each(each) => each.get(at).copied().flatten(),
                    };
                    items.extend(result.map(|result| (*md5, result.map(Answer::told))));
                }
                Reply::List(Ok(items))
            }
            (_, Says::All(result)) => Reply::Check(result.map(Answer::told)),
            (_, Says::Each(each)) => {
                let result = each.first().copied().flatten();
                let result = result.unwrap_or(Err(ErrorClass::Malformed));
                Reply::Check(result.map(Answer::told))
            }
        };
        self.note(&ask.question, &reply, asked_at);
        self.tracker.answer(ask.ticket, sent, reply, self.now);
        self.see();
    }

    /// Notes what was not found after the deadline.
    fn note(&mut self, question: &Question, reply: &Reply, asked_at: Timestamp) {
        let told: Vec<_> = match (question, reply) {
            (Question::Md5List(_), Reply::List(Ok(items))) => items
                .iter()
                .filter(|(_, result)| *result == Ok(CheckAnswer::NotFound))
                .map(|(md5, _)| Question::Md5(*md5))
                .collect(),
            (Question::Md5(_), Reply::Check(Ok(CheckAnswer::NotFound))) => vec![question.clone()],
            // What failed under a hash is another code.
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
                known.not_found_at_last.extend(told.iter().cloned());
            }
        }
    }

    /// Takes what changed, and holds it against what is known.
    fn see(&mut self) {
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
                    let amount = crate::desk::khr(10_000);
                    known.short_hash = short_hash.map(|hash| Question::ShortHash(hash, amount));
                }
                Change::Finished { md5, outcome, .. } => {
                    let known = self.open.remove(&md5).expect("it was open: it ends once");
                    if matches!(outcome, Outcome::Expired | Outcome::Cancelled) {
                        let by_md5 = Some(Question::Md5(md5));
                        let ways = [by_md5, known.hash.clone(), known.short_hash.clone()];
                        for way in ways.iter().flatten() {
                            assert!(known.not_found_at_last.contains(way), "{way:?} {known:?}");
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
        self.out.clear();
        let restored = sorted(self.tracker.snapshot());
        assert_eq!(restored.open, snapshot.open);
        assert_eq!(restored.finished, snapshot.finished);
        assert_eq!(restored.lists, snapshot.lists);
        let spent = snapshot.spent.unwrap();
        assert!(
            self.tracker.usage().requests == spent.requests || self.tracker.usage().day > spent.day
        );
    }

    /// From now on Bakong answers, and nobody pays: all become final, without spinning.
    fn finish_all(&mut self) {
        self.tracker.set_token(None, self.now);
        let not_found = Says::All(Ok(Answer::NotFound));
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
                assert!(at_once <= 5 * PAYMENTS, "it asks without end");
            }
            asked += at_once;
            if self.open.is_empty() {
                return;
            }
            let next = self
                .tracker
                .next_wakeup()
                .expect("something is open for ever");
            assert!(next > self.now, "it spins: {next:?}");
            self.now = next;
            wakeups += 1;
            assert!(
                wakeups <= MOST_WAKEUPS + 3 * asked,
                "{wakeups} wake-ups for {asked} requests"
            );
        }
    }
}

/// How often it may wake for nothing until all is over: it looks each quarter of an hour whether a request is
/// free, and a code lives for two days.
const MOST_WAKEUPS: u32 = 1_000;

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
    fn all_become_final_whatever_happens(
        config in configs(),
        happenings in prop::collection::vec(events(), 0..150),
    ) {
        let mut world = World::new(config);
        for event in happenings {
            world.happen(event);
        }
        // One that was killed here comes to the same end.
        let mut killed = world.clone();
        killed.restart();
        let open: Vec<_> = world.open.keys().copied().collect();
        world.give_up();
        world.finish_all();
        killed.finish_all();
        for md5 in open {
            let (lived, killed) = (world.finished.get(&md5), killed.finished.get(&md5));
            // A hash that found something would find it again, but here Bakong contradicts itself.
            let is_by_hash = matches!(lived, Some(Outcome::NeedsReview { mismatches, .. })
                if mismatches.contains(&Mismatch::OtherCode));
            prop_assert!(lived == killed || is_by_hash, "{lived:?} {killed:?}");
        }
    }
}
