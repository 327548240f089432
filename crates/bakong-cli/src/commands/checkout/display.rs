//! Shows the code and the remaining time.

use std::cell::RefCell;
use std::time::Duration;

use bakong_flow::watcher::Progress;
use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use khqr_core::{Printable, Timestamp};

use super::backend::Backend;
use super::check_now::CheckState;
use super::order::ShownCode;
use crate::arguments::CheckoutArguments;
use crate::common::advice::Advisor;
use crate::common::options::QrStyle;
use crate::common::output::{self, Stream, note, row};
use crate::common::terminal_qr;
use crate::common::time::{RECOMMENDED_LIFETIME, countdown, time_of_day};

/// A countdown line on standard error, below the code. It is removed at the end, and no terminal mode is changed.
pub(super) struct Display {
    line: ProgressBar,
    /// The amount and the recipient. They are part of the line, because a small window may hide the lines above.
    order: String,
    expires_at: Timestamp,
    /// The error of the most recent check, as displayed.
    last_error: RefCell<Option<String>>,
    advisor: Advisor,
    /// Whether changes are printed as lines, because standard error is not a terminal.
    prints_lines: bool,
}

impl Display {
    /// Prints the code: on standard output, or with `--json` on standard error if that is a terminal.
    pub(super) fn open(
        arguments: &CheckoutArguments,
        backend: &Backend,
        shown: &ShownCode,
    ) -> Self {
        if !arguments.json {
            print_code(Stream::Out, arguments.qr, backend, shown);
        } else if Stream::Err.is_terminal() {
            print_code(Stream::Err, arguments.qr, backend, shown);
        }
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // The template is a valid constant; if it failed, only the style would be lost.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            line.set_style(style);
        }
        let prints_lines = !arguments.json && line.is_hidden();
        if prints_lines {
            let left = countdown(shown.expires_at.saturating_since(shown.created_at));
            note(format_args!("Waiting for the payment, {left} left."));
        }
        output::set_status_line(Some(line.clone()));
        Self {
            line,
            order: format!("{} to {}", shown.amount, Printable(&shown.name)),
            expires_at: shown.expires_at,
            last_error: RefCell::new(None),
            advisor: backend.advisor.clone(),
            prints_lines,
        }
    }

    /// Updates the result of the most recent check.
    pub(super) fn update(&self, progress: &Progress) {
        let last_error = progress.last_error.as_ref();
        let last_error = last_error.map(|error| self.advisor.describe(error));
        let mut before = self.last_error.borrow_mut();
        if self.prints_lines && *before != last_error {
            match &last_error {
                Some(last_error) => note(format_args!("No answer: {last_error}. Trying again.")),
                None => note("Bakong answers again."),
            }
        }
        *before = last_error;
    }

    /// Whether the line is visible.
    pub(super) fn is_shown(&self) -> bool {
        !self.line.is_hidden()
    }

    /// The person has entered a line, which moved the cursor below the countdown.
    pub(super) fn line_entered(&self) {
        // If this fails, the old countdown stays above the new one.
        let _ = Term::stderr().move_cursor_up(1);
        self.line.tick();
    }

    /// Redraws the line. `check` is `None` if the person cannot request a check.
    pub(super) fn tick(&self, now: Timestamp, check: Option<CheckState>) {
        let left = self.expires_at.saturating_since(now);
        let order = &self.order;
        let time = if left == Duration::ZERO {
            format!("{order}: expired; making the final check")
        } else {
            let hint = match check {
                Some(CheckState::None) => "; press Enter to check now",
                Some(CheckState::Requested) => "; a check is requested",
                Some(CheckState::NotPaid) => "; not paid yet; press Enter to check again",
                None => "",
            };
            format!("{order}: waiting, {} left{hint}", countdown(left))
        };
        let last_error = self.last_error.borrow();
        self.line.set_message(match &*last_error {
            Some(last_error) => format!("{time}; no answer: {last_error}; trying again"),
            None => time,
        });
        self.line.tick();
    }

    /// Removes the line.
    pub(super) fn close(&self) {
        output::set_status_line(None);
        self.line.finish_and_clear();
    }
}

fn print_code(stream: Stream, style: QrStyle, backend: &Backend, shown: &ShownCode) {
    if backend.is_sandbox() {
        stream
            .line("This is the sandbox. No real money moves, and no bank's app can pay this code.");
    }
    if shown.expires_at.saturating_since(shown.created_at) > RECOMMENDED_LIFETIME {
        stream.line("NBC recommends that a code at a counter expires after at most 10 minutes.");
    }
    let (name, city) = (Printable(&shown.name), Printable(&shown.city));
    stream.line(row("amount", shown.amount));
    stream.line(row("shop", format_args!("{name}, {city}")));
    stream.line(row("account", Printable(&shown.account)));
    stream.line(row("bill", Printable(&shown.bill)));
    let until = time_of_day(shown.expires_at);
    stream.line(row("until", format_args!("{until} in Phnom Penh")));
    stream.line(row("code", Printable(&shown.text)));
    stream.line(row("MD5", shown.md5));
    // The drawing comes last, so that it stays on the screen above the countdown.
    terminal_qr::print(&shown.text, style, stream, 1);
}
