//! The final report of a checkout, as text and as JSON.

use bakong_api::ApiError;
use bakong_api::khqr_core::{Printable, Timestamp};
use bakong_flow::Outcome;
use serde_json::{Value, json};

use super::backend::Backend;
use super::order::ShownCode;
use crate::common::colour::Tone;
use crate::common::exit::{Exit, Failure};
use crate::common::output::{Stream, print_json, row};
use crate::common::time::{in_phnom_penh, time_of_day};
use crate::common::{lookup, money, transaction};

/// Why the command stopped waiting.
pub(super) enum Ending {
    /// The payment is final, after this many checks.
    Final(Outcome, u32),
    /// Bakong gave no usable response, for this reason.
    GaveUp(Option<ApiError>),
    /// A signal stopped the command.
    Stopped,
    /// Standard output is closed.
    Unread,
}

const NO_ANSWER: &str = "could_not_ask";
const STOPPED: &str = "stopped";

/// The data that the report shows.
pub(super) struct Report<'r> {
    pub(super) now: Timestamp,
    pub(super) shown: &'r ShownCode,
    pub(super) backend: &'r Backend,
    pub(super) ending: Ending,
}

impl Report<'_> {
    /// Prints the report and returns the exit code. If standard output is closed, prints the report on standard error.
    pub(super) fn print(&self, json: bool) -> Exit {
        match (&self.ending, json) {
            (Ending::Unread, _) => self.print_lines(Stream::Err),
            (_, true) => print_json(&self.json()),
            (_, false) => self.print_lines(Stream::Out),
        }
        match &self.ending {
            Ending::Final(outcome, _) => transaction::exit(outcome),
            Ending::GaveUp(_) | Ending::Unread => Exit::NoAnswer,
            Ending::Stopped => Exit::Interrupted,
        }
    }

    /// Whether the payment is final.
    pub(super) const fn is_final(&self) -> bool {
        matches!(self.ending, Ending::Final(..))
    }

    /// Prints the report for people. The headline has the colour of the outcome.
    fn print_lines(&self, stream: Stream) {
        let lines = self.lines();
        let tone = match &self.ending {
            Ending::Final(outcome, _) => Some(transaction::tone(outcome)),
            Ending::GaveUp(_) => Some(Tone::Bad),
            Ending::Stopped | Ending::Unread => None,
        };
        let headline = lines.first().map(String::as_str).unwrap_or_default();
        match tone {
            Some(tone) => stream.line(tone.paint_headline(headline, stream)),
            None => stream.line(headline),
        }
        lines.iter().skip(1).for_each(|line| stream.line(line));
    }

    fn lines(&self) -> Vec<String> {
        match &self.ending {
            Ending::Final(outcome, checks) => self.final_lines(outcome, *checks),
            Ending::GaveUp(error) => {
                let reason = error.as_ref().map_or_else(
                    || "no response".to_owned(),
                    |error| self.backend.advisor.describe(error),
                );
                self.unknown_lines(format!("UNKNOWN: could not ask Bakong: {reason}"))
            }
            Ending::Stopped => self
                .unknown_lines("STOPPED: this command no longer waits for the payment".to_owned()),
            Ending::Unread => self.unknown_lines(
                "STOPPED: standard output is closed, so this command no longer waits for the payment"
                    .to_owned(),
            ),
        }
    }

    fn final_lines(&self, outcome: &Outcome, checks: u32) -> Vec<String> {
        let mut lines = vec![match outcome {
            Outcome::Expired => format!(
                "EXPIRED: no payment by {} in Phnom Penh. A final check after that time found none either",
                time_of_day(self.shown.expires_at)
            ),
            _ => transaction::headline(outcome),
        }];
        lines.extend(
            outcome
                .transaction()
                .map(transaction::rows)
                .unwrap_or_default(),
        );
        match outcome {
            Outcome::Paid { .. } => {
                // One more check was made before the code was shown.
                let checks = checks.saturating_add(1);
                let checked = format!("amount, currency and recipient match; {checks} checks");
                lines.push(row("bill", Printable(&self.shown.bill)));
                lines.push(row("MD5", self.shown.md5));
                lines.push(row("checked", checked));
            }
            Outcome::NeedsReview { .. } => {
                lines.push(
                    "Review the payment before you close the order. The order was:".to_owned(),
                );
                lines.extend(self.order_rows());
            }
            _ => lines.extend(self.order_rows()),
        }
        lines
    }

    /// The report if it is unknown whether the payment was or will be made.
    fn unknown_lines(&self, headline: String) -> Vec<String> {
        let expires_at = self.shown.expires_at;
        let next = if self.backend.is_sandbox() {
            "The sandbox and its payments are gone. The order was:".to_owned()
        } else if self.now <= expires_at {
            format!(
                "The code can be paid until {} in Phnom Penh. Look the payment up before you close the order:",
                in_phnom_penh(expires_at)
            )
        } else {
            "The code may have been paid before it expired. Look the payment up before you close the order:"
                .to_owned()
        };
        let mut lines = vec![headline, next];
        lines.extend(self.order_rows());
        if !self.backend.is_sandbox() {
            lines.push(row("command", self.lookup_command()));
        }
        if let Some(resume) = self.backend.kept.resume_command(&self.backend.advisor) {
            lines.push("The payment is stored and still open. To wait for it again:".to_owned());
            lines.push(row("command", resume));
        }
        lines
    }

    /// The command that looks the payment up.
    fn lookup_command(&self) -> String {
        let (shown, advisor) = (self.shown, &self.backend.advisor);
        lookup::command(shown.md5, Some(&shown.expected), advisor)
    }

    /// The fields that identify the payment.
    fn order_rows(&self) -> [String; 4] {
        let shown = self.shown;
        [
            row("MD5", shown.md5),
            row("account", Printable(&shown.account)),
            row("amount", shown.amount),
            row("bill", Printable(&shown.bill)),
        ]
    }

    fn json(&self) -> Value {
        let shown = self.shown;
        let mut object = empty_json();
        object["qr"] = shown.text.as_str().into();
        object["md5"] = shown.md5.to_string().into();
        object["account"] = shown.account.as_str().into();
        object["amount"] = money::decimal(shown.amount).into();
        object["currency"] = shown.amount.currency().alphabetic_code().into();
        object["bill"] = shown.bill.as_str().into();
        object["createdAt"] = shown.created_at.as_millis().into();
        object["expiresAt"] = shown.expires_at.as_millis().into();
        match &self.ending {
            Ending::Final(outcome, _) => transaction::write_outcome(outcome, &mut object),
            Ending::GaveUp(error) => {
                object["status"] = NO_ANSWER.into();
                object["error"] = json!(
                    error
                        .as_ref()
                        .map(|error| self.backend.advisor.reason(error))
                );
            }
            Ending::Stopped | Ending::Unread => object["status"] = STOPPED.into(),
        }
        object
    }
}

/// The JSON object if no code was shown.
pub(super) fn failure_json(failure: &Failure) -> Value {
    let mut object = empty_json();
    object["status"] = match failure.exit() {
        Exit::Interrupted => STOPPED,
        Exit::NeedsAttention => "needs_review",
        _ => NO_ANSWER,
    }
    .into();
    object["error"] = json!(failure.reason());
    object
}

/// An object with all keys, so that every result has the same keys.
fn empty_json() -> Value {
    json!({
        "status": null,
        "qr": null,
        "md5": null,
        "account": null,
        "amount": null,
        "currency": null,
        "bill": null,
        "createdAt": null,
        "expiresAt": null,
        "late": null,
        "transaction": null,
        "mismatches": [],
        "error": null,
    })
}
