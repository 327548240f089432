//! The rules that the rows of a store follow, for a check.

use bakong_flow::Outcome;
use bakong_flow::quota::WindowUsage;
use bakong_flow::store::{Command, CommandResult, Committed, StoredPayment};
use bakong_flow::tracker::ListStatus;

use crate::record::{
    Corrupt, EventRow, ExchangeRow, PaymentRow, from_json, from_json_option, settling_hash,
};

/// How many problems a report has at most.
pub(crate) const MAX_PROBLEMS: usize = 100;
/// How many rows of a large table to read at once.
pub(crate) const PART: i64 = 10_000;

/// Rules that rows must follow, each as a query that returns the rows that break it.
pub(crate) const RULES: &[(&str, &str)] = &[
    (
        "a payment is settled without a reason",
        "SELECT 'payments ' || id FROM payments WHERE (settled_order IS NOT NULL) <> \
         (status = 'paid' OR coalesce(decision = 'accept', FALSE))",
    ),
    (
        "a decision is about a payment that needed none",
        "SELECT 'payments ' || id FROM payments WHERE decision IS NOT NULL AND status <> 'needs_review'",
    ),
    (
        "the numbers of events have gaps",
        "SELECT 'registrations ' || r.id FROM registrations r LEFT JOIN events e ON e.registration = r.id \
         GROUP BY r.id HAVING count(e.id) <> r.last_event OR coalesce(max(e.id), 0) <> r.last_event",
    ),
    (
        "a final payment has no event",
        "SELECT 'payments ' || p.id FROM payments p LEFT JOIN events e ON e.registration = p.registration \
         AND e.id = p.finish_event AND e.md5 = p.md5 AND e.kind = 'finished' \
         WHERE p.finish_event IS NOT NULL AND e.id IS NULL",
    ),
    (
        "an outcome has two events",
        "SELECT 'events ' || e.id FROM events e LEFT JOIN payments p ON p.registration = e.registration \
         AND p.finish_event = e.id AND p.md5 = e.md5 WHERE e.kind = 'finished' AND p.id IS NULL",
    ),
    (
        "a consumer acknowledged events that do not exist",
        "SELECT 'consumers ' || c.registration FROM consumers c JOIN registrations r ON r.id = c.registration \
         WHERE c.acknowledged > r.last_event",
    ),
];

/// What a check has found.
#[derive(Default, Debug)]
pub(crate) struct Problems(pub(crate) Vec<String>);

impl Problems {
    pub(crate) fn add(&mut self, problem: String) {
        if self.0.len() < MAX_PROBLEMS {
            self.0.push(problem);
        }
    }

    /// Adds the rule that a row breaks.
    pub(crate) fn rule(&mut self, rule: &str, row: &str) {
        self.add(format!("{row}: {rule}"));
    }

    /// Adds a row that cannot be read.
    fn unreadable(&mut self, table: &str, id: i64, result: Result<(), Corrupt>) {
        if let Err(corrupt) = result {
            self.add(format!("{table} {id}: {corrupt}"));
        }
    }

    /// Checks the columns `last_result`, `quota_usage` and `list_status` of a registration.
    pub(crate) fn registration(&mut self, id: i64, columns: [Option<&str>; 3]) {
        let [result, usage, lists] = columns;
        let read = || {
            from_json_option::<Committed>("registrations.last_result", result)?;
            from_json_option::<WindowUsage>("registrations.quota_usage", usage)?;
            from_json_option::<ListStatus>("registrations.list_status", lists)?;
            Ok(())
        };
        self.unreadable("registrations", id, read());
    }

    /// Checks a payment and its columns `status` and `settled_hash`.
    pub(crate) fn payment(&mut self, row: PaymentRow, status: &str, hash: Option<&str>) {
        let id = row.id;
        let read = row.read().map(|stored| {
            for problem in payment_problems(&stored, status, hash) {
                self.add(format!("payments {id}: {problem}"));
            }
        });
        self.unreadable("payments", id, read);
    }

    /// Checks the columns `command` and `result` of a command.
    pub(crate) fn command(&mut self, id: i64, command: &str, result: Option<&str>) {
        let read = || {
            from_json::<Command>("commands.command", command)?;
            from_json_option::<CommandResult>("commands.result", result)?;
            Ok(())
        };
        self.unreadable("commands", id, read());
    }

    pub(crate) fn event(&mut self, row: EventRow) {
        self.unreadable("events", row.id, row.read().map(drop));
    }

    pub(crate) fn exchange(&mut self, row: ExchangeRow) {
        self.unreadable("exchanges", row.id, row.read().map(drop));
    }
}

/// The events that have columns of their own to read.
pub(crate) fn select_events() -> String {
    let (columns, from) = (EventRow::COLUMNS, EventRow::FROM);
    format!("SELECT {columns} FROM {from} WHERE e.kind = 'paid_again'")
}

/// Returns where the columns of a payment disagree.
fn payment_problems(stored: &StoredPayment, status: &str, hash: Option<&str>) -> Vec<&'static str> {
    let outcome = stored.finished.as_ref().map(|(outcome, _)| outcome);
    let mut problems = Vec::new();
    if status != outcome.map_or("open", Outcome::name) {
        problems.push("the status is not the name of the outcome");
    }
    let settles = crate::settled_at(stored).is_some();
    let expected = outcome.and_then(settling_hash).filter(|_| settles);
    if hash != expected.as_deref() {
        problems.push("the hash is not the one of the transaction that settled the order");
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_a_maximum_of_problems() {
        let mut problems = Problems::default();
        for number in 0..=MAX_PROBLEMS {
            problems.rule("a rule", &format!("payments {number}"));
        }
        assert_eq!(problems.0.len(), MAX_PROBLEMS);
        assert_eq!(problems.0[0], "payments 0: a rule");
    }
}
