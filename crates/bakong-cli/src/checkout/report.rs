//! How it ended, for people and for machines.

use bakong_api::ApiError;
use bakong_api::khqr_core::Printable;
use bakong_flow::{Detail, Mismatch, Outcome};
use serde_json::{Value, json};

use super::bakong::Bakong;
use super::order::Shown;
use crate::exit::Exit;
use crate::output::{row, say, say_json};
use crate::time::{in_phnom_penh, time_of_day};
use crate::{money, remote, transaction};

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
        let shown = self.shown;
        match &self.ending {
            Ending::Final(Outcome::Paid { transaction, late }, checks) => {
                let mut lines = vec!["PAID".to_owned()];
                lines.extend(transaction::rows(transaction));
                lines.push(row("bill", Printable(&shown.bill)));
                lines.push(row("MD5", shown.md5));
                lines.push(row(
                    "checked",
                    format_args!("amount, currency and recipient match; asked {checks} times"),
                ));
                if *late {
                    lines.push(row("late", "it was made after the code had expired"));
                }
                lines
            }
            Ending::Final(
                Outcome::NeedsReview {
                    transaction,
                    mismatches,
                },
                _,
            ) => {
                let mut lines = vec![
                    "NEEDS REVIEW: money came, but it is not what was asked for".to_owned(),
                    row(
                        "asked",
                        format_args!("{} to {}", shown.amount, Printable(&shown.account)),
                    ),
                ];
                lines.extend(transaction::rows(transaction));
                let reasons = mismatches
                    .iter()
                    .map(|mismatch| row("because", describe(mismatch)));
                lines.extend(reasons);
                lines.push("A person has to look at it before the order is closed.".to_owned());
                lines
            }
            Ending::Final(Outcome::Expired, _) => vec![format!(
                "EXPIRED: nobody paid by {}; Bakong, asked once more after that, knows of no payment",
                time_of_day(shown.expires_at)
            )],
            Ending::Final(Outcome::StaticQr, _) => vec![
                "NEEDS REVIEW: Bakong takes the code for a static one and does not look it up"
                    .to_owned(),
            ],
            Ending::Final(_, _) => {
                let mut lines = vec!["FAILED: Bakong says that the payment failed".to_owned()];
                lines.push(row("MD5", shown.md5));
                lines
            }
            Ending::GaveUp(error) => {
                let reason = error.as_ref().map_or_else(
                    || "no answer came".to_owned(),
                    |error| {
                        let base_url = self.bakong.session().base_url();
                        format!("{error}{}", remote::advice(error, base_url))
                    },
                );
                let mut lines = vec![
                    format!("UNKNOWN: could not ask Bakong: {reason}"),
                    "It may have been paid. Look it up before the order is closed:".to_owned(),
                ];
                lines.extend(self.look_up());
                lines
            }
            Ending::Stopped => {
                let mut lines = vec![
                    "STOPPED: nobody waits for the payment any more".to_owned(),
                    format!(
                        "The code can still be paid until {} in Phnom Penh. Look it up later:",
                        in_phnom_penh(shown.expires_at)
                    ),
                ];
                lines.extend(self.look_up());
                lines
            }
        }
    }

    /// How the payment can be found without this command's memory.
    fn look_up(&self) -> Vec<String> {
        let shown = self.shown;
        let mut lines = vec![
            row("MD5", shown.md5),
            row("account", Printable(&shown.account)),
            row("amount", shown.amount),
            row("bill", Printable(&shown.bill)),
        ];
        if self.bakong.is_sandbox() {
            lines.push("The sandbox is gone with this command, and its payments too.".to_owned());
        } else {
            lines.push(row(
                "by hand",
                format_args!(
                    "bakong tx check --md5 {} --base-url {}",
                    shown.md5,
                    self.bakong.session().base_url()
                ),
            ));
        }
        lines
    }

    fn json(&self) -> Value {
        let shown = self.shown;
        let mut object = json!({
            "status": self.status(),
            "qr": shown.text,
            "md5": shown.md5.to_string(),
            "account": shown.account,
            "amount": money::decimal(shown.amount),
            "currency": shown.amount.currency().alphabetic_code(),
            "bill": shown.bill,
            "createdAt": shown.created_at.as_millis(),
            "expiresAt": shown.expires_at.as_millis(),
        });
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
                object["because"] = mismatches.iter().map(describe).collect();
            }
            Ending::GaveUp(Some(error)) => object["error"] = remote::error_json(error),
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
            Ending::Final(..) => "failed",
            Ending::GaveUp(_) => COULD_NOT_ASK,
            Ending::Stopped => "stopped",
        }
    }
}

pub(super) const COULD_NOT_ASK: &str = "could_not_ask";

fn describe(mismatch: &Mismatch) -> String {
    match mismatch {
        Mismatch::Short { paid } => format!("too little was paid: {paid}"),
        Mismatch::Over { paid } => format!("too much was paid: {paid}"),
        Mismatch::OtherCurrency { paid } => format!("it was paid in {paid}"),
        Mismatch::OtherRecipient { paid } => {
            format!("another account was paid: {}", Printable(paid))
        }
        Mismatch::Untold(Detail::Amount) => "Bakong does not say readably how much".to_owned(),
        Mismatch::Untold(Detail::Currency) => "Bakong does not say in which currency".to_owned(),
        Mismatch::Untold(Detail::Recipient) => "Bakong does not say to whom".to_owned(),
        _ => "it differs from what was asked for".to_owned(),
    }
}
