//! Writing to standard output and error without ever panicking.
//!
//! `println!` panics when the reader of a pipe has gone away; here that ends the text and nothing else. What
//! cannot be written for another reason (a full disk) is told on standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use console::Term;
use serde_json::Value;

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
                if let Err(error) = writeln!(io::stdout().lock(), "{line}")
                    && error.kind() != io::ErrorKind::BrokenPipe
                {
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

/// A line on standard output.
pub(crate) fn say(line: impl Display) {
    Stream::Out.line(line);
}

/// A JSON object, alone on a line of standard output.
pub(crate) fn say_json(value: &Value) {
    say(value);
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
