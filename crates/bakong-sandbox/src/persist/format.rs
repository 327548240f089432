//! The text of a state file.

use std::io;

use serde::{Deserialize, Serialize};

use crate::clock::SandboxClock;
use crate::entropy::{Entropy, from_hex, hex};
use crate::input::reason_without_input;
use crate::state::{Change, State};

/// The version of the format. Every new kind of change requires a new version.
const FORMAT: u32 = 3;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    /// Explains the file to people.
    about: String,
    format: u32,
    seed: String,
}

/// The part of the first line that all versions of the format have.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// The content of a file.
pub(super) struct Content {
    pub(super) state: State,
    /// The number of a truncated last line, which is ignored.
    pub(super) truncated_line: Option<usize>,
}

/// Writes a snapshot of the state.
pub(super) fn write(state: &State) -> io::Result<Vec<u8>> {
    let header = Header {
        about:
            "The state of a bakong-sandbox: one line per change. Contains the key of its tokens."
                .to_owned(),
        format: FORMAT,
        seed: hex(state.entropy.seed()),
    };
    let mut text = serde_json::to_vec(&header)?;
    text.push(b'\n');
    for change in state.snapshot().filter(Change::is_persistable) {
        serde_json::to_writer(&mut text, &[change])?;
        text.push(b'\n');
    }
    Ok(text)
}

/// Reads a file.
///
/// # Errors
/// Returns the line and the problem if the file is not valid.
pub(super) fn read(text: &[u8]) -> Result<Content, String> {
    let mut lines = text.split_inclusive(|byte| *byte == b'\n').zip(1..);
    let (first, _) = lines.next().unwrap_or_default();
    let mut state = new_state(first)?;
    let mut is_complete = false;
    let mut truncated_line = None;
    let mut last = 1;
    for (line, number) in lines {
        last = number;
        if is_complete && !line.ends_with(b"\n") {
            truncated_line = Some(number);
            break;
        }
        let changes: Vec<Change> = parse(line, number)?;
        for change in changes {
            is_complete |= matches!(change, Change::Complete);
            let applied = state.apply(&change);
            applied.map_err(|reason| format!("line {number}: {reason}"))?;
        }
    }
    if !is_complete {
        return Err(format!("the file is incomplete: it ends at line {last}"));
    }
    Ok(Content {
        state,
        truncated_line,
    })
}

/// The state before any change.
fn new_state(first: &[u8]) -> Result<State, String> {
    let Version { format } = parse(first, 1)?;
    if format != FORMAT {
        return Err(format!(
            "another version of bakong-sandbox wrote it in format {format}; this version reads format {FORMAT}"
        ));
    }
    let header: Header = parse(first, 1)?;
    let seed = from_hex(&header.seed).ok_or("line 1: seed is not 64 hexadecimal digits")?;
    Ok(State::new(SandboxClock::system(), Entropy::from_seed(seed)))
}

fn parse<'a, T: Deserialize<'a>>(line: &'a [u8], number: usize) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| {
        let column = error.column().max(1);
        format!(
            "line {number}, column {column}: {}",
            reason_without_input(&error)
        )
    })
}
