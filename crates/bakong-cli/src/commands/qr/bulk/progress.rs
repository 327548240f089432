//! The progress bar on standard error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::common::output::Stream;

/// A bar if the length of the input is known, otherwise a counter. Shown only if standard error is a terminal and
/// standard output is not.
#[derive(Clone)]
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(super) fn of_standard_input() -> Self {
        if !Stream::Err.is_terminal() || Stream::Out.is_terminal() {
            return Self(None);
        }
        let (bar, style) = match file_length() {
            Some(length) => (
                ProgressBar::new(length),
                "[{wide_bar}] {percent}% {bytes_per_sec} {eta}",
            ),
            None => (ProgressBar::no_length(), "{bytes} read, {bytes_per_sec}"),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self(Some(bar))
    }

    #[cfg(test)]
    pub(super) const fn none() -> Self {
        Self(None)
    }

    pub(super) fn add(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(bytes);
        }
    }

    /// Clears the line.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// The number of bytes left to read, if standard input is a file.
#[cfg(unix)]
fn file_length() -> Option<u64> {
    use std::io::Seek;
    use std::os::fd::AsFd;

    let input = std::io::stdin().as_fd().try_clone_to_owned().ok()?;
    let mut file = std::fs::File::from(input);
    let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    metadata.len().checked_sub(file.stream_position().ok()?)
}

#[cfg(not(unix))]
fn file_length() -> Option<u64> {
    None
}
