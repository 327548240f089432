//! The file's text: all of a state, and back.

use std::io;

use serde::{Deserialize, Serialize};

use super::change::{Change, bytes};
use super::figures::Figures;
use super::payment::SavedPayment;
use crate::clock::SandboxClock;
use crate::entropy::{Entropy, hex};
use crate::state::State;

/// The number of this format. A new kind of change is a new format.
const FORMAT: u32 = 2;

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    /// For whoever opens the file.
    about: String,
    format: u32,
    seed: String,
}

/// What every format has in its first line.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// What a text says.
pub(super) struct Read {
    pub(super) state: State,
    /// The number of a last line that ends in its middle, and is left out.
    pub(super) torn: Option<usize>,
}

/// The text that says all of `state`.
pub(super) fn whole(state: &State) -> io::Result<Vec<u8>> {
    let (seed, _) = state.entropy.standing();
    let header = Header {
        about: "The state of a bakong-sandbox, with a line for each change. The key of its tokens is in it."
            .to_owned(),
        format: FORMAT,
        seed: hex(seed),
    };
    let mut text = serde_json::to_vec(&header)?;
    text.push(b'\n');
    let mut put = |change: Change| {
        serde_json::to_writer(&mut text, &[change])?;
        text.push(b'\n');
        io::Result::Ok(())
    };
    put(Change::token_key(state.token_key.bytes()))?;
    for change in Figures::of(state).unlike(None) {
        put(change)?;
    }
    for (email, mail) in state.registry.mails() {
        put(Change::mail(email, mail))?;
    }
    for (email, id) in state.registry.registered() {
        put(Change::registered(email, id))?;
    }
    for account in state.ledger.accounts() {
        put(Change::Account(account.to_string()))?;
    }
    for place in 0..state.ledger.len() {
        if let Some(entry) = state.ledger.saved(place) {
            put(Change::Transfer(Box::new(SavedPayment::of(entry))))?;
        }
    }
    for md5 in state.ledger.static_codes() {
        put(Change::StaticCode(md5.to_string()))?;
    }
    for code in state.open_codes.all() {
        put(Change::code(&code, code.text.as_deref()))?;
    }
    for (id, code) in state.links.all() {
        put(Change::link(id, code))?;
    }
    for (id, iat, exp) in state.token_key.all() {
        put(Change::issued(id, iat, exp))?;
    }
    for (id, day, count) in state.quota.all() {
        put(Change::used(id, day, count))?;
    }
    for change in state
        .faults
        .iter()
        .filter_map(|(number, fault)| Change::fault(number, fault))
    {
        put(change)?;
    }
    put(Change::Whole)?;
    Ok(text)
}

/// The state that a text says; what is wrong and where, if it makes no sense.
pub(super) fn read(text: &[u8]) -> Result<Read, String> {
    let mut lines = text.split_inclusive(|byte| *byte == b'\n').zip(1..);
    let (first, _) = lines.next().unwrap_or_default();
    let mut state = new_state(first)?;
    let mut is_whole = false;
    let mut torn = None;
    let mut last = 1;
    for (line, number) in lines {
        last = number;
        if is_whole && !line.ends_with(b"\n") {
            torn = Some(number);
            break;
        }
        let changes: Vec<Change> = parse(line, number)?;
        for change in changes {
            is_whole |= matches!(change, Change::Whole);
            let applied = change.apply(&mut state);
            applied.map_err(|reason| format!("line {number}: {reason}"))?;
        }
    }
    if !is_whole {
        return Err(format!("it ends with line {last}, and there was more"));
    }
    Ok(Read { state, torn })
}

/// The state before any change.
fn new_state(first: &[u8]) -> Result<State, String> {
    let Format { format } = parse(first, 1)?;
    if format != FORMAT {
        return Err(format!(
            "its format is {format}, of another version; this one knows {FORMAT}"
        ));
    }
    let header: Header = parse(first, 1)?;
    let seed = bytes(&header.seed).ok_or("line 1: seed is not 64 hexadecimal digits")?;
    Ok(State::new(SandboxClock::system(), Entropy::from_seed(seed)))
}

fn parse<'a, T: Deserialize<'a>>(line: &'a [u8], number: usize) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        // It knows of one line only.
        let place = format!(" at line {} column {}", error.line(), error.column());
        let reason = text.strip_suffix(&place).unwrap_or(&text);
        let column = error.column().max(1);
        format!("line {number}, column {column}: {reason}")
    })
}
