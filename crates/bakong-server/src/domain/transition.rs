//! How facts change a payment.

use bakong_flow::Outcome;
use bakong_flow::store::{Decision, EventKind};
use khqr_core::Timestamp;

use super::event::EventType;
use super::payment::{Payment, Status, TransactionSummary};
use super::reason::Reason;

/// Something that happened to an attempt or to a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fact<'a> {
    /// bakong-flow reports an event of an attempt.
    Flow {
        kind: &'a EventKind,
        /// Whether the attempt is the newest of the payment.
        is_current: bool,
    },
    /// The shop cancelled the payment.
    Cancelled,
}

/// What a fact does to a payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Transition {
    /// The payment after the fact.
    pub(crate) payment: Payment,
    /// What the shop must learn, and why.
    pub(crate) event: Option<(EventType, Vec<Reason>)>,
}

impl Payment {
    /// Applies a fact that became known at `at`.
    ///
    /// The status `paid` never changes: money that arrives later is reported as a duplicate. A fact about an older attempt
    /// only matters if there is money.
    pub(crate) fn apply(&self, fact: &Fact<'_>, at: Timestamp) -> Transition {
        match fact {
            Fact::Cancelled => self.without_money(Status::Cancelled, EventType::Cancelled),
            Fact::Flow { kind, is_current } => match kind {
                EventKind::Finished(outcome) => self.finished(outcome, *is_current, at),
                EventKind::PaidAgain { .. } => self.duplicate(),
                EventKind::Resolved(resolution) => match resolution.decision {
                    Decision::Accept => {
                        let mut reasons = self.reasons.clone();
                        reasons.push(Reason::Manual);
                        self.paid(self.transaction.clone(), reasons, at)
                    }
                    Decision::Reject => {
                        let mut transition = self.without_money(Status::Failed, EventType::Failed);
                        if transition.event.is_some() {
                            transition.set_reasons(vec![Reason::Manual]);
                        }
                        transition
                    }
                },
                // A new kind of event of bakong-flow needs a rule here before it can change a payment.
                _ => self.unchanged(),
            },
        }
    }

    fn finished(&self, outcome: &Outcome, is_current: bool, at: Timestamp) -> Transition {
        let is_waiting = matches!(self.status, Status::Opening | Status::Open);
        match outcome {
            Outcome::Paid { transaction, late } => {
                let reasons = if *late {
                    vec![Reason::Late]
                } else {
                    Vec::new()
                };
                // The clocks of Bakong and of this server differ by a part of a second.
                let paid_at = transaction
                    .created_at
                    .known()
                    .map_or(at, |made| at.max(*made));
                self.paid(Some(TransactionSummary::of(transaction)), reasons, paid_at)
            }
            Outcome::NeedsReview { .. } if self.status == Status::Paid => self.duplicate(),
            Outcome::NeedsReview {
                transaction,
                mismatches,
            } => {
                let mut payment = self.clone();
                payment.status = Status::NeedsReview;
                payment.transaction = Some(TransactionSummary::of(transaction));
                let mut transition = Transition {
                    payment,
                    event: Some((EventType::NeedsReview, Vec::new())),
                };
                transition.set_reasons(Reason::of_mismatches(mismatches));
                transition
            }
            _ if !is_current || !is_waiting => self.unchanged(),
            Outcome::Expired => self.without_money(Status::Expired, EventType::Expired),
            Outcome::Cancelled => self.without_money(Status::Cancelled, EventType::Cancelled),
            _ => self.without_money(Status::Failed, EventType::Failed),
        }
    }

    fn paid(
        &self,
        transaction: Option<TransactionSummary>,
        reasons: Vec<Reason>,
        at: Timestamp,
    ) -> Transition {
        if self.status == Status::Paid {
            return self.duplicate();
        }
        let mut payment = self.clone();
        payment.status = Status::Paid;
        payment.transaction = transaction;
        payment.paid_at = Some(at);
        let mut transition = Transition {
            payment,
            event: Some((EventType::Paid, Vec::new())),
        };
        transition.set_reasons(reasons);
        transition
    }

    fn without_money(&self, status: Status, event: EventType) -> Transition {
        if matches!(self.status, Status::Paid) || self.status == status {
            return self.unchanged();
        }
        let mut payment = self.clone();
        payment.status = status;
        let mut transition = Transition {
            payment,
            event: Some((event, Vec::new())),
        };
        transition.set_reasons(Vec::new());
        transition
    }

    fn duplicate(&self) -> Transition {
        Transition {
            payment: self.clone(),
            event: Some((EventType::Duplicate, vec![Reason::Duplicate])),
        }
    }

    pub(crate) fn unchanged(&self) -> Transition {
        Transition {
            payment: self.clone(),
            event: None,
        }
    }
}

impl Transition {
    fn set_reasons(&mut self, reasons: Vec<Reason>) {
        self.payment.reasons.clone_from(&reasons);
        if let Some((_, of_event)) = &mut self.event {
            *of_event = reasons;
        }
    }
}

#[cfg(test)]
mod tests {
    use bakong_flow::Mismatch;
    use bakong_flow::bakong_api::Transaction;
    use bakong_flow::store::Resolution;
    use proptest::prelude::*;

    use super::*;

    fn kinds() -> Vec<EventKind> {
        let json = r#"{"hash":"x","amount":1,"currency":"USD","toAccountId":"a@b"}"#;
        let transaction = Box::new(Transaction::from_json(json).unwrap());
        let paid = |late| {
            let transaction = transaction.clone();
            EventKind::Finished(Outcome::Paid { transaction, late })
        };
        let resolved = |decision| {
            EventKind::Resolved(Resolution::new(
                decision,
                "why",
                "a person",
                Timestamp::from_millis(1_795_000_000_000),
            ))
        };
        vec![
            paid(false),
            paid(true),
            EventKind::Finished(Outcome::NeedsReview {
                transaction: transaction.clone(),
                mismatches: vec![Mismatch::OrderSettled],
            }),
            EventKind::Finished(Outcome::Expired),
            EventKind::Finished(Outcome::Cancelled),
            EventKind::Finished(Outcome::Failed),
            EventKind::Finished(Outcome::StaticQr),
            EventKind::PaidAgain {
                transaction: Some(transaction.clone()),
                hash: None,
            },
            resolved(Decision::Accept),
            resolved(Decision::Reject),
        ]
    }

    proptest! {
        #[test]
        fn paid_is_never_taken_away_and_every_change_has_an_event(
            steps in proptest::collection::vec((0usize..11, any::<bool>()), 0..20)
        ) {
            let kinds = kinds();
            let mut payment = Payment::example();
            for (step, is_current) in steps {
                let fact = match kinds.get(step) {
                    Some(kind) => Fact::Flow { kind, is_current },
                    None => Fact::Cancelled,
                };
                let at = Timestamp::from_millis(1_795_000_000_001);
                let after = payment.apply(&fact, at);
                if payment.status == Status::Paid {
                    prop_assert_eq!(&after.payment, &payment);
                }
                let is_changed = after.payment != payment;
                prop_assert!(!is_changed || after.event.is_some());
                prop_assert_eq!(
                    after.payment.status == Status::Paid,
                    after.payment.paid_at.is_some()
                );
                payment = after.payment;
            }
        }
    }

    #[test]
    fn an_older_attempt_ends_without_effect_on_the_newest() {
        let payment = Payment::example();
        let expired = EventKind::Finished(Outcome::Expired);
        let fact = Fact::Flow {
            kind: &expired,
            is_current: false,
        };
        assert_eq!(
            payment.apply(&fact, payment.created_at),
            payment.unchanged()
        );
    }

    #[test]
    fn late_money_has_its_reason() {
        let kinds = kinds();
        let fact = Fact::Flow {
            kind: &kinds[1],
            is_current: true,
        };
        let after = Payment::example().apply(&fact, Timestamp::from_millis(1));
        assert_eq!(after.event, Some((EventType::Paid, vec![Reason::Late])));
    }
}
