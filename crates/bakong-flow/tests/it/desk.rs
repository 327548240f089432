//! A tracker with a store and a clock, for tests that play a sequence of events.

use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass, ShortHash, Transaction, TransactionHash};
use bakong_flow::tracker::ListStatus;
use bakong_flow::{
    Ask, Change, Config, Expected, ListItem, MemoryStore, Mismatch, OpenError, OrderId, Outcome,
    Payment, Policy, Question, Reply, Tracker,
};

/// Noon in Phnom Penh, twelve hours before the quota window ends.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_795_237_200_000);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The time from the opening of a payment to the expiry of its code.
pub(crate) const LIFE: Duration = Duration::from_secs(600);
/// The time from the opening of a payment to its final check.
pub(crate) const UNTIL_DEADLINE: Duration = Duration::from_secs(630);
/// The deadline of a payment that is opened at noon.
pub(crate) const DEADLINE: Timestamp = Timestamp::from_millis(NOON.as_millis() + 630_000);
pub(crate) const NOT_FOUND: Result<CheckAnswer, ErrorClass> = Ok(CheckAnswer::NotFound);
pub(crate) const DOWN: ErrorClass = ErrorClass::Unavailable { retry_after: None };

/// The MD5 of payment `number`.
pub(crate) fn md5(number: u32) -> Md5Handle {
    Md5Handle::of(&format!("code {number}"))
}

/// The lookup of payment `number` by MD5.
pub(crate) fn by_md5(number: u32) -> Question {
    Question::Md5(md5(number))
}

pub(crate) fn order(number: u32) -> OrderId {
    OrderId::new(&format!("order {number}")).unwrap()
}

pub(crate) fn khr(units: u64) -> Amount {
    Amount::from_minor_units(units, Currency::Khr)
}

/// A payment of 10,000 riel for an order of its own.
pub(crate) fn payment(number: u32, expires_at: Timestamp) -> Payment {
    let expected = Expected::new(khr(10_000), AccountIdBuf::new("sokha@devb").unwrap());
    Payment::new(order(number), md5(number), expected, expires_at)
}

/// The full hash of transaction `number`.
pub(crate) fn hash(number: u32) -> TransactionHash {
    TransactionHash::new(&format!("{number:08x}{:056x}", 0xabc)).unwrap()
}

pub(crate) fn short_hash(number: u32) -> ShortHash {
    hash(number).short().unwrap()
}

/// Transaction `number` as Bakong reports it.
pub(crate) fn transaction_json(number: u32, amount: &str, created_at: Timestamp) -> String {
    format!(
        r#"{{"hash":"{}","fromAccountId":"dara@devb","toAccountId":"sokha@devb","currency":"KHR","amount":{amount},"createdDateMs":{}}}"#,
        hash(number).as_str(),
        created_at.as_millis()
    )
}

pub(crate) fn transaction(json: &str) -> Box<Transaction> {
    Box::new(Transaction::from_json(json).unwrap())
}

/// The expected amount, paid by transaction `number` at noon.
pub(crate) fn paid(number: u32) -> CheckAnswer {
    paid_at(number, NOON)
}

pub(crate) fn paid_at(number: u32, created_at: Timestamp) -> CheckAnswer {
    CheckAnswer::Paid(transaction(&transaction_json(number, "10000", created_at)))
}

/// The outcome of a payment that transaction `number` settled.
pub(crate) fn paid_outcome(number: u32) -> Outcome {
    Outcome::Paid {
        transaction: transaction(&transaction_json(number, "10000", NOON)),
        late: false,
    }
}

pub(crate) fn single(answer: CheckAnswer) -> Reply {
    Reply::Check(Ok(answer))
}

/// Sets the quota to `limit` requests, all for checks.
pub(crate) fn with_limit(mut config: Config, limit: u32) -> Config {
    (config.quota.limit, config.quota.renewals) = (limit, 0);
    config
}

pub(crate) fn without_lists() -> Config {
    let mut config = Config::DEFAULT;
    config.lists = false;
    config
}

/// A process that persists every change at once.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) tracker: Tracker,
    pub(crate) store: MemoryStore,
    pub(crate) now: Timestamp,
    pub(crate) policy: Policy,
    /// All changes that the store accepted.
    pub(crate) log: Vec<Change>,
}

impl Desk {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            tracker: Tracker::new(config, NOON),
            store: MemoryStore::new(),
            now: NOON,
            policy: Policy::COUNTER,
            log: Vec::new(),
        }
    }

    /// Lists are off.
    pub(crate) fn of_singles() -> Self {
        Self::new(without_lists())
    }

    /// Lists are off, and the quota has `limit` requests, all for checks.
    pub(crate) fn with_quota(limit: u32) -> Self {
        Self::new(with_limit(without_lists(), limit))
    }

    /// Lists work.
    pub(crate) fn of_lists(config: Config) -> Self {
        let mut desk = Self::new(config);
        desk.restart_with_lists(config, ListStatus::Work);
        desk
    }

    pub(crate) fn restart_with_lists(&mut self, config: Config, lists: ListStatus) {
        assert_eq!(self.store.apply(&[Change::ListStatus(lists)]), []);
        self.restart(config);
    }

    /// Opens the payments with these numbers.
    pub(crate) fn open(&mut self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            self.try_open(self.payment(number)).unwrap();
        }
    }

    /// A payment whose code expires after [`LIFE`].
    pub(crate) fn payment(&self, number: u32) -> Payment {
        payment(number, self.now.saturating_add(LIFE))
    }

    pub(crate) fn try_open(&mut self, payment: Payment) -> Result<(), OpenError> {
        let opened = self.tracker.open(payment, self.policy, self.now);
        self.persist();
        opened
    }

    /// Tries to open a payment, which the quota must refuse.
    pub(crate) fn assert_no_quota(&mut self, payment: Payment) -> Timestamp {
        match self.try_open(payment) {
            Err(OpenError::NoQuota { until }) => until,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn nudge(&mut self, number: u32) {
        self.tracker.nudge(&md5(number), self.now);
    }

    pub(crate) fn cancel(&mut self, number: u32) {
        self.tracker.cancel(&md5(number), self.now);
        self.persist();
    }

    pub(crate) fn learn(
        &mut self,
        number: u32,
        hash: Option<TransactionHash>,
        short_hash: Option<ShortHash>,
    ) {
        self.tracker.learn(&md5(number), hash, short_hash, self.now);
        self.persist();
    }

    pub(crate) fn later(&mut self, time: Duration) {
        self.now = self.now.saturating_add(time);
    }

    pub(crate) fn earlier(&mut self, time: Duration) {
        let time = u64::try_from(time.as_millis()).unwrap();
        self.now = Timestamp::from_millis(self.now.as_millis() - time);
    }

    /// Returns the request to send now, if any.
    pub(crate) fn poll(&mut self) -> Option<Ask> {
        let ask = self.tracker.poll(self.now);
        self.persist();
        ask
    }

    /// Returns the request to send now.
    pub(crate) fn ask(&mut self) -> Ask {
        self.poll().expect("a request")
    }

    /// Sleeps until a request is to be sent, and returns the request.
    pub(crate) fn next(&mut self) -> Ask {
        for _ in 0..100 {
            if let Some(ask) = self.poll() {
                return ask;
            }
            let next = self.tracker.next_wakeup().expect("a wake-up");
            assert!(next > self.now, "the loop spins at {next:?}");
            self.now = next;
        }
        panic!("100 wake-ups without a request");
    }

    /// Answers the single check to send now, if any.
    pub(crate) fn check_now(&mut self, answer: CheckAnswer) -> Option<Question> {
        let ask = self.poll()?;
        self.answer(&ask, single(answer));
        Some(ask.question)
    }

    pub(crate) fn answer(&mut self, ask: &Ask, reply: Reply) {
        self.answer_sent(ask, 1, reply);
    }

    pub(crate) fn answer_sent(&mut self, ask: &Ask, sent: u32, reply: Reply) {
        self.tracker.answer(ask.ticket, sent, reply, self.now);
        self.persist();
    }

    /// Waits for the next request, answers every payment with `answer`, and returns the question.
    pub(crate) fn exchange(&mut self, answer: Result<CheckAnswer, ErrorClass>) -> Question {
        let ask = self.next();
        let reply = match &ask.question {
            Question::Md5List(md5s) => {
                let items = md5s.iter().map(|md5| (*md5, answer.clone()));
                Reply::List(Ok(items.collect::<Vec<ListItem>>()))
            }
            Question::Renewal => Reply::Renewal(answer.map(|_| None)),
            _ => Reply::Check(answer),
        };
        self.answer(&ask, reply);
        ask.question
    }

    /// Answers "not found" until no payment is open, and returns the questions.
    pub(crate) fn finish_all(&mut self) -> Vec<Question> {
        let mut questions = Vec::new();
        while self.tracker.open_payments() > 0 {
            questions.push(self.exchange(NOT_FOUND));
        }
        questions
    }

    /// Returns the outcome of a payment.
    pub(crate) fn outcome(&self, number: u32) -> Option<Outcome> {
        self.store.outcome(&md5(number))
    }

    pub(crate) fn is_paid(&self, number: u32) -> bool {
        matches!(self.outcome(number), Some(Outcome::Paid { .. }))
    }

    /// Returns why a payment needs a review.
    pub(crate) fn mismatches(&self, number: u32) -> Vec<Mismatch> {
        match self.outcome(number) {
            Some(Outcome::NeedsReview { mismatches, .. }) => mismatches,
            other => panic!("{other:?}"),
        }
    }

    /// Returns the classes of the failures so far.
    pub(crate) fn failures(&self) -> Vec<ErrorClass> {
        let class = |change: &Change| match change {
            Change::NoAnswer { class, .. } => Some(*class),
            _ => None,
        };
        self.log.iter().filter_map(class).collect()
    }

    /// Whether the last change reports a second transaction.
    pub(crate) fn is_paid_again(&self) -> bool {
        matches!(self.log.last(), Some(Change::PaidAgain { .. }))
    }

    /// Persists the changes, and returns the rejected ones to the tracker.
    pub(crate) fn persist(&mut self) {
        loop {
            let mut changes: Vec<_> = self.tracker.take_changes().collect();
            if changes.is_empty() {
                return;
            }
            for rejected in self.store.apply(&changes) {
                let at = changes
                    .iter()
                    .position(|change| rejected.is_about(change))
                    .unwrap();
                self.tracker
                    .on_conflict(changes.remove(at), rejected.conflict);
            }
            self.log.extend(changes);
        }
    }

    /// Kills the process and starts it again.
    pub(crate) fn restart(&mut self, config: Config) {
        self.tracker = Tracker::restore(config, self.store.snapshot(), self.now);
    }
}
