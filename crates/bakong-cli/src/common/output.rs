//! Writing to standard output and error without ever panicking.
//!
//! `println!` panics when the reader of a pipe has gone away; here that ends the text and nothing else. What
//! cannot be written for another reason (a full disk) is told on standard error.

use std::fmt::{self, Display, Write as _};
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;
use khqr_core::Printable;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Whether something that was to be written to standard output is not.
static LOST: AtomicBool = AtomicBool::new(false);

/// Whether standard output did not take everything, though its reader had not had enough.
pub(crate) fn is_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Where a text for people goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error, where standard output is for machines.
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
            // Nobody is left to tell.
            Self::Err => drop(writeln!(io::stderr().lock(), "{line}")),
        }
    }

    pub(crate) fn is_terminal(self) -> bool {
        match self {
            Self::Out => io::stdout().is_terminal(),
            Self::Err => io::stderr().is_terminal(),
        }
    }

    /// Rows and columns, if it is a terminal that says so.
    pub(crate) fn size(self) -> Option<(usize, usize)> {
        let terminal = match self {
            Self::Out => Term::stdout(),
            Self::Err => Term::stderr(),
        };
        let (rows, columns) = terminal.size_checked().filter(|_| self.is_terminal())?;
        Some((usize::from(rows), usize::from(columns)))
    }
}

/// Writes a line to standard output; the error, unless the reader had enough.
fn write_out(line: &impl Display) -> Option<io::Error> {
    let error = writeln!(io::stdout().lock(), "{line}").err()?;
    if error.kind() == io::ErrorKind::BrokenPipe {
        return None;
    }
    LOST.store(true, Ordering::Relaxed);
    Some(error)
}

/// A line on standard output that is written nowhere else, whatever becomes of it. A reader who is gone has not
/// had enough of it. `remedy` says how to get another.
pub(crate) fn say_secret(line: impl Display, remedy: &str) {
    if let Err(error) = writeln!(io::stdout().lock(), "{line}") {
        LOST.store(true, Ordering::Relaxed);
        note(format_args!(
            "standard output: {error}; the secret is lost. {remedy}"
        ));
    }
}

/// The same as a JSON object.
pub(crate) fn say_secret_json(value: &impl Serialize, remedy: &str) {
    let mut json = Vec::new();
    write_json(value, &mut json);
    say_secret(String::from_utf8_lossy(&json), remedy);
}

/// A line on standard output.
pub(crate) fn say(line: impl Display) {
    Stream::Out.line(line);
}

/// A JSON object, alone on a line of standard output. What would harm a terminal is escaped as JSON does.
pub(crate) fn say_json(value: &impl Serialize) {
    let mut json = Vec::new();
    write_json(value, &mut json);
    say(String::from_utf8_lossy(&json));
}

/// JSON without line breaks. What would harm a terminal is escaped as JSON does.
pub(crate) fn write_json(value: &impl Serialize, out: &mut Vec<u8>) {
    // Writing to memory does not fail, and nothing that is told here has keys that are no texts.
    let _ = value.serialize(&mut Serializer::with_formatter(out, Harmless));
}

/// JSON's own text is ASCII; all else stands inside strings.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        // By now JSON has escaped what is harmful below it.
        const DELETE: u8 = 0x7f;
        if fragment.bytes().max() < Some(DELETE) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut buffer = [0; 4];
        for character in fragment.chars() {
            let alone = character.encode_utf8(&mut buffer);
            if is_harmless(alone) {
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

/// Whether the character prints as it is.
fn is_harmless(alone: &str) -> bool {
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

/// A line on standard error.
pub(crate) fn note(line: impl Display) {
    Stream::Err.line(line);
}

/// The line on standard error that says why the command fails.
pub(crate) fn complain(reason: &str) {
    note(format_args!("error: {reason}"));
}

/// A name and its value, in columns.
pub(crate) fn row(name: &str, value: impl Display) -> String {
    format!("  {name:<13}{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_its_meaning_and_harms_no_terminal() {
        let value = serde_json::json!({ "name": "a\u{9b}b\u{202e}c\u{7f}\u{e0041}\u{1b}ក\"\\" });
        let mut text = Vec::new();
        write_json(&value, &mut text);
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains(['\u{9b}', '\u{202e}', '\u{7f}', '\u{e0041}', '\u{1b}']));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }
}
