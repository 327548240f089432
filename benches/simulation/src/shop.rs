//! The shop's process: a tracker with a store, which is sometimes killed.

use std::collections::HashMap;

use bakong_flow::bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Timestamp};
use bakong_flow::bakong_api::{ErrorClass, TransactionHash};
use bakong_flow::tracker::ListStatus;
use bakong_flow::{
    Ask, Change, Config, Expected, OpenError, OrderId, Payment, Quota, Reply, Ticket, Tracker,
};
use fastrand::Rng;

use crate::bakong::{hash, md5};
use crate::oracle::Oracle;
use crate::scenario::{Renewal, Scenario};
use crate::store::{KilledInCommit, ShopStore, StoreKind};

/// The process was killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Killed;

/// A process, and the store that survives it.
#[derive(Debug)]
pub struct Shop {
    scenario: Scenario,
    config: Config,
    random: Rng,
    tracker: Option<Tracker>,
    store: Box<dyn ShopStore>,
    tickets: HashMap<u64, (Ticket, u64)>,
    recipient: AccountIdBuf,
    /// The time on a clock that is right, if the shop's own differs from it unpredictably.
    right_now: Option<u64>,
}

impl Shop {
    /// Starts a shop with an empty store.
    ///
    /// # Panics
    /// Never: the account is valid.
    #[must_use]
    pub fn new(scenario: Scenario, store: StoreKind, now: u64) -> Self {
        let mut config = Config::DEFAULT;
        config.renewable = scenario.faults.token == Some(Renewal::Works);
        let Ok(recipient) = AccountIdBuf::new("sokha@devb") else {
            panic!("an account");
        };
        Self {
            scenario,
            config,
            random: Rng::with_seed(scenario.seed ^ 0x7368_6f70),
            tracker: Some(Tracker::new(config, moment(now))),
            store: store.create(&scenario),
            tickets: HashMap::new(),
            recipient,
            right_now: None,
        }
    }

    /// Returns the quota that the shop assumes.
    #[must_use]
    pub const fn quota(&self) -> Quota {
        self.config.quota
    }

    /// Whether the process is running.
    #[must_use]
    pub const fn runs(&self) -> bool {
        self.tracker.is_some()
    }

    /// Whether no payment is open and no request is in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.tracker
            .as_ref()
            .is_some_and(|tracker| tracker.open_payments() == 0 && tracker.in_flight() == 0)
    }

    /// Sets the time by which the oracle judges the shop, instead of the time on the shop's clock.
    pub const fn set_right_now(&mut self, now: u64) {
        self.right_now = Some(now);
    }

    fn oracle_time(&self, now: u64) -> u64 {
        self.right_now.unwrap_or(now)
    }

    /// Starts the process again from its store.
    pub fn restart(&mut self, token_ends_at: Option<u64>, now: u64) {
        let snapshot = self.store.reopen();
        let open = snapshot.open.len();
        let mut tracker = Tracker::restore(self.config, snapshot, moment(now));
        assert_eq!(tracker.open_payments(), open, "7: an open payment is lost");
        tracker.set_token(token_ends_at.map(moment), moment(now));
        self.tracker = Some(tracker);
    }

    /// Checks the store at the end.
    pub fn check_store(&mut self) {
        self.store.check();
    }

    /// Sets a new token.
    pub fn set_token(&mut self, now: u64) {
        if let Some(tracker) = &mut self.tracker {
            tracker.set_token(None, moment(now));
        }
    }

    /// Opens the payment of an order.
    ///
    /// # Errors
    /// [`Killed`] if the process is killed.
    pub fn open(&mut self, number: usize, oracle: &mut Oracle, now: u64) -> Result<(), Killed> {
        let order = &oracle.orders[number];
        let Some(tracker) = &mut self.tracker else {
            return Ok(());
        };
        let id = if order.is_second_code {
            number - 1
        } else {
            number
        };
        let Ok(id) = OrderId::new(&format!("order {id}")) else {
            panic!("an id");
        };
        let amount = Amount::from_minor_units(order.amount, Currency::Khr);
        let expected = Expected::new(amount, self.recipient.clone());
        let expires_at = moment(order.at + order.life);
        let payment = Payment::new(id, md5(number), expected, expires_at);
        match tracker.open(payment, order.policy, moment(now)) {
            Ok(()) => self.persist(oracle, now),
            Err(OpenError::NoQuota { until }) => {
                assert!(
                    until.as_millis() > now,
                    "a payment is refused without a reason"
                );
                let sent = tracker.usage().requests;
                oracle.refused(number, sent, now);
                Ok(())
            }
            Err(_) => Ok(()),
        }
    }

    /// The customer claims to have paid.
    pub fn nudge(&mut self, number: usize, now: u64) {
        if let Some(tracker) = &mut self.tracker {
            tracker.nudge(&md5(number), moment(now));
        }
    }

    /// The customer shows a receipt.
    ///
    /// # Errors
    /// [`Killed`] if the process is killed.
    ///
    /// # Panics
    /// Never: the hash is valid.
    pub fn learn(&mut self, number: usize, oracle: &mut Oracle, now: u64) -> Result<(), Killed> {
        let (Some(tracker), Some(receipt)) = (&mut self.tracker, oracle.orders[number].receipt)
        else {
            return Ok(());
        };
        let Ok(full) = TransactionHash::new(&hash(receipt.of, 0)) else {
            panic!("a hash");
        };
        let short = full.short().filter(|_| receipt.short);
        let full = Some(full).filter(|_| receipt.full);
        tracker.learn(&md5(number), full, short, moment(now));
        self.persist(oracle, now)
    }

    /// Cancels the order.
    ///
    /// # Errors
    /// [`Killed`] if the process is killed.
    pub fn cancel(&mut self, number: usize, oracle: &mut Oracle, now: u64) -> Result<(), Killed> {
        if let Some(tracker) = &mut self.tracker {
            tracker.cancel(&md5(number), moment(now));
        }
        self.persist(oracle, now)
    }

    /// Returns the next request to send. `quota_now` is the time by which the oracle tells the quota window.
    ///
    /// # Errors
    /// [`Killed`] if the process is killed.
    pub fn poll(
        &mut self,
        number: u64,
        oracle: &mut Oracle,
        (now, quota_now, right_now): (u64, u64, u64),
    ) -> Result<Option<Ask>, Killed> {
        let Some(tracker) = &mut self.tracker else {
            return Ok(None);
        };
        let Some(ask) = tracker.poll(moment(now)) else {
            return Ok(None);
        };
        oracle.polled(&ask.question, quota_now, right_now);
        self.persist(oracle, now)?;
        let asked_at = self.oracle_time(now);
        self.tickets.insert(number, (ask.ticket, asked_at));
        oracle.asked(number, asked_at, right_now);
        Ok(Some(ask))
    }

    /// Returns when to poll next.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<u64> {
        let next = self.tracker.as_ref()?.next_wakeup()?;
        Some(next.as_millis())
    }

    /// The reply to request `number` shows that it was sent at another time.
    pub fn set_sent_at(&mut self, number: u64, at: Timestamp) {
        if let (Some(tracker), Some((ticket, _))) = (&mut self.tracker, self.tickets.get(&number)) {
            tracker.set_sent_at(*ticket, at);
        }
    }

    /// The reply to request `number` arrived.
    ///
    /// # Errors
    /// [`Killed`] if the process is killed.
    pub fn answer(
        &mut self,
        (number, sent, reply): (u64, u32, Reply),
        oracle: &mut Oracle,
        now: u64,
    ) -> Result<(), Killed> {
        let (Some(tracker), Some((ticket, asked_at))) =
            (&mut self.tracker, self.tickets.remove(&number))
        else {
            return Ok(());
        };
        oracle.answered(number, asked_at, &reply);
        let class = failure_of(&reply);
        let is_lost = self.random.u32(0..1_000) < self.scenario.faults.lost;
        if is_lost {
            tracker.abandon(ticket, sent, moment(now));
        } else {
            tracker.answer(ticket, sent, reply, moment(now));
        }
        assert!(
            !self.scenario.has_only_single_refusals()
                || !matches!(tracker.lists(), ListStatus::RefusedUntil(_)),
            "single refusals ended lists"
        );
        self.persist(oracle, now)?;
        if !is_lost {
            let answered_at = self.oracle_time(now);
            oracle.learned(number, class, answered_at);
        }
        Ok(())
    }

    fn persist(&mut self, oracle: &mut Oracle, now: u64) -> Result<(), Killed> {
        loop {
            let Some(tracker) = &mut self.tracker else {
                return Ok(());
            };
            let mut changes: Vec<Change> = tracker.take_changes().collect();
            if changes.is_empty() {
                return Ok(());
            }
            self.survive(oracle)?;
            let (rejected, is_killed) = match self.store.persist(&changes) {
                Ok(rejected) => (rejected, false),
                Err(KilledInCommit {
                    committed: Some(rejected),
                }) => (rejected, true),
                Err(KilledInCommit { committed: None }) => {
                    self.kill(oracle);
                    return Err(Killed);
                }
            };
            let Some(tracker) = &mut self.tracker else {
                return Ok(());
            };
            for rejected in rejected {
                if let Some(at) = changes.iter().position(|change| rejected.is_about(change)) {
                    tracker.on_conflict(changes.remove(at), rejected.conflict);
                }
            }
            oracle.persisted(&changes, self.oracle_time(now));
            if is_killed {
                self.kill(oracle);
                return Err(Killed);
            }
            self.survive(oracle)?;
        }
    }

    /// Kills the process at random.
    fn survive(&mut self, oracle: &mut Oracle) -> Result<(), Killed> {
        if self.random.u32(0..1_000) >= self.scenario.faults.crashes {
            return Ok(());
        }
        self.kill(oracle);
        Err(Killed)
    }

    /// Kills the process.
    pub fn kill(&mut self, oracle: &mut Oracle) {
        self.tracker = None;
        self.tickets.clear();
        oracle.crashed();
    }
}

/// Returns the error of a request that failed as a whole.
const fn failure_of(reply: &Reply) -> Option<ErrorClass> {
    match reply {
        Reply::Check(Err(class)) | Reply::List(Err(class)) | Reply::Renewal(Err(class)) => {
            Some(*class)
        }
        _ => None,
    }
}

const fn moment(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}
