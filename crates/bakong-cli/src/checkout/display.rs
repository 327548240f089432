//! What the shop and the customer see while they wait.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::time::Duration;

use bakong_api::ApiError;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use khqr_core::{Printable, Timestamp};

use super::bakong::Bakong;
use super::order::{Order, Shown};
use crate::arguments::CheckoutArguments;
use crate::output::{note, row, say};
use crate::time::{countdown, time_of_day};
use crate::{code, remote};

/// The code, and below it a line that counts down. The line is on standard error and vanishes; nothing
/// about the terminal is changed that would have to be put back.
pub(super) struct Display {
    line: ProgressBar,
    expires_at: Timestamp,
    /// Why the last check brought no answer, as it was told.
    trouble: RefCell<Option<String>>,
    advice: Box<dyn Fn(&ApiError) -> String>,
    quiet: bool,
}

impl Display {
    /// Shows the code. With `--json` nothing is shown but on a terminal, on standard error.
    pub(super) fn open(arguments: &CheckoutArguments, bakong: &Bakong, shown: &Shown) -> Self {
        if !arguments.json {
            print_code(arguments, bakong, shown);
        }
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // The template is fixed and right; without it the line would merely look plainer.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            line.set_style(style);
        }
        let base_url = bakong.session().base_url().clone();
        let display = Self {
            line,
            expires_at: shown.expires_at,
            trouble: RefCell::new(None),
            advice: Box::new(move |error| remote::advice(error, &base_url)),
            quiet: arguments.json,
        };
        if !display.quiet && !std::io::stderr().is_terminal() {
            note("Waiting for the payment.");
        }
        display
    }

    /// Takes note of how the last check went.
    pub(super) fn tell(&self, error: Option<&ApiError>) {
        let trouble = error.map(|error| format!("{error}{}", (self.advice)(error)));
        let mut before = self.trouble.borrow_mut();
        if *before == trouble {
            return;
        }
        // On a terminal the countdown says it; elsewhere each change is a line.
        if !self.quiet && !std::io::stderr().is_terminal() {
            match &trouble {
                Some(trouble) => note(format_args!("No answer: {trouble}. Trying again.")),
                None => note("Bakong answers again."),
            }
        }
        *before = trouble;
    }

    /// Draws the line anew.
    pub(super) fn tick(&self, now: Timestamp) {
        let left = self.expires_at.saturating_since(now);
        let time = if left == Duration::ZERO {
            "expired; asking one last time".to_owned()
        } else {
            format!("waiting for the payment, {} left", countdown(left))
        };
        let trouble = self.trouble.borrow();
        self.line.set_message(match &*trouble {
            Some(trouble) => format!("{time}; no answer: {trouble}; trying again"),
            None => time,
        });
        self.line.tick();
    }

    /// Removes the line.
    pub(super) fn close(&self) {
        self.line.finish_and_clear();
    }
}

fn print_code(arguments: &CheckoutArguments, bakong: &Bakong, shown: &Shown) {
    code::show(&shown.text);
    say(row("amount", shown.amount));
    say(row(
        "shop",
        format_args!("{}, {}", Printable(&shown.name), Printable(&shown.city)),
    ));
    say(row("account", Printable(&shown.account)));
    say(row("bill", Printable(&shown.bill)));
    say(row(
        "until",
        format_args!("{} in Phnom Penh", time_of_day(shown.expires_at)),
    ));
    say(row("code", Printable(&shown.text)));
    say(row("MD5", shown.md5));
    if bakong.is_sandbox() {
        say("This is the sandbox: no real money moves, and no bank's app can pay this code.");
    }
    if arguments.expires_in > Order::ADVISED_LIFE {
        note("NBC advises that a code at a counter lives at most 10 minutes.");
    }
}
