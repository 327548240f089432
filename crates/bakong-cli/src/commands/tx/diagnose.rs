//! `bakong tx diagnose`: finds out why a payment is not found.

use bakong_api::diagnose::{Clues, Diagnosis, Finding, NotAsked};
use bakong_api::{Lookup, Transaction};
use bakong_flow::Mismatch;
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{status, transaction_json, transaction_of};
use super::comparison::Comparison;
use crate::arguments::DiagnoseArguments;
use crate::common::advice::Advisor;
use crate::common::exit::{Exit, Failure};
use crate::common::output::{print, print_json, row};
use crate::common::runtime::block_on_unless_stopped;
use crate::common::{remote, transaction};

pub(super) fn run(arguments: &DiagnoseArguments) -> Result<Exit, Failure> {
    let clues = clues(arguments)?;
    let comparison = clues
        .amount
        .map(|amount| Comparison::new(amount, None))
        .transpose()?;
    let (diagnosis, advisor) =
        block_on_unless_stopped("the state of the payment is unknown", async {
            let remote = remote::open_once(&arguments.target, &arguments.token)?;
            Ok((remote.session.diagnose(&clues).await, remote.advisor))
        })?;
    let mismatches =
        comparison.map_or_else(Vec::new, |comparison| mismatches(&diagnosis, &comparison));
    let conclusion = Conclusion::of(&diagnosis.findings(), !mismatches.is_empty());
    if arguments.json {
        print_json(&report(&diagnosis, conclusion, &mismatches, &advisor));
    } else {
        lines(&diagnosis, &mismatches, &advisor)
            .iter()
            .for_each(print);
    }
    Ok(conclusion.exit())
}

fn clues(arguments: &DiagnoseArguments) -> Result<Clues, Failure> {
    let amount = arguments.money.amount()?;
    if amount.is_some() && arguments.money.currency.is_none() {
        // With the wrong currency, Bakong does not find the payment.
        return Err(Failure::usage("--amount requires --currency"));
    }
    let given = &arguments.clues;
    if amount.is_none() && given.md5.is_none() && given.hash.is_none() {
        return Err(Failure::usage(
            "--short-hash requires --amount and --currency, or --md5 or --hash",
        ));
    }
    let mut clues = Clues::new();
    clues.md5 = given.md5;
    clues.hash.clone_from(&given.hash);
    clues.short_hash.clone_from(&given.short_hash);
    clues.amount = amount;
    Ok(clues)
}

/// The differences between the order and the first transaction that differs from it. Bakong's answers to two lookups
/// may differ, so all are compared.
fn mismatches(diagnosis: &Diagnosis, comparison: &Comparison) -> Vec<Mismatch> {
    let answers = diagnosis.answers.iter().map(|(_, answer)| answer);
    answers
        .filter_map(|answer| transaction_of(answer.as_ref().ok()?))
        .map(|transaction| comparison.mismatches(transaction))
        .find(|mismatches| !mismatches.is_empty())
        .unwrap_or_default()
}

/// The conclusion from all answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Conclusion {
    Paid,
    /// The payment was found, but it differs from the order.
    NeedsReview,
    NotFound,
    Failed,
    StaticQr,
    Disagreement,
    #[serde(rename = "could_not_ask")]
    NoAnswer,
}

impl Conclusion {
    /// An answer takes precedence over a failed lookup, except "not found": the failed lookup might have found the
    /// payment.
    fn of(findings: &[Finding], is_mismatched: bool) -> Self {
        let any = |of: fn(&Finding) -> bool| findings.iter().any(of);
        let is_static = any(|finding| *finding == Finding::StaticQr);
        let is_found = |finding: &Finding| match finding {
            Finding::Found | Finding::FoundBy(_) | Finding::OtherAmount(_) => true,
            // The lookup by short hash and amount finds nothing if another amount was paid.
            Finding::FoundOnlyBy(_, _) => is_mismatched,
            _ => false,
        };
        // Findings that later versions add need a person to judge them.
        let known = |finding: &Finding| {
            is_found(finding)
                || matches!(
                    finding,
                    Finding::NotFound
                        | Finding::StaticQr
                        | Finding::Failed
                        | Finding::LookupFailed(_)
                )
        };
        if !findings.iter().all(known) {
            Self::Disagreement
        } else if any(|finding| *finding == Finding::Failed) {
            Self::Failed
        } else if findings.iter().any(is_found) {
            // The hash belongs to a payment, but a static code does not show which payments are its own.
            if is_static {
                Self::StaticQr
            } else if is_mismatched || any(|finding| matches!(finding, Finding::OtherAmount(_))) {
                Self::NeedsReview
            } else {
                Self::Paid
            }
        } else if findings.is_empty() || any(|finding| matches!(finding, Finding::LookupFailed(_)))
        {
            Self::NoAnswer
        } else if is_static {
            Self::StaticQr
        } else {
            Self::NotFound
        }
    }

    const fn exit(self) -> Exit {
        match self {
            Self::Paid => Exit::Success,
            Self::NotFound => Exit::NotFound,
            Self::NeedsReview | Self::Failed | Self::StaticQr | Self::Disagreement => {
                Exit::NeedsAttention
            }
            Self::NoAnswer => Exit::NoAnswer,
        }
    }
}

/// The answer to each lookup, the findings, and the transaction.
fn lines(diagnosis: &Diagnosis, mismatches: &[Mismatch], advisor: &Advisor) -> Vec<String> {
    let mut lines = Vec::new();
    for (lookup, answer) in &diagnosis.answers {
        let text = match answer {
            Ok(answer) => match transaction_of(answer) {
                Some(transaction) => format!("paid: {}", hash(transaction)),
                None => status(answer).replace('_', " "),
            },
            Err(error) => format!("could not ask: {}", advisor.describe(error)),
        };
        lines.push(row(&lookup.to_string(), text));
    }
    for (lookup, why) in &diagnosis.not_asked {
        lines.push(row(&lookup.to_string(), format_args!("not asked: {why}")));
    }
    let findings = diagnosis.findings();
    lines.extend(findings.iter().map(ToString::to_string));
    if !mismatches.is_empty() {
        lines.push(transaction::review_headline(mismatches));
    }
    if let Some(transaction) = diagnosis.transaction() {
        lines.extend(transaction::rows(transaction));
    }
    lines
}

/// The transaction's hash, to compare the answers.
fn hash(transaction: &Transaction) -> String {
    transaction.hash.as_deref().map_or_else(
        || "a transaction without a readable hash".to_owned(),
        |hash| khqr_core::Printable(hash).to_string(),
    )
}

fn report(
    diagnosis: &Diagnosis,
    conclusion: Conclusion,
    mismatches: &[Mismatch],
    advisor: &Advisor,
) -> Value {
    let answers = diagnosis.answers.iter().map(|(lookup, answer)| {
        let (status, transaction, error) = match answer {
            Ok(answer) => (Some(status(answer)), transaction_of(answer), None),
            Err(error) => (None, None, Some(advisor.reason(error))),
        };
        json!({
            "by": by(*lookup),
            "status": status,
            "transaction": transaction_json(transaction),
            "error": error,
        })
    });
    let not_asked = diagnosis.not_asked.iter().map(|(lookup, why)| {
        let kind = match why {
            NotAsked::Unknown => "unknown",
            NotAsked::AmountUnknown => "amount_unknown",
            NotAsked::Pointless => "pointless",
            _ => "other",
        };
        json!({ "by": by(*lookup), "kind": kind, "message": why.to_string() })
    });
    let findings = diagnosis.findings();
    // The error that prevented a conclusion. Other errors are only in `answers`.
    let error = diagnosis
        .answers
        .iter()
        .find_map(|(_, answer)| answer.as_ref().err())
        .filter(|_| conclusion == Conclusion::NoAnswer)
        .map(|error| advisor.reason(error));
    json!({
        "status": conclusion,
        "transaction": transaction_json(diagnosis.transaction()),
        "mismatches": transaction::mismatches_json(mismatches),
        "findings": findings.iter().map(finding_json).collect::<Value>(),
        "answers": answers.collect::<Value>(),
        "notAsked": not_asked.collect::<Value>(),
        "error": error,
    })
}

const fn by(lookup: Lookup) -> &'static str {
    match lookup {
        Lookup::Md5 => "md5",
        Lookup::Hash => "hash",
        Lookup::ShortHash => "short_hash",
        _ => "other",
    }
}

/// A finding: its name, its lookups, and its text.
fn finding_json(finding: &Finding) -> Value {
    use Finding as F;
    let (kind, lookups) = match finding {
        F::Found => ("found", vec![]),
        F::FoundBy(one) => ("found", vec![*one]),
        F::OtherAmount(one) => ("other_amount", vec![*one]),
        F::NotFound => ("not_found", vec![]),
        F::StaticQr => ("static_qr", vec![Lookup::Md5]),
        F::FoundAndFailed(one, other) => ("found_and_failed", vec![*one, *other]),
        F::Failed => ("failed", vec![]),
        F::FoundOnlyBy(one, other) => ("found_only_by", vec![*one, *other]),
        F::DifferentTransactions(one, other) => ("different_transactions", vec![*one, *other]),
        F::NotComparable(one, other) => ("not_comparable", vec![*one, *other]),
        F::DifferentField(one, other, _) => ("different_field", vec![*one, *other]),
        F::CluesDisagree => ("clues_disagree", vec![Lookup::Hash, Lookup::ShortHash]),
        F::LookupFailed(lookup) => ("could_not_ask", vec![*lookup]),
        _ => ("other", vec![]),
    };
    let field = match finding {
        F::DifferentField(_, _, field) => Some(*field),
        _ => None,
    };
    json!({
        "kind": kind,
        "by": lookups.into_iter().map(by).collect::<Value>(),
        "field": field,
        "message": finding.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_lookup_never_counts_as_not_found() {
        use Conclusion as C;
        use Finding as F;
        use Lookup::{Hash, Md5};
        for (findings, expected) in [
            (vec![F::Found], C::Paid),
            (vec![F::Found, F::LookupFailed(Hash)], C::Paid),
            (vec![F::FoundBy(Md5), F::LookupFailed(Hash)], C::Paid),
            (vec![F::OtherAmount(Md5)], C::NeedsReview),
            (vec![F::OtherAmount(Md5), F::StaticQr], C::StaticQr),
            (vec![F::OtherAmount(Md5), F::CluesDisagree], C::Disagreement),
            (vec![F::NotFound], C::NotFound),
            (vec![F::NotFound, F::LookupFailed(Hash)], C::NoAnswer),
            (vec![F::LookupFailed(Md5)], C::NoAnswer),
            (vec![], C::NoAnswer),
            (vec![F::StaticQr], C::StaticQr),
            (vec![F::Found, F::StaticQr], C::StaticQr),
            (vec![F::NotFound, F::StaticQr], C::StaticQr),
            (vec![F::StaticQr, F::LookupFailed(Hash)], C::NoAnswer),
            (vec![F::Failed, F::LookupFailed(Hash)], C::Failed),
            (vec![F::FoundOnlyBy(Hash, Md5)], C::Disagreement),
            (vec![F::Found, F::CluesDisagree], C::Disagreement),
            (vec![F::NotComparable(Md5, Hash)], C::Disagreement),
            (vec![F::NotFound, F::CluesDisagree], C::Disagreement),
        ] {
            assert_eq!(C::of(&findings, false), expected, "{findings:?}");
            let mismatched = match (expected, findings.as_slice()) {
                (C::Paid, _) | (_, [F::FoundOnlyBy(..)]) => C::NeedsReview,
                (other, _) => other,
            };
            assert_eq!(C::of(&findings, true), mismatched, "{findings:?}");
        }
    }
}
