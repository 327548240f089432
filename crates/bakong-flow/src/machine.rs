//! The states of one payment. Told the time and the answers, it says what to do next.

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::{CheckAnswer, ErrorClass, Remedy, RetryAfter, Transaction};

use crate::payment::Payment;
use crate::policy::{Hopeless, Policy};
use crate::settlement::{Mismatch, Settlement};

// The deadline is the expiry and the grace.
//
//              ┌─── not found, asked before the deadline ◀──┐
//              ├─── no answer, and patience left ◀──────────┤
//              ├─── resume: the answer was lost ◀───────────┤
//              ▼                                            │
//  new ─▶  Waiting ────── its time has come, ──────────▶  Asking
//              ▲          or the clock was set back         │
//           resume                                          ├── paid, and all matches ──────────▶ Final: Paid
//              │                                            ├── paid, and something differs ────▶ Final: NeedsReview
//           GivenUp ◀── no answer, and no patience left ────┼── failed ───────────────────────▶ Final: Failed
//                       or nothing that asking again mends  ├── static ───────────────────────▶ Final: StaticQr
//                                                           └── not found, asked at or after
//                                                               the deadline ─────────────────▶ Final: Expired
//
// An answer "paid" to any of the payment's own checks settles it from every state that is not final, and is
// told of (`Event::PaidAfterFinal`) where it is: money is never overlooked because its answer was late.
#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    Waiting { since: Timestamp, until: Timestamp },
    Asking(Ticket),
    Final(Outcome),
    GivenUp(ErrorClass),
}

/// The state machine of one payment.
///
/// See the crate's page for the loop that runs it. It reads no clock: `now` is the caller's. Keep that clock
/// right: a code expires by it, and one that is fast calls a payment expired that a bank may still take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaymentMachine {
    payment: Payment,
    policy: Policy,
    opened_at: Timestamp,
    state: State,
    checks: u32,
    /// Failures in a row.
    failures: u32,
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Ask Bakong now, and hand the answer in with this ticket.
    Check(Ticket),
    /// Do nothing until this moment.
    Wait(Timestamp),
    /// A check is out: do nothing until its answer can be handed in, or [`PaymentMachine::resume`] if it
    /// never will.
    AwaitAnswer,
    /// Nothing is left to do: see [`PaymentMachine::outcome`] and [`PaymentMachine::given_up`].
    Done,
}

/// A check that is out, of this payment and no other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    md5: Md5Handle,
    number: u32,
    asked_at: Timestamp,
}

/// What became of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Not paid yet; there will be another check.
    NotPaidYet,
    /// No answer came; there will be another check.
    NoAnswer(ErrorClass),
    /// The payment became final: see [`PaymentMachine::outcome`].
    Finished,
    /// No answer came, and it is given up: see [`PaymentMachine::given_up`].
    GaveUp(ErrorClass),
    /// The payment was final already, and now there is money of which nobody was told: a person has to
    /// look at it.
    PaidAfterFinal(Box<Transaction>),
    /// The answer was to an earlier check or another payment's, or came after the payment was final, and
    /// changed nothing.
    Ignored,
}

/// How a payment ended. Final, once.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Paid: amount, currency and recipient match.
    Paid {
        /// As Bakong tells it.
        transaction: Box<Transaction>,
        /// Whether it was made after the code's expiry and the grace.
        late: bool,
    },
    /// Something was paid that does not match; a person has to look at it.
    NeedsReview {
        /// As Bakong tells it.
        transaction: Box<Transaction>,
        /// What does not match; never empty.
        mismatches: Vec<Mismatch>,
    },
    /// Bakong says that the payment failed.
    Failed,
    /// Bakong says that the code is static and cannot be looked up by MD5.
    StaticQr,
    /// Bakong, asked after the expiry and the grace, knew of no payment.
    Expired,
}

impl Outcome {
    /// Whether this outcome came of the transaction.
    fn tells_of(&self, other: &Transaction) -> bool {
        match self {
            Self::Paid { transaction, .. } | Self::NeedsReview { transaction, .. } => {
                transaction.hash == other.hash
            }
            Self::Failed | Self::StaticQr | Self::Expired => false,
        }
    }
}

impl PaymentMachine {
    /// Starts to watch a payment.
    #[must_use]
    pub fn new(payment: Payment, policy: Policy, now: Timestamp) -> Self {
        let deadline = payment.expires_at.saturating_add(policy.grace);
        let until = now.saturating_add(policy.schedule.first).min(deadline);
        Self {
            payment,
            policy,
            opened_at: now,
            state: State::Waiting { since: now, until },
            checks: 0,
            failures: 0,
        }
    }

    /// The payment.
    #[must_use]
    pub const fn payment(&self) -> &Payment {
        &self.payment
    }

    /// How many checks were asked for.
    #[must_use]
    pub const fn checks(&self) -> u32 {
        self.checks
    }

    /// How the payment ended, if it has.
    #[must_use]
    pub const fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Final(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Why it was given up, if it was. This is no outcome: whether the payment was made is unknown, and
    /// can be asked again later, after [`PaymentMachine::resume`] or under the MD5 by hand.
    #[must_use]
    pub const fn given_up(&self) -> Option<ErrorClass> {
        match self.state {
            State::GivenUp(class) => Some(class),
            _ => None,
        }
    }

    /// When the next check is due, unless one is out or there will be none.
    #[must_use]
    pub const fn next_check(&self) -> Option<Timestamp> {
        match self.state {
            State::Waiting { until, .. } => Some(until),
            _ => None,
        }
    }

    /// The moment of the last check: the expiry and the grace.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        self.payment.expires_at.saturating_add(self.policy.grace)
    }

    /// What to do at the moment `now`. Asking twice at the same moment gives no second check.
    pub fn poll(&mut self, now: Timestamp) -> Step {
        match self.state {
            // A clock that was set back says nothing of how long it has been.
            State::Waiting { since, until } if until <= now || now < since => {
                self.checks = self.checks.saturating_add(1);
                let ticket = Ticket {
                    md5: self.payment.md5,
                    number: self.checks,
                    asked_at: now,
                };
                self.state = State::Asking(ticket);
                Step::Check(ticket)
            }
            State::Waiting { until, .. } => Step::Wait(until),
            State::Asking(_) => Step::AwaitAnswer,
            State::Final(_) | State::GivenUp(_) => Step::Done,
        }
    }

    /// Hands in what a check brought: the answer, or the class of the error.
    pub fn answer(
        &mut self,
        ticket: Ticket,
        answer: Result<CheckAnswer, ErrorClass>,
        now: Timestamp,
    ) -> Event {
        if ticket.md5 != self.payment.md5 {
            return Event::Ignored;
        }
        if let State::Final(outcome) = &self.state {
            return match answer {
                Ok(CheckAnswer::Paid(transaction)) if !outcome.tells_of(&transaction) => {
                    Event::PaidAfterFinal(transaction)
                }
                _ => Event::Ignored,
            };
        }
        match answer {
            Ok(CheckAnswer::Paid(transaction)) => self.settle(transaction),
            _ if self.state != State::Asking(ticket) => Event::Ignored,
            Ok(CheckAnswer::Failed) => self.finish(Outcome::Failed),
            Ok(CheckAnswer::StaticQr) => self.finish(Outcome::StaticQr),
            Ok(CheckAnswer::NotFound) if ticket.asked_at >= self.deadline() => {
                self.finish(Outcome::Expired)
            }
            Ok(CheckAnswer::NotFound) => self.not_paid_yet(now),
            Err(class) => self.no_answer(class, now),
        }
    }

    /// Goes on with a payment that was given up, or whose last check's answer was lost (its future
    /// dropped, the process killed): it is asked about at once. Does nothing to a final payment.
    pub fn resume(&mut self, now: Timestamp) {
        if let State::Asking(_) | State::GivenUp(_) = self.state {
            self.failures = 0;
            self.state = State::Waiting {
                since: now,
                until: now,
            };
        }
    }

    fn settle(&mut self, transaction: Box<Transaction>) -> Event {
        let settlement = self.payment.expected.settle(&transaction, self.deadline());
        self.finish(match settlement {
            Settlement::Settled { late } => Outcome::Paid { transaction, late },
            Settlement::NeedsReview(mismatches) => Outcome::NeedsReview {
                transaction,
                mismatches,
            },
        })
    }

    fn finish(&mut self, outcome: Outcome) -> Event {
        self.state = State::Final(outcome);
        Event::Finished
    }

    /// The next check is a gap away; one that would fall behind the expiry is the last, at the deadline.
    fn not_paid_yet(&mut self, now: Timestamp) -> Event {
        self.failures = 0;
        let age = now.saturating_since(self.opened_at);
        let next = now.saturating_add(self.policy.schedule.gap(age));
        let until = if next <= self.payment.expires_at {
            next
        } else {
            self.deadline()
        };
        self.state = State::Waiting { since: now, until };
        Event::NotPaidYet
    }

    fn no_answer(&mut self, class: ErrorClass, now: Timestamp) -> Event {
        self.failures = self.failures.saturating_add(1);
        let retry = self.policy.retry;
        let next = now.saturating_add(retry.delay(self.failures, class));
        // The last check is due at the deadline, however long the failures have lasted.
        let next = if now < self.deadline() {
            next.min(self.deadline())
        } else {
            next
        };
        let until = next.max(wanted_by_server(class, now));
        let end = self.deadline().saturating_add(retry.patience);
        let hopeless = class.remedy() != Remedy::AskAgain && retry.hopeless == Hopeless::GiveUp;
        if hopeless || until > end {
            self.state = State::GivenUp(class);
            return Event::GaveUp(class);
        }
        self.state = State::Waiting { since: now, until };
        Event::NoAnswer(class)
    }
}

/// The earliest moment at which the server wants to be asked again.
fn wanted_by_server(class: ErrorClass, now: Timestamp) -> Timestamp {
    match class.retry_after() {
        None => now,
        Some(RetryAfter::Delay(delay)) => now.saturating_add(delay),
        Some(RetryAfter::At(moment)) => moment,
    }
}
