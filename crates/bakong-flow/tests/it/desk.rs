//! A tracker, its store and a clock, for tests that say what happens.

use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass, Transaction};
use bakong_flow::tracker::ListStatus;
use bakong_flow::{
    Ask, Change, Config, Expected, ListItem, MemoryStore, OpenError, OrderId, Outcome, Payment,
    Policy, Question, Reply, Tracker,
};

/// Noon in Phnom Penh, twelve hours before the day turns.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_795_237_200_000);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
/// How long codes live here.
pub(crate) const LIFE: Duration = Duration::from_secs(600);
/// From the opening until the last check.
pub(crate) const UNTIL_DEADLINE: Duration = Duration::from_secs(630);
pub(crate) const DOWN: ErrorClass = ErrorClass::Unavailable { retry_after: None };

/// The code of the payment with this number.
pub(crate) fn md5(number: u32) -> Md5Handle {
    Md5Handle::of(&format!("code {number}"))
}

pub(crate) fn order(number: u32) -> OrderId {
    OrderId::new(&format!("order {number}")).unwrap()
}

pub(crate) fn khr(units: u64) -> Amount {
    Amount::from_minor_units(units, Currency::Khr)
}

/// 10,000 riel for an order of its own.
pub(crate) fn payment(number: u32, expires_at: Timestamp) -> Payment {
    let expected = Expected::new(khr(10_000), AccountIdBuf::new("sokha@devb").unwrap());
    Payment::new(order(number), md5(number), expected, expires_at)
}

/// The full hash of a transaction.
pub(crate) fn hash(number: u32) -> String {
    format!("{number:08x}{:056x}", 0xabc)
}

/// What Bakong says of a transaction.
pub(crate) fn transaction_json(hash: &str, amount: &str, created_at: Timestamp) -> String {
    format!(
        r#"{{"hash":"{hash}","fromAccountId":"dara@devb","toAccountId":"sokha@devb","currency":"KHR","amount":{amount},"createdDateMs":{}}}"#,
        created_at.as_millis()
    )
}

pub(crate) fn transaction(json: &str) -> Box<Transaction> {
    Box::new(Transaction::from_json(json).unwrap())
}

/// What is expected, paid by the transaction with this number.
pub(crate) fn paid(number: u32, created_at: Timestamp) -> CheckAnswer {
    CheckAnswer::Paid(transaction(&transaction_json(
        &hash(number),
        "10000",
        created_at,
    )))
}

pub(crate) fn single(answer: CheckAnswer) -> Reply {
    Reply::Check(Ok(answer))
}

/// A shop's process that keeps every change at once.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) tracker: Tracker,
    pub(crate) store: MemoryStore,
    pub(crate) now: Timestamp,
    pub(crate) policy: Policy,
    /// All that happened.
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

    /// Without lists.
    pub(crate) fn of_singles() -> Self {
        let mut config = Config::DEFAULT;
        config.lists = false;
        Self::new(config)
    }

    /// Whose lists have worked.
    pub(crate) fn of_lists() -> Self {
        let mut desk = Self::new(Config::DEFAULT);
        desk.store.apply(&[Change::ListStatus(ListStatus::Work)]);
        desk.restart(Config::DEFAULT);
        desk
    }

    /// With so many requests a day, all of them for checks, and no lists.
    pub(crate) fn with_quota(limit: u32) -> Self {
        let mut config = Config::DEFAULT;
        config.lists = false;
        config.quota.limit = limit;
        config.quota.renewals = 0;
        Self::new(config)
    }

    /// Opens the payments with these numbers now.
    pub(crate) fn open(&mut self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            self.try_open(payment(number, self.now.saturating_add(LIFE)))
                .unwrap();
        }
    }

    pub(crate) fn try_open(&mut self, payment: Payment) -> Result<(), OpenError> {
        let opened = self.tracker.open(payment, self.policy, self.now);
        self.keep();
        opened
    }

    pub(crate) fn later(&mut self, time: Duration) {
        self.now = self.now.saturating_add(time);
    }

    /// What is asked now, if anything is.
    pub(crate) fn poll(&mut self) -> Option<Ask> {
        let ask = self.tracker.poll(self.now);
        self.keep();
        ask
    }

    /// The question that is asked now.
    pub(crate) fn ask(&mut self) -> Ask {
        self.poll().expect("something to ask")
    }

    /// Sleeps until something is to be asked, and asks it.
    pub(crate) fn next(&mut self) -> Ask {
        for _ in 0..100 {
            if let Some(ask) = self.poll() {
                return ask;
            }
            let next = self.tracker.next_wakeup().expect("something to wait for");
            assert!(next > self.now, "it spins at {next:?}");
            self.now = next;
        }
        panic!("it wakes for nothing");
    }

    /// Hands this in for what is asked by itself now, if anything is.
    pub(crate) fn ask_single(&mut self, answer: CheckAnswer) -> Option<Question> {
        let ask = self.poll()?;
        self.answer(&ask, single(answer));
        Some(ask.question)
    }

    pub(crate) fn answer(&mut self, ask: &Ask, reply: Reply) {
        self.answer_sent(ask, 1, reply);
    }

    pub(crate) fn answer_sent(&mut self, ask: &Ask, sent: u32, reply: Reply) {
        self.tracker.answer(ask.ticket, sent, reply, self.now);
        self.keep();
    }

    /// Asks what is next, and hands this in for whatever it asks about.
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

    /// How a payment ended.
    pub(crate) fn outcome(&self, number: u32) -> Option<Outcome> {
        self.store.outcome(&md5(number))
    }

    /// Keeps what changed, and obeys the store.
    pub(crate) fn keep(&mut self) {
        loop {
            let mut changes: Vec<_> = self.tracker.take_changes().collect();
            if changes.is_empty() {
                return;
            }
            for lost in self.store.apply(&changes) {
                let of = |change: &Change| match change {
                    Change::Opened { payment, .. } => payment.md5 == lost.md5,
                    Change::Finished { md5, .. } => *md5 == lost.md5,
                    _ => false,
                };
                let at = changes.iter().position(of).unwrap();
                self.tracker.on_conflict(changes.remove(at), lost.conflict);
            }
            self.log.extend(changes);
        }
    }

    /// The process is killed and started again.
    pub(crate) fn restart(&mut self, config: Config) {
        self.tracker = Tracker::restore(config, self.store.snapshot(), self.now);
    }
}
