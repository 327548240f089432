//! Colours for outcomes, for people at a terminal. JSON, pipes and files have none.

use std::ffi::OsString;
use std::fmt::Display;

use console::Style;

use crate::common::output::Stream;

/// What an outcome means for the shop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tone {
    /// Green: paid, valid.
    Good,
    /// Yellow: a person should look at it.
    Attention,
    /// Red: failed, not valid.
    Bad,
}

impl Tone {
    /// Returns a text that must be safe to print in this colour, if the stream is a terminal with colours.
    pub(crate) fn paint(self, text: impl Display, stream: Stream) -> String {
        self.paint_if(
            stream.is_terminal() && wants_colours(|name| std::env::var_os(name)),
            text,
        )
    }

    /// Like [`paint`](Self::paint), for the words before the first colon or comma of a line.
    pub(crate) fn paint_headline(self, line: &str, stream: Stream) -> String {
        let (words, rest) = line.split_at(line.find([':', ',']).unwrap_or(line.len()));
        format!("{}{rest}", self.paint(words, stream))
    }

    fn paint_if(self, has_colours: bool, text: impl Display) -> String {
        if !has_colours {
            return text.to_string();
        }
        let style = match self {
            Self::Good => Style::new().green(),
            Self::Attention => Style::new().yellow(),
            Self::Bad => Style::new().red(),
        };
        style.bold().force_styling(true).apply_to(text).to_string()
    }
}

/// Whether the environment allows colours: see <https://no-color.org>. `dumb` is the terminal type without escape sequences.
pub(crate) fn wants_colours(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && variable("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_terminals_with_colours_get_escape_sequences() {
        for tone in [Tone::Good, Tone::Attention, Tone::Bad] {
            assert_eq!(tone.paint_if(false, "PAID"), "PAID");
            let painted = tone.paint_if(true, "PAID");
            assert!(
                painted.starts_with("\u{1b}[3") && painted.ends_with("PAID\u{1b}[0m"),
                "{painted:?}"
            );
        }
        assert_ne!(Tone::Good.paint_if(true, ""), Tone::Bad.paint_if(true, ""));
    }
}
