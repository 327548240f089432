//! Checks the guarantees of `bakong-flow` after every step.
//!
//! The messages begin with the numbers of the guarantees on the crate page.

mod ended;
mod quota_replies;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::{Amount, Currency, Md5Handle, Timestamp};
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass};
use bakong_flow::{Change, ListItem, Mismatch, Outcome, Question, Quota, Reply};

use self::quota_replies::QuotaReplies;
use crate::bakong::{md5, order_of, transfer_of};
use crate::customers::{Order, Transfer};
use crate::scenario::{Faults, Lists, Scenario};
use crate::{DAY, START};

/// By how many milliseconds a shop with a wrong clock may misjudge the pause of two hours after error code 17.
///
/// An answer takes at most 900 ms, and its `Date` has no fractions of a second (999 ms). So one answer tells Bakong's time
/// to within 1,899 ms. `ServerTime` allows for a drift of 200 parts per million, which is 1,440 ms in two hours.
const ESTIMATE_SLACK: u64 = 900 + 999 + 1_440;

/// A record of the payments and of the shop's requests.
#[derive(Debug)]
pub struct Oracle {
    scenario: Scenario,
    quota: Quota,
    /// The orders, and the actions of their customers.
    pub orders: Vec<Order>,
    /// The record of each order.
    pub known: Vec<Known>,
    /// The requests in flight.
    in_flight: HashMap<u64, Question>,
    asked_about: HashSet<Md5Handle>,
    /// The day that error code 17 closed, and the time when the day was closed, as persisted.
    closed: Option<(u64, u64)>,
    /// The replies about the quota, with times from a clock that is always correct.
    quota_replies: QuotaReplies,
    settled_orders: HashSet<String>,
    /// The transactions that were found: the number of the order and of its transfer.
    found: HashSet<(usize, usize)>,
    /// When the last list was sent.
    last_list_at: Option<u64>,
}

/// The record of a payment.
#[derive(Clone, Default, Debug)]
pub struct Known {
    /// Whether the payment was accepted, so that its code is shown.
    pub is_accepted: bool,
    /// Whether the payment was refused for lack of quota.
    pub is_refused: bool,
    /// Whether the order was cancelled.
    pub is_cancelled: bool,
    /// The lookups by hash that the shop can make.
    hashes: Vec<Question>,
    /// The lookups that found nothing after the deadline.
    not_found_at_last: Vec<Question>,
    /// The outcome, and when it was persisted.
    pub outcome: Option<(Outcome, u64)>,
}

impl Oracle {
    /// Creates an empty record.
    #[must_use]
    pub fn new(scenario: Scenario, quota: Quota, orders: Vec<Order>) -> Self {
        Self {
            scenario,
            quota,
            known: vec![Known::default(); orders.len()],
            orders,
            in_flight: HashMap::new(),
            asked_about: HashSet::new(),
            closed: None,
            quota_replies: QuotaReplies::new(scenario.faults.skew.is_some()),
            settled_orders: HashSet::new(),
            found: HashSet::new(),
            last_list_at: None,
        }
    }

    /// The payment was refused for lack of quota, after `sent` requests of the day.
    pub fn refused(&mut self, number: usize, sent: u32, now: u64) {
        self.known[number].is_refused = true;
        let is_quiet = self.scenario.faults == Faults::NONE && self.is_as_assumed();
        if self.scenario.lists != Lists::Refused || !is_quiet {
            return;
        }
        // Without faults and lists, the spent and reserved requests must make up the quota, with the request for the
        // first list of a day.
        let day = |order: &Order| (order.deadline() - START) / DAY;
        let today = (now - START) / DAY;
        let on_that_day = day(&self.orders[number]);
        let is_open = |known: &Known| known.is_accepted && known.outcome.is_none();
        let open = self.orders.iter().zip(&self.known);
        let reserved = open
            .filter(|(order, known)| is_open(known) && day(order) == on_that_day)
            .count();
        let reserved = u32::try_from(reserved).unwrap_or(u32::MAX);
        let spent = if on_that_day == today { sent } else { 0 };
        let kept = self
            .last_list_at
            .is_none_or(|at| now.saturating_sub(at) >= DAY);
        assert!(
            spent + reserved + self.quota.renewals + u32::from(kept) >= self.quota.limit,
            "3: order {number} was refused with {spent} requests spent and {reserved} reserved"
        );
    }

    /// The shop is about to persist and send a request.
    ///
    /// `now` is the time on the shop's clock, `right_now` the time on a correct clock.
    pub fn polled(&mut self, question: &Question, now: u64, right_now: u64) {
        let slack = self.scenario.faults.skew.map_or(0, |_| ESTIMATE_SLACK);
        let probe_after = millis(self.quota.probe_after) - slack;
        self.quota_replies.polled(now, right_now, probe_after);
        if let Question::Md5List(_) = question {
            self.last_list_at = Some(now);
        }
        // The persisted times come from the shop's clock, so this check requires a correct clock.
        let faults = self.scenario.faults;
        if !(faults.turns || faults.clock || faults.skew.is_some())
            && let Some((day, at)) = self.closed
            && day == (now - START) / DAY
        {
            let pause = millis(self.quota.probe_after);
            assert!(
                now >= at + pause,
                "4: a request at {now} after the window was closed at {at}"
            );
        }
        for md5 in subjects(question) {
            let known = &self.known[order_of(md5)];
            assert!(
                known.is_accepted,
                "a request about a payment that was not accepted"
            );
            assert!(
                known.outcome.is_none(),
                "6: a request about a final payment"
            );
            assert!(
                !self.asked_about.contains(md5),
                "6: two requests about one payment"
            );
        }
    }

    /// The request was sent as request `number`.
    pub fn sent(&mut self, number: u64, question: Question) {
        self.asked_about.extend(subjects(&question));
        self.in_flight.insert(number, question);
    }

    /// The reply to request `number` arrived.
    pub fn answered(&mut self, number: u64, asked_at: u64, reply: &Reply) {
        let Some(question) = self.in_flight.remove(&number) else {
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
            if asked_at >= self.orders[order].deadline() && result == Ok(CheckAnswer::NotFound) {
                self.known[order].not_found_at_last.push(Question::Md5(md5));
            }
        }
        if let (Question::Hash(_) | Question::ShortHash(..), Reply::Check(Ok(answer))) =
            (&question, reply)
            && *answer == CheckAnswer::NotFound
        {
            for (order, known) in self.orders.iter().zip(&mut self.known) {
                if asked_at >= order.deadline() && known.hashes.contains(&question) {
                    known.not_found_at_last.push(question.clone());
                }
            }
        }
    }

    /// Request `number` is about to be sent.
    pub fn asked(&mut self, number: u64, now: u64, right_now: u64) {
        self.quota_replies.asked(number, now, right_now);
    }

    /// The shop processed the reply to request `number`, and persisted its changes.
    pub fn learned(&mut self, number: u64, class: Option<ErrorClass>, now: u64) {
        self.quota_replies.learned(number, class, now);
    }

    /// The shop's clock was set ahead.
    pub const fn clock_set_ahead(&mut self, by: u64) {
        self.quota_replies.clock_set_ahead(by);
    }

    /// The process was killed, and its requests are lost.
    pub fn crashed(&mut self) {
        self.in_flight.clear();
        self.asked_about.clear();
    }

    /// The store accepted these changes.
    pub fn persisted(&mut self, changes: &[Change], now: u64) {
        for change in changes {
            match change {
                Change::Opened { payment, .. } => {
                    self.known[order_of(&payment.md5)].is_accepted = true;
                }
                Change::Learned {
                    md5,
                    hash,
                    short_hash,
                } => {
                    let order = order_of(md5);
                    let amount = Amount::from_minor_units(self.orders[order].amount, Currency::Khr);
                    let by_hash = hash.clone().map(Question::Hash);
                    let by_short = short_hash.clone();
                    let by_short = by_short.map(|hash| Question::ShortHash(hash, amount));
                    self.known[order].hashes = by_hash.into_iter().chain(by_short).collect();
                }
                Change::PaidAgain {
                    md5,
                    transaction,
                    hash,
                    ..
                } => {
                    let hash = hash.as_ref().map(|hash| hash.as_str().to_owned());
                    let found = transaction.as_ref().and_then(|found| found.hash.as_deref());
                    let again = hash.or(found.map(str::to_owned));
                    let known = &self.known[order_of(md5)];
                    let first = known.outcome.as_ref().and_then(|(outcome, _)| {
                        outcome.transaction()?.hash.as_deref().map(str::to_owned)
                    });
                    assert!(
                        again.is_some() && again != first,
                        "the second transaction equals the first"
                    );
                }
                Change::Cancelled { md5 } => self.known[order_of(md5)].is_cancelled = true,
                Change::Finished {
                    md5,
                    order,
                    outcome,
                    ..
                } => self.finished(order_of(md5), order.as_str(), outcome, now),
                Change::Quota(usage) => {
                    self.quota_replies.persisted(usage.window);
                    assert!(
                        usage.requests <= self.quota.limit,
                        "4: {usage:?} exceeds the quota"
                    );
                    self.closed = usage
                        .closed_at
                        .map(Timestamp::as_millis)
                        .map(|at| ((at - START) / DAY, at));
                }
                _ => {}
            }
        }
    }

    fn finished(&mut self, at: usize, id: &str, outcome: &Outcome, now: u64) {
        let order = &self.orders[at];
        let deadline = order.deadline();
        let known = &mut self.known[at];
        assert!(known.outcome.is_none(), "2: order {at} was finished twice");
        known.outcome = Some((outcome.clone(), now));
        let money = outcome.transaction().map(|transaction| {
            let hash = transaction.hash.as_deref().unwrap_or_default();
            let found = transfer_of(hash);
            let transfer =
                found.and_then(|(of, number)| self.orders.get(of)?.transfers.get(number));
            let (Some(found), Some(transfer)) = (found, transfer) else {
                panic!("5: order {at} has an unknown transaction: {transaction:?}");
            };
            let by_hash = known.hashes.iter().any(|question| match question {
                Question::Hash(known) => known.as_str() == hash,
                Question::ShortHash(known, _) => hash.starts_with(known.as_str()),
                _ => false,
            });
            assert!(
                by_hash || found == (at, 0),
                "5: order {at} got the transaction of {found:?}"
            );
            (found, *transfer)
        });
        let is_right = |transfer: Transfer| {
            transfer.amount == order.amount
                && transfer.to_shop
                && transfer.currency == Currency::Khr
        };
        match outcome {
            Outcome::Expired | Outcome::Cancelled => {
                let by_md5 = Question::Md5(md5(at));
                for question in std::iter::once(&by_md5).chain(&known.hashes) {
                    assert!(
                        known.not_found_at_last.contains(question),
                        "1, 3: order {at} became {} without an answer to {question:?} after its deadline",
                        outcome.name()
                    );
                }
                assert_eq!(
                    matches!(outcome, Outcome::Cancelled),
                    known.is_cancelled,
                    "order {at}"
                );
            }
            Outcome::Paid { late, .. } => {
                let Some((found, transfer)) = money else {
                    return;
                };
                assert!(
                    is_right(transfer) && found.0 == at && !order.by_another_code,
                    "5: order {at} was settled by {found:?}, {transfer:?}"
                );
                assert_eq!(*late, transfer.created_at > deadline, "5: order {at}");
                assert!(!known.is_cancelled, "order {at} was cancelled");
                assert!(
                    self.found.insert(found),
                    "2: a transaction settled two orders"
                );
                assert!(
                    self.settled_orders.insert(id.to_owned()),
                    "2: order {id} was settled twice"
                );
            }
            Outcome::NeedsReview { mismatches, .. } => {
                let Some((found, transfer)) = money else {
                    return;
                };
                let is_cancelled = known.is_cancelled;
                let is_settled = self.settled_orders.contains(id);
                let is_taken = self.found.contains(&found);
                // The clocks may differ by minutes.
                let is_early = transfer.created_at < order.at;
                let excused = mismatches.iter().any(|why| match why {
                    Mismatch::Cancelled => is_cancelled,
                    Mismatch::OrderSettled => is_settled,
                    Mismatch::SettledAnother { .. } => is_taken,
                    Mismatch::BeforeOpened => is_early,
                    // The MD5 finds the payments of this code.
                    Mismatch::OtherCode => found.0 != at || order.by_another_code,
                    _ => false,
                });
                assert!(
                    !is_right(transfer) || excused,
                    "5: order {at} needed no review"
                );
                if !mismatches.contains(&Mismatch::OtherCode) {
                    self.found.insert(found);
                }
            }
            Outcome::Failed => assert!(order.fails, "order {at} did not fail"),
            other => panic!("order {at} ended as {other:?}"),
        }
    }

    /// Whether the quota is at least what the shop assumes.
    const fn is_as_assumed(&self) -> bool {
        self.scenario.others == 0 && self.scenario.limit >= self.quota.limit
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
