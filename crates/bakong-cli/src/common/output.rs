//! Writes to standard output and standard error without panicking.
//!
//! `println!` panics when the reader of a pipe closes it. Here the output ends, and the command exits with code 1. A line
//! that cannot be written for another reason, such as a full disk, is repeated on standard error.

use std::fmt::{self, Display, Write as _};
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use console::Term;
use indicatif::ProgressBar;
use khqr_core::Printable;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Whether a write to standard output failed.
static OUTPUT_LOST: AtomicBool = AtomicBool::new(false);

/// Whether output was lost.
pub(crate) fn is_output_lost() -> bool {
    OUTPUT_LOST.load(Ordering::Relaxed)
}

/// The line at the bottom of the terminal that is drawn again and again, on standard error.
static STATUS_LINE: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Sets the status line. Other lines on standard error are printed above it.
pub(crate) fn set_status_line(line: Option<ProgressBar>) {
    *STATUS_LINE.lock().unwrap_or_else(PoisonError::into_inner) = line;
}

/// Records that the output is closed.
pub(crate) fn set_lost() {
    OUTPUT_LOST.store(true, Ordering::Relaxed);
}

/// A destination for text that people read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error, for text in addition to JSON output.
    Err,
}

impl Stream {
    pub(crate) fn line(self, line: impl Display) {
        match self {
            Self::Out => {
                if let Some(error) = write_out(&line) {
                    note(format_args!("standard output: {error}; lost: {line}"));
                }
            }
            Self::Err => {
                // There is nowhere left to report a failure.
                let write = || drop(writeln!(io::stderr().lock(), "{line}"));
                let status_line = STATUS_LINE.lock().unwrap_or_else(PoisonError::into_inner);
                match &*status_line {
                    Some(status_line) => status_line.suspend(write),
                    None => write(),
                }
            }
        }
    }

    pub(crate) fn is_terminal(self) -> bool {
        match self {
            Self::Out => io::stdout().is_terminal(),
            Self::Err => io::stderr().is_terminal(),
        }
    }

    /// The terminal's rows and columns, if known.
    pub(crate) fn size(self) -> Option<(usize, usize)> {
        let terminal = match self {
            Self::Out => Term::stdout(),
            Self::Err => Term::stderr(),
        };
        let (rows, columns) = terminal.size_checked().filter(|_| self.is_terminal())?;
        Some((usize::from(rows), usize::from(columns)))
    }
}

/// Writes a line to standard output. Returns the error, except for a closed pipe, which needs no message.
fn write_out(line: &impl Display) -> Option<io::Error> {
    let error = writeln!(io::stdout().lock(), "{line}").err()?;
    set_lost();
    (error.kind() != io::ErrorKind::BrokenPipe).then_some(error)
}

/// Prints a secret on standard output. If this fails, even because of a closed pipe, the secret is not repeated
/// anywhere. The note on standard error ends with `remedy`: how to get another secret.
pub(crate) fn print_secret(line: impl Display, remedy: &str) {
    if let Err(error) = writeln!(io::stdout().lock(), "{line}") {
        set_lost();
        note(format_args!(
            "standard output: {error}; the secret is lost. {remedy}"
        ));
    }
}

/// Prints a JSON object that contains a secret; see [`print_secret`].
pub(crate) fn print_secret_json(value: &impl Serialize, remedy: &str) {
    print_secret(json_text(value), remedy);
}

/// Prints a line on standard output.
pub(crate) fn print(line: impl Display) {
    Stream::Out.line(line);
}

/// Prints a text that the same command prints again, such as a script. If this fails, the text is not repeated on standard
/// error.
pub(crate) fn print_again(text: impl Display) {
    if let Some(error) = write_out(&text) {
        note(format_args!("standard output: {error}"));
    }
}

/// Prints a JSON object on one line of standard output.
pub(crate) fn print_json(value: &impl Serialize) {
    print(json_text(value));
}

/// A JSON object on one line.
pub(crate) fn json_text(value: &impl Serialize) -> String {
    let mut json = Vec::new();
    write_json(value, &mut json);
    String::from_utf8_lossy(&json).into_owned()
}

/// Writes JSON without line breaks. Characters that could control a terminal are escaped.
pub(crate) fn write_json(value: &impl Serialize, out: &mut Vec<u8>) {
    // Writing to memory cannot fail, and all keys are strings.
    let _ = value.serialize(&mut Serializer::with_formatter(out, TerminalSafe));
}

/// Escapes what [`Printable`] would escape, as `\uXXXX`.
struct TerminalSafe;

impl Formatter for TerminalSafe {
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // serde_json has escaped the control characters below this one.
        const DELETE: u8 = 0x7f;
        if fragment.bytes().max() < Some(DELETE) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut buffer = [0; 4];
        for character in fragment.chars() {
            let alone = character.encode_utf8(&mut buffer);
            if is_printable(alone) {
                writer.write_all(alone.as_bytes())?;
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

/// Whether [`Printable`] leaves this character unchanged. Does not allocate.
fn is_printable(alone: &str) -> bool {
    struct Same<'a>(&'a str);

    impl fmt::Write for Same<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            if self.0 == text {
                Ok(())
            } else {
                Err(fmt::Error)
            }
        }
    }

    write!(Same(alone), "{}", Printable(alone)).is_ok()
}

/// Prints a line on standard error.
pub(crate) fn note(line: impl Display) {
    Stream::Err.line(line);
}

/// Prints the error with which the command ends, on standard error.
pub(crate) fn print_error(reason: &str) {
    note(format_args!("error: {reason}"));
}

/// A name and its value in two columns.
pub(crate) fn row(name: &str, value: impl Display) -> String {
    format!("  {name:<13}{value}")
}

/// A number with its noun, in the singular for one.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_followed_by_the_singular() {
        assert_eq!(counted(0, "request"), "0 requests");
        assert_eq!(counted(1, "request"), "1 request");
        assert_eq!(counted(2, "request"), "2 requests");
    }

    #[test]
    fn json_is_safe_for_terminals_and_keeps_its_value() {
        let value = serde_json::json!({ "name": "a\u{9b}b\u{202e}c\u{7f}\u{e0041}\u{1b}ក\"\\" });
        let text = json_text(&value);
        assert!(!text.contains(['\u{9b}', '\u{202e}', '\u{7f}', '\u{e0041}', '\u{1b}']));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }
}
