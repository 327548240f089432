//! What is told of each payment: in lines for people, or as JSON for machines.

use std::sync::{Arc, Mutex, PoisonError};

use bakong_api::{ErrorClass, TransactionHash};
use bakong_flow::watcher::Progress;
use bakong_flow::{Change, OrderId, Outcome};
use khqr_core::{Md5Handle, Printable, Timestamp};
use serde_json::{Value, json};

use super::Asked;
use crate::common::exit::{Exit, Failure, Reason};
use crate::common::output::{note, say, say_json};
use crate::common::time::in_phnom_penh;
use crate::common::transaction;

/// Tells.
#[derive(Clone, Debug)]
pub(super) struct Telling {
    json: bool,
    asked: Arc<Asked>,
    /// What is wrong with all requests at present, as was told last.
    trouble: Arc<Mutex<Option<ErrorClass>>>,
}

impl Telling {
    pub(super) fn new(json: bool, asked: Asked) -> Self {
        Self {
            json,
            asked: Arc::new(asked),
            trouble: Arc::default(),
        }
    }

    pub(super) fn watching(&self, progress: &Progress) {
        if self.json {
            let mut event = event("watching", progress.md5, &progress.order);
            event["expiresAt"] = progress.expires_at.as_millis().into();
            say_json(&event);
        } else {
            let until = in_phnom_penh(progress.expires_at);
            say(format_args!(
                "{}: watching until {until}",
                name(&progress.order)
            ));
        }
    }

    /// Tells what has changed since `before`.
    pub(super) fn progress(&self, progress: &Progress, before: Option<&Progress>) {
        if let Some(outcome) = &progress.outcome {
            // Bakong answers again, as it shows.
            self.now_told(None);
            self.ended(progress, outcome);
            return;
        }
        if progress.is_asking {
            return;
        }
        if let Some(error) = &progress.trouble {
            let known = before.and_then(|before| before.trouble.as_ref());
            let is_new = known.is_none_or(|known| known.class() != error.class());
            if self.json {
                let mut event = event("no_answer", progress.md5, &progress.order);
                event["error"] = json!(self.asked.reason(error));
                say_json(&event);
            } else if is_of_one(error.class()) {
                if is_new {
                    let order = name(&progress.order);
                    note(format_args!(
                        "{order}: no answer: {}",
                        self.asked.tell(error)
                    ));
                }
            } else if self.now_told(Some(error.class())) {
                note(format_args!("No answer: {}", self.asked.tell(error)));
            }
        } else if progress.checks == 0 {
            // Nothing was asked yet.
        } else if !self.json {
            if self.now_told(None) {
                note("Bakong answers again.");
            }
        } else {
            let mut event = event("not_paid_yet", progress.md5, &progress.order);
            event["checks"] = progress.checks.into();
            event["nextCheckAt"] = progress.next_check.map(Timestamp::as_millis).into();
            say_json(&event);
        }
    }

    /// Whether this is other trouble, or the end of trouble, than was told last. All payments have it in
    /// common, and it is told once.
    fn now_told(&self, trouble: Option<ErrorClass>) -> bool {
        let mut told = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *told, trouble) != trouble
    }

    fn ended(&self, progress: &Progress, outcome: &Outcome) {
        if self.json {
            let mut event = event("final", progress.md5, &progress.order);
            event["status"] = outcome.name().into();
            event["transaction"] = outcome.transaction().map(transaction::json).into();
            event["late"] = match outcome {
                Outcome::Paid { late, .. } => (*late).into(),
                _ => Value::Null,
            };
            event["mismatches"] = match outcome {
                Outcome::NeedsReview { mismatches, .. } => {
                    mismatches.iter().map(transaction::mismatch_json).collect()
                }
                _ => json!([]),
            };
            say_json(&event);
            return;
        }
        let words = match outcome {
            Outcome::Paid { late: false, .. } => "PAID".to_owned(),
            Outcome::Paid { .. } => "PAID, after the code had expired".to_owned(),
            Outcome::NeedsReview { mismatches, .. } => {
                let reasons: Vec<String> = mismatches.iter().map(transaction::describe).collect();
                format!("NEEDS REVIEW: {}", reasons.join("; "))
            }
            Outcome::Failed => "FAILED: Bakong says that the payment failed".to_owned(),
            Outcome::StaticQr => {
                "NEEDS REVIEW: Bakong takes the code for a static one and does not look it up"
                    .to_owned()
            }
            Outcome::Expired => "EXPIRED: nobody paid".to_owned(),
            other => format!("NEEDS REVIEW: {}", other.name()),
        };
        say(format_args!("{}: {words}", name(&progress.order)));
        if let Some(paid) = outcome.transaction() {
            for row in transaction::rows(paid) {
                say(format_args!("  {row}"));
            }
        }
    }

    /// Tells of what no payment that is open would tell, and what that means for the exit code.
    pub(super) fn change(&self, change: &Change) -> Exit {
        let Change::PaidAgain {
            md5,
            order,
            transaction: paid,
            hash,
        } = change
        else {
            return Exit::Success;
        };
        if self.json {
            let mut event = event("paid_again", *md5, order);
            event["transaction"] = paid.as_deref().map(transaction::json).into();
            event["hash"] = hash.as_ref().map(TransactionHash::as_str).into();
            say_json(&event);
        } else {
            let order = name(order);
            say(format_args!(
                "{order}: NEEDS REVIEW: money came for it a second time"
            ));
        }
        Exit::NeedsAttention
    }

    pub(super) fn refused(&self, line: u64, failure: &Failure) {
        if self.json {
            let error = failure.reason();
            say_json(&json!({ "event": "refused", "line": line, "error": error }));
        } else {
            note(format_args!("line {line}: not watched: {failure}"));
        }
    }

    /// The user stopped it while these were open.
    pub(super) fn stopped(&self, open: &[Md5Handle]) {
        if self.json {
            let open: Vec<String> = open.iter().map(ToString::to_string).collect();
            say_json(&json!({ "event": "stopped", "open": open }));
            return;
        }
        let base_url = &self.asked.base_url;
        note(match open.len() {
            0 => "Stopped; no payment is open.",
            _ => "Stopped. These may still be paid; look them up before their orders are closed:",
        });
        for md5 in open {
            note(format_args!(
                "  bakong tx check --md5 {md5} --base-url {base_url}"
            ));
        }
    }
}

/// A code that there are no requests for today.
pub(super) fn no_quota(until: Timestamp, expires_at: Timestamp) -> Failure {
    let moment = in_phnom_penh(until);
    let what = if until < expires_at {
        format!("Do not show it before {moment}")
    } else {
        format!("Do not show it, and make a new one after {moment}")
    };
    let message =
        format!("the day's requests do not suffice to see whether this code is paid. {what}");
    let reason = Reason {
        retry_at: Some(until.as_millis()),
        ..Reason::text(message.as_str())
    };
    Failure::new(Exit::CouldNotAsk, message).because(reason)
}

/// Whether such a failure may be of what was asked about alone.
const fn is_of_one(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Refused | ErrorClass::Malformed)
}

fn event(kind: &str, md5: Md5Handle, order: &OrderId) -> Value {
    json!({ "event": kind, "order": order.as_str(), "md5": md5.to_string() })
}

fn name(order: &OrderId) -> String {
    Printable(order.as_str()).to_string()
}
