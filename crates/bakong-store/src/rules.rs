//! The rules that the rows of a store follow, for a check.

use bakong_flow::Outcome;
use bakong_flow::store::StoredPayment;

use crate::record::settling_hash;

/// How many problems a report has at most.
pub(crate) const MAX_PROBLEMS: usize = 100;

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

/// Returns where the columns of a payment disagree.
pub(crate) fn payment_problems(
    stored: &StoredPayment,
    status: &str,
    hash: Option<&str>,
) -> Vec<&'static str> {
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
