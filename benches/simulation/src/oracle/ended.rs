//! Checks that every payment ended correctly and in time.

use bakong_flow::{Outcome, Question};

use super::{Oracle, millis};
use crate::MINUTE;
use crate::customers::Order;
use crate::scenario::{Faults, Lists};

impl Oracle {
    /// The simulation is over: every accepted payment must have a correct outcome.
    pub fn ended(&self) {
        for (at, known) in self.known.iter().enumerate() {
            let order = &self.orders[at];
            if !known.is_accepted {
                assert!(known.outcome.is_none(), "order {at} was not accepted");
                continue;
            }
            let Some((outcome, _)) = &known.outcome else {
                panic!("3: order {at} had no final check");
            };
            let deadline = order.deadline();
            let paid_in_time = order
                .transfers
                .iter()
                .any(|transfer| transfer.visible_at < deadline);
            let by_hash = known.hashes.iter().any(|question| match question {
                Question::ShortHash(_, amount) => order.transfers.first().is_some_and(|transfer| {
                    (transfer.amount, transfer.currency)
                        == (amount.minor_units(), amount.currency())
                }),
                _ => true,
            });
            let can_be_found = !order.by_another_code || by_hash;
            let is_unpaid = matches!(outcome, Outcome::Expired | Outcome::Cancelled);
            assert!(
                !(paid_in_time && can_be_found && is_unpaid),
                "1: order {at} was paid and became {}",
                outcome.name()
            );
            self.ended_in_time(at, order);
        }
    }

    /// Without faults, the outcome must be known in time.
    fn ended_in_time(&self, at: usize, order: &Order) {
        let Some((_, ended_at)) = &self.known[at].outcome else {
            return;
        };
        let is_quiet = Faults {
            customers: false,
            ..self.scenario.faults
        } == Faults::NONE
            && self.is_as_assumed()
            && matches!(
                self.scenario.lists,
                Lists::Work | Lists::Refused | Lists::Down
            );
        // A list that is down takes up to half a minute to fail.
        let is_down = self.scenario.lists == Lists::Down;
        let extra = if is_down { 3 * MINUTE } else { 0 };
        let within = millis(order.policy.grace.final_check_window) + extra;
        assert!(
            !is_quiet || *ended_at <= order.deadline() + within + MINUTE,
            "3: the final check of order {at} was late"
        );
    }
}
