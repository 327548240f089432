//! Asks for values on the terminal.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use crate::common::exit::{Exit, Failure};
use crate::common::output;

/// The longest answer in bytes.
const LONGEST: u64 = 4_096;

/// Whether a person can answer questions.
pub(super) fn has_person() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a value, and returns the answer without blanks at its ends.
pub(super) fn ask(question: &str) -> Result<String, Failure> {
    let mut terminal = io::stderr().lock();
    // If the question cannot be written, the answer does not arrive either.
    let _ = write!(terminal, "{question}: ").and_then(|()| terminal.flush());
    let answer = read_line()?;
    if answer.is_empty() {
        return Err(Failure::usage(format!("{question}: nothing was entered")));
    }
    Ok(answer)
}

/// Reads one line of standard input without blanks at its ends.
pub(super) fn read_line() -> Result<String, Failure> {
    let mut line = Vec::new();
    let mut input = io::stdin().lock().take(LONGEST);
    let read = input.read_until(b'\n', &mut line);
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::NoAnswer, format!("standard input: {error}"))
    };
    read.map_err(|error| unreadable(&error))?;
    if line.last() != Some(&b'\n') && io::stdin().is_terminal() {
        // The person ended the input. The next output starts on a line of its own.
        output::note("");
    }
    let line = String::from_utf8(line).map_err(|_| unreadable(&"the text is not UTF-8"))?;
    Ok(line.trim().to_owned())
}
