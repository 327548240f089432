//! Writing to standard output and error without ever panicking.
//!
//! `println!` panics when the reader of a pipe has gone away; here that ends the text and nothing else.

use std::fmt::Display;
use std::io::{self, Write};

use serde_json::Value;

/// A line on standard output.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// A JSON object, alone on a line of standard output.
pub(crate) fn say_json(value: &Value) {
    say(value);
}

/// A line on standard error.
pub(crate) fn note(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// The line on standard error that says why the command fails.
pub(crate) fn complain(reason: &str) {
    note(format_args!("error: {reason}"));
}

/// A name and its value, in columns.
pub(crate) fn row(name: &str, value: impl Display) -> String {
    format!("  {name:<11}{value}")
}
