//! Holds what the shop does against what is true, after every step.
//!
//! The numbers are those of the seven guarantees of `bakong-flow`.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bakong_flow::bakong_api::CheckAnswer;
use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::{Change, ListItem, Mismatch, Outcome, Policy, Question, Quota, Reply};

use crate::bakong::order_of;
use crate::customers::{Order, Transfer};
use crate::{CODE_LIFE, DAY, START};

/// What is known of the payments, and what was seen of the shop.
#[derive(Debug)]
pub struct Oracle {
    policy: Policy,
    quota: Quota,
    /// What is known of each order.
    pub known: Vec<Known>,
    /// What requests that are out ask about.
    out: HashMap<u64, Question>,
    asked_about: HashSet<Md5Handle>,
    /// The day that was closed by a 17, and when, as persisted.
    closed: Option<(u64, u64)>,
    settled_orders: HashSet<String>,
    used_hashes: HashSet<String>,
}

/// What is known of an order's payment.
#[derive(Clone, Default, Debug)]
pub struct Known {
    /// Whether its code was shown.
    pub is_accepted: bool,
    /// Whether it was refused for want of requests.
    pub is_refused: bool,
    /// Whether the order was cancelled.
    pub is_cancelled: bool,
    /// Whether Bakong, asked after the deadline, said that it knows of no payment.
    was_not_found_at_last: bool,
    /// How it ended, and when that was persisted.
    pub outcome: Option<(Outcome, u64)>,
}

impl Oracle {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(policy: Policy, quota: Quota, orders: usize) -> Self {
        Self {
            policy,
            quota,
            known: vec![Known::default(); orders],
            out: HashMap::new(),
            asked_about: HashSet::new(),
            closed: None,
            settled_orders: HashSet::new(),
            used_hashes: HashSet::new(),
        }
    }

    /// The moment from which on the last check of an order counts.
    #[must_use]
    pub fn deadline(&self, order: &Order) -> u64 {
        order.at + CODE_LIFE + millis(self.policy.grace.after_expiry)
    }

    /// The shop is about to persist and send this.
    pub fn asks(&mut self, question: &Question, now: u64) {
        if let Some((day, at)) = self.closed
            && day == (now - START) / DAY
        {
            let pause = millis(self.quota.probe_after);
            assert!(
                now >= at + pause,
                "4: asked at {now} though the day was closed at {at}"
            );
        }
        for md5 in subjects(question) {
            let known = &self.known[order_of(md5)];
            assert!(known.is_accepted, "asked about what was never shown");
            assert!(known.outcome.is_none(), "6: asked about a final payment");
            assert!(
                !self.asked_about.contains(md5),
                "6: asked twice at once about one payment"
            );
        }
    }

    /// It was sent, and has this number.
    pub fn sent(&mut self, number: u64, question: Question) {
        self.asked_about.extend(subjects(&question));
        self.out.insert(number, question);
    }

    /// The answer to the request of this number came.
    pub fn answered(&mut self, number: u64, asked_at: u64, reply: &Reply, orders: &[Order]) {
        let Some(question) = self.out.remove(&number) else {
            return;
        };
        for md5 in subjects(&question) {
            self.asked_about.remove(md5);
        }
        let items: Vec<ListItem> = match (&question, reply) {
            (Question::Md5(md5), Reply::Check(result)) => vec![(*md5, result.clone())],
            (Question::Md5List(_), Reply::List(Ok(items))) => items.clone(),
            _ => Vec::new(),
        };
        for (md5, result) in items {
            let order = order_of(&md5);
            if asked_at >= self.deadline(&orders[order]) && result == Ok(CheckAnswer::NotFound) {
                self.known[order].was_not_found_at_last = true;
            }
        }
    }

    /// The process was killed: nobody waits for what is out.
    pub fn crashed(&mut self) {
        self.out.clear();
        self.asked_about.clear();
    }

    /// These changes were persisted.
    pub fn persisted(&mut self, changes: &[Change], orders: &[Order], now: u64) {
        for change in changes {
            match change {
                Change::Opened { payment, .. } => {
                    self.known[order_of(&payment.md5)].is_accepted = true;
                }
                Change::Cancelled { md5 } => self.known[order_of(md5)].is_cancelled = true,
                Change::Finished {
                    md5,
                    order,
                    outcome,
                    ..
                } => self.finished(order_of(md5), order.as_str(), outcome, orders, now),
                Change::Quota(spent) => {
                    assert!(
                        spent.requests <= self.quota.per_day,
                        "4: {spent:?} overdraws the quota"
                    );
                    self.closed = spent
                        .closed_at
                        .map(Timestamp::as_millis)
                        .map(|at| ((at - START) / DAY, at));
                }
                _ => {}
            }
        }
    }

    fn finished(&mut self, at: usize, id: &str, outcome: &Outcome, orders: &[Order], now: u64) {
        let (order, deadline) = (&orders[at], self.deadline(&orders[at]));
        let known = &mut self.known[at];
        assert!(known.outcome.is_none(), "2: order {at} was finished twice");
        known.outcome = Some((outcome.clone(), now));
        match outcome {
            Outcome::Expired | Outcome::Cancelled => {
                assert!(
                    known.was_not_found_at_last,
                    "1, 3: order {at} was called {} without an answer after its deadline",
                    outcome.name()
                );
                assert_eq!(
                    matches!(outcome, Outcome::Cancelled),
                    known.is_cancelled,
                    "order {at}"
                );
            }
            Outcome::Paid { transaction, late } => {
                let transfer = first_transfer(order);
                assert!(
                    transfer.amount == order.amount
                        && transfer.to_shop
                        && transfer.currency.alphabetic_code() == "KHR",
                    "5: order {at} was settled by {transfer:?}"
                );
                assert_eq!(*late, transfer.created_at > deadline, "5: order {at}");
                assert!(!known.is_cancelled, "order {at} was cancelled");
                let hash = transaction.hash.as_deref().unwrap_or_default().to_owned();
                assert!(
                    self.used_hashes.insert(hash),
                    "2: a transaction settled two orders"
                );
                assert!(
                    self.settled_orders.insert(id.to_owned()),
                    "2: order {id} was settled twice"
                );
            }
            Outcome::NeedsReview { mismatches, .. } => {
                let transfer = first_transfer(order);
                let is_right = transfer.amount == order.amount
                    && transfer.to_shop
                    && transfer.currency.alphabetic_code() == "KHR";
                let is_cancelled = known.is_cancelled;
                let is_settled = self.settled_orders.contains(id);
                let excused = mismatches.iter().any(|why| match why {
                    Mismatch::Cancelled => is_cancelled,
                    Mismatch::OrderSettled => is_settled,
                    _ => false,
                });
                assert!(!is_right || excused, "5: order {at} needed no review");
            }
            Outcome::Failed => assert!(order.fails, "order {at} did not fail"),
            other => panic!("order {at} ended as {other:?}"),
        }
    }

    /// All is over: nothing was lost.
    pub fn ended(&self, orders: &[Order]) {
        for (at, known) in self.known.iter().enumerate() {
            let order = &orders[at];
            if !known.is_accepted {
                assert!(known.outcome.is_none(), "order {at} was never opened");
                continue;
            }
            let Some((outcome, _)) = &known.outcome else {
                panic!("3: order {at} never got its last check");
            };
            let deadline = self.deadline(order);
            let paid_in_time = order
                .transfers
                .iter()
                .any(|transfer| transfer.visible_at < deadline);
            let is_unpaid = matches!(outcome, Outcome::Expired | Outcome::Cancelled);
            assert!(
                !(paid_in_time && is_unpaid),
                "1: order {at} was paid and called {}",
                outcome.name()
            );
        }
    }
}

/// The transfer that Bakong tells of.
fn first_transfer(order: &Order) -> Transfer {
    match order.transfers.first() {
        Some(transfer) => *transfer,
        None => panic!("5: nobody paid this order"),
    }
}

fn subjects(question: &Question) -> &[Md5Handle] {
    match question {
        Question::Md5(md5) => std::slice::from_ref(md5),
        Question::Md5List(md5s) => md5s,
        _ => &[],
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
