//! How it ended, for people and for machines.

use bakong_api::ApiError;
use bakong_api::khqr_core::{Printable, Timestamp};
use bakong_flow::Outcome;
use serde_json::{Value, json};

use super::backend::Bakong;
use super::order::Shown;
use crate::common::credentials::TokenSource;
use crate::common::exit::{Exit, Failure};
use crate::common::output::{row, say, say_json};
use crate::common::time::{in_phnom_penh, time_of_day};
use crate::common::{money, transaction};

/// Why the waiting ended.
pub(super) enum Ending {
    /// The payment is final, after this many checks.
    Final(Outcome, u32),
    /// Nobody answered, for this reason.
    GaveUp(Option<ApiError>),
    /// The user stopped it.
    Stopped,
}

/// Everything that the last words are made of.
pub(super) struct Report<'r> {
    pub(super) now: Timestamp,
    pub(super) shown: &'r Shown,
    pub(super) bakong: &'r Bakong,
    pub(super) ending: Ending,
}

impl Report<'_> {
    /// Says how it ended and gives the exit code for it.
    pub(super) fn print(&self, json: bool) -> Exit {
        if json {
            say_json(&self.json());
        } else {
            self.lines().iter().for_each(say);
        }
        match &self.ending {
            Ending::Final(Outcome::Paid { .. }, _) => Exit::Success,
            Ending::Final(Outcome::Expired, _) => Exit::Expired,
            Ending::Final(..) => Exit::NeedsAttention,
            Ending::GaveUp(_) => Exit::CouldNotAsk,
            Ending::Stopped => Exit::Interrupted,
        }
    }

    fn lines(&self) -> Vec<String> {
        match &self.ending {
            Ending::Final(outcome, checks) => self.final_lines(outcome, *checks),
            Ending::GaveUp(error) => {
                let reason = error.as_ref().map_or_else(
                    || "no answer came".to_owned(),
                    |error| self.bakong.asked().tell(error),
                );
                let sentence = format!("UNKNOWN: could not ask Bakong: {reason}");
                self.open_lines(sentence)
            }
            Ending::Stopped => {
                self.open_lines("STOPPED: nobody waits for the payment any more".to_owned())
            }
        }
    }

    fn final_lines(&self, outcome: &Outcome, checks: u32) -> Vec<String> {
        let shown = self.shown;
        let mut lines = Vec::new();
        match outcome {
            Outcome::Paid { transaction, late } => {
                lines.push("PAID".to_owned());
                lines.extend(transaction::rows(transaction));
                lines.push(row("bill", Printable(&shown.bill)));
                lines.push(row("MD5", shown.md5));
                // One more was asked before the code was shown.
                let asked = checks.saturating_add(1);
                lines.push(row(
                    "checked",
                    format_args!("amount, currency and recipient match; asked {asked} times"),
                ));
                if *late {
                    lines.push(row("late", "it was made after the code had expired"));
                }
            }
            Outcome::NeedsReview {
                transaction,
                mismatches,
            } => {
                lines.push("NEEDS REVIEW: money came, but it is not what was asked for".to_owned());
                lines.extend(transaction::rows(transaction));
                let reasons = mismatches
                    .iter()
                    .map(|mismatch| row("because", transaction::describe(mismatch)));
                lines.extend(reasons);
                lines.push(
                    "A person has to look at it before the order is closed. It was:".to_owned(),
                );
                lines.extend(self.order_rows());
            }
            Outcome::Expired => {
                lines.push(format!(
                    "EXPIRED: nobody paid by {}; Bakong, asked once more after that, knows of no payment",
                    time_of_day(shown.expires_at)
                ));
                lines.extend(self.order_rows());
            }
            Outcome::StaticQr => {
                lines.push(
                    "NEEDS REVIEW: Bakong takes the code for a static one and does not look it up"
                        .to_owned(),
                );
                lines.extend(self.order_rows());
            }
            Outcome::Failed => {
                lines.push("FAILED: Bakong says that the payment failed".to_owned());
                lines.extend(self.order_rows());
            }
            // What later versions may add.
            other => {
                lines.push(format!("NEEDS REVIEW: {other:?}"));
                lines.extend(self.order_rows());
            }
        }
        lines
    }

    /// What is said when it is open whether the payment was or will be made.
    fn open_lines(&self, sentence: String) -> Vec<String> {
        let expires_at = self.shown.expires_at;
        let payable = if self.bakong.is_sandbox() {
            "The sandbox is gone with this command, and its payments too. The code was:".to_owned()
        } else if self.now <= expires_at {
            format!(
                "The code can be paid until {} in Phnom Penh. Look it up before the order is closed:",
                in_phnom_penh(expires_at)
            )
        } else {
            "The code may have been paid before it expired. Look it up before the order is closed:"
                .to_owned()
        };
        let mut lines = vec![sentence, payable];
        lines.extend(self.order_rows());
        if !self.bakong.is_sandbox() {
            let asked = self.bakong.asked();
            let base_url = &asked.base_url;
            let shown = self.shown;
            let plain = if self.bakong.allows_plain_http() {
                " --allow-plain-http"
            } else {
                ""
            };
            let token_file = match &asked.token {
                source @ TokenSource::File(_) => format!(" --token-file {}", source.shell_word()),
                TokenSource::Environment | TokenSource::None => String::new(),
            };
            lines.push(row(
                "by hand",
                format_args!(
                    "bakong tx check --md5 {} --account {} --amount {} --currency {} \
                     --base-url {base_url}{plain}{token_file}",
                    shown.md5,
                    Printable(&shown.account),
                    money::decimal(shown.amount),
                    shown.amount.currency(),
                ),
            ));
        }
        lines
    }

    /// By what the payment can be found without this command's memory.
    fn order_rows(&self) -> Vec<String> {
        let shown = self.shown;
        vec![
            row("MD5", shown.md5),
            row("account", Printable(&shown.account)),
            row("amount", shown.amount),
            row("bill", Printable(&shown.bill)),
        ]
    }

    fn json(&self) -> Value {
        let shown = self.shown;
        let mut object = blank(self.status());
        object["qr"] = shown.text.as_str().into();
        object["md5"] = shown.md5.to_string().into();
        object["account"] = shown.account.as_str().into();
        object["amount"] = money::decimal(shown.amount).into();
        object["currency"] = shown.amount.currency().alphabetic_code().into();
        object["bill"] = shown.bill.as_str().into();
        object["createdAt"] = shown.created_at.as_millis().into();
        object["expiresAt"] = shown.expires_at.as_millis().into();
        match &self.ending {
            Ending::Final(Outcome::Paid { transaction, late }, _) => {
                object["transaction"] = transaction::json(transaction);
                object["late"] = (*late).into();
            }
            Ending::Final(
                Outcome::NeedsReview {
                    transaction,
                    mismatches,
                },
                _,
            ) => {
                object["transaction"] = transaction::json(transaction);
                object["mismatches"] = mismatches.iter().map(transaction::mismatch_json).collect();
            }
            Ending::GaveUp(Some(error)) => {
                object["error"] = json!(self.bakong.asked().reason(error));
            }
            _ => {}
        }
        object
    }

    const fn status(&self) -> &'static str {
        match &self.ending {
            Ending::Final(Outcome::Paid { .. }, _) => "paid",
            Ending::Final(Outcome::NeedsReview { .. }, _) => "needs_review",
            Ending::Final(Outcome::Expired, _) => "expired",
            Ending::Final(Outcome::StaticQr, _) => "static_qr",
            Ending::Final(Outcome::Failed, _) => "failed",
            // What later versions may add.
            Ending::Final(..) => "needs_review",
            Ending::GaveUp(_) => COULD_NOT_ASK,
            Ending::Stopped => STOPPED,
        }
    }
}

/// What is said when no code was shown.
pub(super) fn not_shown(failure: &Failure) -> Value {
    let mut object = blank(match failure.exit() {
        Exit::Interrupted => STOPPED,
        Exit::NeedsAttention => "needs_review",
        _ => COULD_NOT_ASK,
    });
    object["error"] = json!(failure.reason());
    object
}

/// Every key that there is, so that scripts need not ask which are.
fn blank(status: &str) -> Value {
    json!({
        "status": status,
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

const COULD_NOT_ASK: &str = "could_not_ask";
const STOPPED: &str = "stopped";
