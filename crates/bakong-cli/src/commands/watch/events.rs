//! Prints the events of each payment, as text or as JSON.

use std::sync::{Arc, Mutex, PoisonError};

use bakong_api::{ErrorClass, TransactionHash};
use bakong_flow::store::{Event, EventKind};
use bakong_flow::watcher::Progress;
use bakong_flow::{OrderId, Outcome, Payment};
use khqr_core::{Md5Handle, Printable, Timestamp};
use serde_json::{Value, json};

use crate::common::advice::Advisor;
use crate::common::colour::Tone;
use crate::common::exit::{Exit, Failure, Reason};
use crate::common::output::{Stream, note, print, print_json};
use crate::common::time::in_phnom_penh;
use crate::common::{lookup, transaction};

/// Prints events. Clones share the last printed error.
#[derive(Clone, Debug)]
pub(super) struct EventPrinter {
    json: bool,
    advisor: Arc<Advisor>,
    /// The command that watches the open payments again, if they are stored.
    resume: Option<String>,
    /// The error that affects all requests, as last printed.
    error_class: Arc<Mutex<Option<ErrorClass>>>,
}

impl EventPrinter {
    pub(super) fn new(json: bool, advisor: Advisor, resume: Option<String>) -> Self {
        Self {
            json,
            advisor: Arc::new(advisor),
            resume,
            error_class: Arc::default(),
        }
    }

    pub(super) fn watching(&self, progress: &Progress) {
        if self.json {
            let mut event = event("watching", progress.md5, &progress.order);
            event["expiresAt"] = progress.expires_at.as_millis().into();
            print_json(&event);
        } else {
            let until = in_phnom_penh(progress.expires_at);
            let order = name(&progress.order);
            print(format_args!(
                "{order}: watching until {until} in Phnom Penh"
            ));
        }
    }

    /// Prints what changed since `before`.
    pub(super) fn progress(&self, progress: &Progress, before: Option<&Progress>) {
        if let Some(outcome) = &progress.outcome {
            // A final payment shows that Bakong responds again, so this needs no message.
            self.is_new_error(None);
            self.ended(progress.md5, &progress.order, outcome);
            return;
        }
        if progress.is_asking {
            return;
        }
        if let Some(error) = &progress.last_error {
            let known = before.and_then(|before| before.last_error.as_ref());
            let is_new = known.is_none_or(|known| known.class() != error.class());
            if self.json {
                let mut event = event("no_answer", progress.md5, &progress.order);
                event["error"] = json!(self.advisor.reason(error));
                print_json(&event);
            } else if affects_one_payment(error.class()) {
                if is_new {
                    let order = name(&progress.order);
                    let error = self.advisor.describe(error);
                    note(format_args!("{order}: no answer: {error}"));
                }
            } else if self.is_new_error(Some(error.class())) {
                note(format_args!("No answer: {}", self.advisor.describe(error)));
            }
        } else if progress.checks > 0 {
            if self.json {
                let mut event = event("not_paid_yet", progress.md5, &progress.order);
                event["checks"] = progress.checks.into();
                event["nextCheckAt"] = progress.next_check.map(Timestamp::as_millis).into();
                print_json(&event);
            } else if self.is_new_error(None) {
                note("Bakong answers again.");
            }
        }
    }

    /// Remembers the error that affects all requests. Returns whether it changed, so that it is printed once for all
    /// payments.
    fn is_new_error(&self, error_class: Option<ErrorClass>) -> bool {
        let mut printed = self
            .error_class
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *printed, error_class) != error_class
    }

    /// Prints the outcome of a payment.
    pub(super) fn ended(&self, md5: Md5Handle, order: &OrderId, outcome: &Outcome) {
        if self.json {
            let mut event = event("final", md5, order);
            transaction::write_outcome(outcome, &mut event);
            print_json(&event);
            return;
        }
        let headline = transaction::headline(outcome);
        let headline = transaction::tone(outcome).paint_headline(&headline, Stream::Out);
        print(format_args!("{}: {headline}", name(order)));
        if let Some(paid) = outcome.transaction() {
            for row in transaction::rows(paid) {
                print(format_args!("  {row}"));
            }
        }
    }

    /// Prints an event that concerns a payment which is already final. Returns its exit code.
    pub(super) fn event(&self, found: &Event) -> Exit {
        let EventKind::PaidAgain {
            transaction: paid,
            hash,
        } = &found.kind
        else {
            return Exit::Success;
        };
        if self.json {
            let mut event = event("paid_again", found.md5, &found.order);
            event["transaction"] = paid.as_deref().map(transaction::json).into();
            event["hash"] = hash.as_ref().map(TransactionHash::as_str).into();
            print_json(&event);
        } else {
            let order = name(&found.order);
            let headline = "NEEDS REVIEW: it was paid a second time";
            let headline = Tone::Attention.paint_headline(headline, Stream::Out);
            print(format_args!("{order}: {headline}"));
        }
        Exit::NeedsAttention
    }

    pub(super) fn refused(&self, line: u64, failure: &Failure) {
        if self.json {
            let error = failure.reason();
            print_json(&json!({ "event": "refused", "line": line, "error": error }));
        } else {
            note(format_args!("line {line}: not watched: {failure}"));
        }
    }

    /// Prints the payments that are open when a signal stops the command.
    pub(super) fn stopped(&self, open: &[&Payment]) {
        if self.json {
            let open: Vec<String> = open.iter().map(|it| it.md5.to_string()).collect();
            print_json(&json!({ "event": "stopped", "open": open }));
        } else {
            self.note_open("Stopped.", open);
        }
    }

    /// Prints the payments that are open when the reader of standard output has ended.
    pub(super) fn unread(&self, open: &[&Payment]) {
        self.note_open("Stopped, because standard output is closed.", open);
    }

    /// Prints how to look up the open payments.
    fn note_open(&self, headline: &str, open: &[&Payment]) {
        if open.is_empty() {
            return note(format_args!("{headline} No payment is open."));
        }
        note(format_args!(
            "{headline} These payments may still be made. Look them up before you close their orders:"
        ));
        for payment in open {
            let command = lookup::command(payment.md5, payment.expected.as_ref(), &self.advisor);
            note(format_args!("{}:", name(&payment.order)));
            note(format_args!("  {command}"));
        }
        if let Some(resume) = &self.resume {
            note("The payments are stored. To wait for them again:");
            note(format_args!("  {resume}"));
        }
    }
}

/// The refusal of a code whose final check does not fit into the quota.
pub(super) fn quota_exhausted(until: Timestamp, expires_at: Timestamp) -> Failure {
    let moment = in_phnom_penh(until);
    let advice = if until < expires_at {
        format!("Do not show it before {moment} in Phnom Penh")
    } else {
        format!("Do not show it. Make a new code after {moment} in Phnom Penh")
    };
    let message = format!("the daily quota is too small to check this code. {advice}");
    let reason = Reason {
        retry_at: Some(until.as_millis()),
        ..Reason::new(ErrorClass::QuotaExhausted.name(), message.clone())
    };
    Failure::new(Exit::NoAnswer, message).because(reason)
}

/// Whether an error of this class may concern one payment only.
const fn affects_one_payment(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Refused | ErrorClass::Malformed)
}

fn event(kind: &str, md5: Md5Handle, order: &OrderId) -> Value {
    json!({ "event": kind, "order": order.as_str(), "md5": md5.to_string() })
}

fn name(order: &OrderId) -> String {
    Printable(order.as_str()).to_string()
}
