//! Making a code of what the command line says, and showing it.

use khqr_core::KhqrDraft;

use crate::output::Stream;
use crate::terminal_qr::{Style, draw};

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

/// Prints a code to be scanned, and says so when the terminal is too small for it.
pub(crate) fn show(text: &str, stream: Stream) {
    let style = match (stream.is_terminal(), colours_wanted()) {
        (true, true) => Style::Colours,
        (true, false) => Style::LightBlocks,
        (false, _) => Style::DarkBlocks,
    };
    let Some(drawing) = draw(text, style) else {
        return stream.line("The code is too long to be drawn.");
    };
    for line in &drawing.lines {
        stream.line(line);
    }
    if let Some((rows, columns)) = stream.size()
        && (columns < drawing.width || rows < drawing.lines.len())
    {
        stream.line(format_args!(
            "The window is too small for the code: make it {} columns wide and {} lines high, or more.",
            drawing.width,
            drawing.lines.len()
        ));
    }
}

/// See <https://no-color.org>.
fn colours_wanted() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
