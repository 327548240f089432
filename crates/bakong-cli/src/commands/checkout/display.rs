//! What the shop and the customer see while they wait.

use std::cell::RefCell;
use std::time::Duration;

use bakong_flow::watcher::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use khqr_core::{Printable, Timestamp};

use super::backend::Bakong;
use super::order::Shown;
use crate::arguments::CheckoutArguments;
use crate::common::advice::Asked;
use crate::common::code;
use crate::common::output::{Stream, note, row};
use crate::common::time::{ADVISED_LIFE, countdown, time_of_day};

/// The code, and below it a line that counts down. The line is on standard error and vanishes; nothing
/// about the terminal is changed that would have to be put back.
pub(super) struct Display {
    line: ProgressBar,
    /// How much to whom, for where the window is too small to show it above the code.
    order: String,
    expires_at: Timestamp,
    /// Why the last check brought no answer, as it was told.
    trouble: RefCell<Option<String>>,
    asked: Asked,
    /// Whether changes are told in lines, there being no terminal for a line that counts down.
    in_lines: bool,
}

impl Display {
    /// Shows the code. With `--json`, standard output is for machines: people see the code on standard
    /// error, if that is a terminal.
    pub(super) fn open(arguments: &CheckoutArguments, bakong: &Bakong, shown: &Shown) -> Self {
        let on_terminal = Stream::Err.is_terminal();
        if !arguments.json {
            print_code(Stream::Out, bakong, shown);
        } else if on_terminal {
            print_code(Stream::Err, bakong, shown);
        }
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // The template is fixed and right; without it the line would merely look plainer.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            line.set_style(style);
        }
        let in_lines = !arguments.json && line.is_hidden();
        let display = Self {
            line,
            order: format!("{} to {}", shown.amount, Printable(&shown.name)),
            expires_at: shown.expires_at,
            trouble: RefCell::new(None),
            asked: bakong.asked().clone(),
            in_lines,
        };
        if display.in_lines {
            let left = countdown(shown.expires_at.saturating_since(shown.created_at));
            note(format_args!("Waiting for the payment, {left} left."));
        }
        display
    }

    /// Takes note of how the last check went.
    pub(super) fn tell(&self, progress: &Progress) {
        let trouble = progress.trouble.as_ref();
        let trouble = trouble.map(|error| self.asked.tell(error));
        let mut before = self.trouble.borrow_mut();
        if self.in_lines && *before != trouble {
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
        let order = &self.order;
        let time = if left == Duration::ZERO {
            format!("{order}: expired; asking one last time")
        } else {
            format!("{order}: waiting, {} left", countdown(left))
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

fn print_code(stream: Stream, bakong: &Bakong, shown: &Shown) {
    let advice = (shown.expires_at.saturating_since(shown.created_at) > ADVISED_LIFE)
        .then(|| "NBC advises that a code at a counter lives at most 10 minutes.".to_owned());
    let sandbox = bakong
        .is_sandbox()
        .then(|| "This is the sandbox: no real money moves, no bank's app can pay it.".to_owned());
    let rows = [
        row("amount", shown.amount),
        row(
            "shop",
            format_args!("{}, {}", Printable(&shown.name), Printable(&shown.city)),
        ),
        row("account", Printable(&shown.account)),
        row("bill", Printable(&shown.bill)),
        row(
            "until",
            format_args!("{} in Phnom Penh", time_of_day(shown.expires_at)),
        ),
        row("code", Printable(&shown.text)),
        row("MD5", shown.md5),
    ];
    let lines = sandbox.into_iter().chain(advice).chain(rows);
    lines.for_each(|line| stream.line(line));
    // The code comes last, so that it stays on the screen, with the countdown below it.
    code::show(&shown.text, stream, 1);
}
