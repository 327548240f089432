//! Making a code of what the command line says, and showing it.

use khqr_core::{KhqrDraft, TagPath};

use crate::common::exit::Failure;
use crate::common::output::Stream;
use crate::common::terminal_qr::{Style, draw};

/// The text of a code and its handle.
pub(crate) struct Code {
    pub(crate) text: String,
    pub(crate) md5: khqr_core::Md5Handle,
}

impl From<KhqrDraft<'_>> for Code {
    fn from(draft: KhqrDraft<'_>) -> Self {
        let text = draft.to_text();
        let md5 = khqr_core::Md5Handle::of(&text);
        Self { text, md5 }
    }
}

/// A code that KHQR does not allow, told by the option that is wrong.
pub(crate) fn refused(error: &khqr_core::Error) -> Failure {
    let flag = error.tag().and_then(flag);
    Failure::usage(flag.map_or_else(|| error.to_string(), |flag| format!("{flag}: {error}")))
}

/// An error of what is no part of a code, for whom the code's tags mean nothing.
pub(crate) fn without_tag(error: &khqr_core::Error) -> String {
    let text = error.to_string();
    let tag = error.tag().map(|tag| format!(" (tag {tag})"));
    tag.map_or_else(|| text.clone(), |tag| text.replacen(&tag, "", 1))
}

/// The option that a field comes from.
const fn flag(tag: TagPath) -> Option<&'static str> {
    let sub = match tag.sub() {
        Some(sub) => Some(sub.number()),
        None => None,
    };
    Some(match (tag.top().number(), sub) {
        (15, None) => "--union-pay",
        (29 | 30, Some(0)) => "--account",
        (29, Some(1)) => "--account-information",
        (30, Some(1)) => "--merchant-id",
        (29 | 30, Some(2)) => "--bank",
        (52, None) => "--category-code",
        (54, None) => "--amount",
        (59, None) => "--name",
        (60, None) => "--city",
        (62, Some(1)) => "--bill",
        (62, Some(2)) => "--mobile",
        (62, Some(3)) => "--store",
        (62, Some(7)) => "--terminal",
        (62, Some(8)) => "--purpose",
        (64, Some(0)) => "--language",
        (64, Some(1)) => "--alternate-name",
        (64, Some(2)) => "--alternate-city",
        (99, Some(0)) => "--now",
        (99, Some(1)) => "--expires-in",
        _ => return None,
    })
}

/// Prints a code to be scanned, as large as leaves room on the terminal for the `below` lines that will
/// follow it, and says so when the terminal is too small for it.
pub(crate) fn show(text: &str, stream: Stream, below: usize) {
    let room = stream
        .size()
        .map(|(rows, columns)| (rows.saturating_sub(below), columns));
    let style = match (stream.is_terminal(), colours_wanted()) {
        (true, true) => Style::Colours,
        (true, false) => Style::LightBlocks,
        (false, _) => Style::DarkBlocks,
    };
    let Some(drawing) = draw(text, style, room) else {
        return stream.line("The code is too long to be drawn.");
    };
    for line in &drawing.lines {
        stream.line(line);
    }
    if room.is_some_and(|room| !drawing.fits(room)) {
        stream.line(format_args!(
            "The window is too small for the code: make it {} columns wide and {} lines high, or more.",
            drawing.width,
            drawing.lines.len() + below + 1
        ));
    }
}

/// See <https://no-color.org>.
fn colours_wanted() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
