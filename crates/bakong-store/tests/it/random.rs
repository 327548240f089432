//! Random batches on any store, compared with the in-memory store.

use std::time::Duration;

use bakong_flow::bakong_api::ShortHash;
use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::quota::{WindowIndex, WindowUsage};
use bakong_flow::store::contract::sample::{
    after, hash, md5, needs_review, order, paid, payment, reference, transaction,
    transaction_with_hash,
};
use bakong_flow::store::{
    Acquired, Batch, Command, CommandId, CommandResult, Decision, Epoch, EventId, Exchange,
    PaymentKey, Resolution, WorkerId,
};
use bakong_flow::tracker::ListStatus;
use bakong_flow::{Change, MemoryStore, Outcome, PaymentStore, Policy};
use proptest::prelude::*;

const PAYMENTS: u32 = 8;
const TERM: Duration = Duration::from_secs(3_600);

/// One step of a worker or a person.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Commit {
        changes: Vec<Change>,
        /// The results of commands, by the command's place among all that were submitted.
        results: Vec<(usize, CommandResult)>,
        exchanges: usize,
        /// Whether the answer is lost, so that the batch is committed again.
        repeat: bool,
    },
    /// Another worker takes the lease over.
    Acquire,
    /// The process ends without closing the store.
    Reopen,
    Submit {
        key: u8,
        number: u32,
    },
    Withdraw(usize),
    Resolve {
        number: u32,
        accept: bool,
    },
    Acknowledge(i64),
}

/// Payment `number` is always of the same order, as a tracker guarantees.
fn order_of(number: u32) -> u32 {
    number % 3
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => (0u32..6).prop_map(paid),
        1 => (0u32..6).prop_map(|number| Outcome::Paid {
            transaction: Box::new(transaction_with_hash(&hash(number + 10).to_uppercase())),
            late: true,
        }),
        3 => (0u32..6).prop_map(needs_review),
        1 => Just(Outcome::Failed),
        1 => Just(Outcome::StaticQr),
        1 => Just(Outcome::Expired),
        1 => Just(Outcome::Cancelled),
    ]
}

fn policies() -> impl Strategy<Value = Policy> {
    prop_oneof![
        Just(Policy::COUNTER),
        Just(Policy::INVOICE),
        (0u64..u64::MAX).prop_map(|nanos| {
            let mut policy = Policy::WEB_SHOP;
            policy.schedule.first = Duration::from_nanos(nanos);
            policy
        }),
    ]
}

fn times() -> impl Strategy<Value = Timestamp> {
    (0u64..10_000).prop_map(after)
}

fn changes() -> impl Strategy<Value = Change> {
    let number = 0..PAYMENTS;
    let short = || ShortHash::new("8465d722").unwrap();
    let opened = (number.clone(), policies(), times(), any::<[bool; 4]>()).prop_map(
        move |(number, policy, at, [details, metadata, hash, short_hash])| {
            let mut payment = payment(number, order_of(number));
            payment.details = payment.details.filter(|_| details);
            if let Some(details) = payment.details.as_mut().filter(|_| !metadata) {
                details.metadata = None;
            }
            payment.hash = hash.then(|| reference(number));
            payment.short_hash = short_hash.then(short);
            Change::Opened {
                payment: Box::new(payment),
                policy,
                at,
            }
        },
    );
    let finished =
        (number.clone(), outcomes(), times()).prop_map(|(number, outcome, at)| Change::Finished {
            md5: md5(number),
            order: order(order_of(number)),
            outcome,
            at,
        });
    let usage = (0u64..4, 0u32..100, 0u32..9, prop::option::of(times())).prop_map(
        |(window, requests, demand, closed_at)| {
            let mut usage = WindowUsage::unused(WindowIndex::new(window));
            usage.requests = requests;
            usage.demand = demand;
            usage.closed_at = closed_at;
            Change::Quota(usage)
        },
    );
    let learned = (number.clone(), any::<[bool; 2]>()).prop_map(move |(number, [full, part])| {
        Change::Learned {
            md5: md5(number),
            hash: full.then(|| reference(number + 20)),
            short_hash: part.then(short),
        }
    });
    let again = (number.clone(), any::<bool>(), times()).prop_map(|(number, known, at)| {
        Change::PaidAgain {
            md5: md5(number),
            order: order(order_of(number)),
            transaction: known.then(|| Box::new(transaction(number))),
            hash: (!known).then(|| reference(number)),
            at,
        }
    });
    let asked = (number.clone(), times()).prop_map(|(number, at)| Change::Asked {
        md5: md5(number),
        at,
    });
    let lists = prop_oneof![
        Just(ListStatus::Untried),
        Just(ListStatus::Work),
        times().prop_map(ListStatus::RefusedUntil),
        Just(ListStatus::Off),
    ];
    prop_oneof![
        6 => opened,
        6 => finished,
        1 => usage,
        1 => learned,
        1 => again,
        1 => asked,
        1 => lists.prop_map(Change::ListStatus),
        1 => number.clone().prop_map(|number| Change::Cancelled { md5: md5(number) }),
        1 => number.clone().prop_map(|number| Change::Withdrawn { md5: md5(number) }),
        1 => (number, times()).prop_map(|(number, next)| Change::NotPaidYet { md5: md5(number), next }),
    ]
}

/// Returns a list of steps.
pub(crate) fn all_steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(steps(), 1..40)
}

fn steps() -> impl Strategy<Value = Step> {
    let results = prop::collection::vec((0usize..8, Just(CommandResult::Done)), 0..3);
    let batch = (
        prop::collection::vec(changes(), 0..12),
        results,
        0usize..3,
        prop::bool::weighted(0.2),
    );
    prop_oneof![
        8 => batch.prop_map(|(changes, results, exchanges, repeat)| Step::Commit {
            changes,
            results,
            exchanges,
            repeat,
        }),
        1 => Just(Step::Acquire),
        2 => Just(Step::Reopen),
        2 => (0u8..6, 0..PAYMENTS).prop_map(|(key, number)| Step::Submit { key, number }),
        1 => (0usize..8).prop_map(Step::Withdraw),
        2 => (0..PAYMENTS, any::<bool>()).prop_map(|(number, accept)| Step::Resolve { number, accept }),
        1 => (0i64..20).prop_map(Step::Acknowledge),
    ]
}

/// The data of one registration.
#[async_trait::async_trait]
pub(crate) trait Engine: Send + Sync {
    /// Opens the data, as a new process does.
    async fn open(&self) -> Box<dyn PaymentStore>;
}

/// Plays `steps` on the store and on an in-memory store, and compares them.
pub(crate) async fn compare_with_memory(engine: &dyn Engine, steps: &[Step]) {
    let mut pair = Pair::new(engine).await;
    for step in steps {
        pair.play(step).await;
    }
    pair.compare().await;
    pair.stores[1] = engine.open().await;
    pair.compare().await;
}

/// Both stores, and the state of the worker that leads.
struct Pair<'e> {
    engine: &'e dyn Engine,
    /// The in-memory store, and the other one.
    stores: [Box<dyn PaymentStore>; 2],
    epochs: [Epoch; 2],
    sequence: u64,
    workers: u32,
    /// The ids of each command in both stores.
    commands: Vec<[CommandId; 2]>,
}

impl<'e> Pair<'e> {
    async fn new(engine: &'e dyn Engine) -> Self {
        let mut pair = Self {
            engine,
            stores: [Box::new(MemoryStore::new()), engine.open().await],
            epochs: [Epoch::ALONE; 2],
            sequence: 0,
            workers: 0,
            commands: Vec::new(),
        };
        pair.acquire().await;
        pair
    }

    async fn acquire(&mut self) {
        for (index, store) in self.stores.iter().enumerate() {
            store.release(self.epochs[index]).await.unwrap();
            let worker = WorkerId::new(&format!("worker {}", self.workers));
            let acquired = store.acquire(&worker, TERM).await.unwrap();
            let Acquired::Leader(epoch) = acquired else {
                panic!("the lease was released");
            };
            self.epochs[index] = epoch;
        }
        self.workers += 1;
        self.sequence = 0;
    }

    /// Runs `step` on both stores, which must answer the same.
    async fn play(&mut self, step: &Step) {
        match step {
            Step::Commit {
                changes,
                results,
                exchanges,
                repeat,
            } => {
                let results = [0, 1].map(|store| {
                    let known = |(index, result): &(usize, CommandResult)| {
                        Some((self.commands.get(*index)?[store], *result))
                    };
                    results.iter().filter_map(known).collect::<Vec<_>>()
                });
                let exchanges: Vec<_> = (0..*exchanges).map(exchange).collect();
                self.sequence += 1;
                for _ in 0..=usize::from(*repeat) {
                    let mut answers = Vec::new();
                    for (index, store) in self.stores.iter().enumerate() {
                        let batch = Batch::new(self.epochs[index], self.sequence)
                            .with_changes(changes)
                            .with_results(&results[index])
                            .with_exchanges(&exchanges);
                        answers.push(store.commit(&batch).await.unwrap());
                    }
                    assert_eq!(answers[0], answers[1]);
                }
            }
            Step::Acquire => self.acquire().await,
            Step::Reopen => self.stores[1] = self.engine.open().await,
            Step::Submit { key, number } => {
                let command = Command::Open {
                    payment: Box::new(payment(*number, order_of(*number))),
                    policy: Policy::COUNTER,
                };
                let key = key.to_string();
                let [first, second] = &self.stores;
                let id = first.submit(&key, &command).await.unwrap();
                let ids = [id, second.submit(&key, &command).await.unwrap()];
                match self.commands.iter().find(|known| known[0] == id) {
                    Some(known) => assert_eq!(*known, ids),
                    None => self.commands.push(ids),
                }
            }
            Step::Withdraw(index) => {
                if let Some(id) = self.commands.get(*index) {
                    let [first, second] = &self.stores;
                    let result = first.withdraw(id[0]).await.unwrap();
                    assert_eq!(second.withdraw(id[1]).await.unwrap(), result);
                }
            }
            Step::Resolve { number, accept } => {
                let resolution = {
                    let decision = if *accept {
                        Decision::Accept
                    } else {
                        Decision::Reject
                    };
                    Resolution::new(decision, "ok 'បាទ'", "sokha", after(20_000))
                };
                let [first, second] = &self.stores;
                let result = first.resolve(&md5(*number), &resolution).await.unwrap();
                let same = second.resolve(&md5(*number), &resolution).await.unwrap();
                assert_eq!(result, same);
            }
            Step::Acknowledge(through) => {
                for store in &self.stores {
                    let events = store.events_after(EventId::START, 1_000).await.unwrap();
                    let last = i64::try_from(events.len()).unwrap();
                    let through = EventId::new((*through).min(last));
                    store.acknowledge("receipts", through).await.unwrap();
                }
            }
        }
    }

    /// Compares everything that the stores return.
    async fn compare(&self) {
        let [first, second] = &self.stores;
        for since in [0, 5_000] {
            let since = if since == 0 {
                Timestamp::from_millis(0)
            } else {
                after(since)
            };
            let [first, second] = [first.load(since).await, second.load(since).await];
            assert_eq!(first.unwrap(), second.unwrap());
        }
        let [all, same] = [first, second].map(|store| store.events_after(EventId::START, 1_000));
        assert_eq!(all.await.unwrap(), same.await.unwrap());
        let md5s = (0..PAYMENTS).map(|number| PaymentKey::Md5(md5(number)));
        let orders = (0..3).map(|number| PaymentKey::Order(order(number)));
        for key in md5s.chain(orders) {
            let found = first.find(&key).await.unwrap();
            assert_eq!(second.find(&key).await.unwrap(), found);
        }
        let [mut pending, same] = [
            first.pending(100).await.unwrap(),
            second.pending(100).await.unwrap(),
        ];
        for (id, _) in &mut pending {
            let ids = self.commands.iter().find(|ids| ids[0] == *id);
            *id = ids.unwrap()[1];
        }
        assert_eq!(pending, same);
        for id in &self.commands {
            let result = first.result(id[0]).await.unwrap();
            assert_eq!(second.result(id[1]).await.unwrap(), result);
        }
        let [position, same] = [first, second].map(|store| store.acknowledged("receipts"));
        assert_eq!(position.await.unwrap(), same.await.unwrap());
    }
}

fn exchange(number: usize) -> Exchange {
    let (id, endpoint) = (format!("request {number}"), "check_transaction_by_md5");
    let mut exchange = Exchange::new(id, endpoint, after(1));
    exchange.md5 = (number == 0).then(|| Md5Handle::of("code"));
    exchange.status = Some(200);
    exchange.response_code = Some(0);
    exchange.duration = Duration::from_micros(123_456);
    exchange
}
