//! Draws a string as a QR code. Half-block characters show two modules, one above the other. ASCII characters show half
//! a module.

use std::ffi::OsString;

use khqr_card::{ErrorCorrection, Modules};

use crate::common::colour::wants_colours;
use crate::common::options::QrStyle;
use crate::common::output::Stream;

/// How dark and light modules are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Style {
    /// Black on white, set by escape sequences.
    Colours,
    /// Block characters for light modules, for a dark background.
    LightBlocks,
    /// Block characters for dark modules, for a light background.
    DarkBlocks,
    /// Spaces on black and white, set by escape sequences. Needs no UTF-8.
    AsciiColours,
    /// `##` for dark modules, for a light background.
    Ascii,
    /// `##` for light modules, for a dark background.
    AsciiLight,
}

impl Style {
    /// Whether a character shows one row of modules, two characters wide. Otherwise it shows two rows.
    const fn is_ascii(self) -> bool {
        matches!(self, Self::AsciiColours | Self::Ascii | Self::AsciiLight)
    }
}

/// The stream that a code is drawn on.
#[derive(Clone, Copy, Debug)]
struct Screen {
    is_terminal: bool,
    wants_colours: bool,
    is_utf8: bool,
}

impl Screen {
    fn of(stream: Stream) -> Self {
        let variable = |name: &str| std::env::var_os(name);
        Self {
            is_terminal: stream.is_terminal(),
            wants_colours: wants_colours(variable),
            is_utf8: cfg!(windows) || is_utf8(variable),
        }
    }

    /// The style that `--qr` selects, or `None` if the code is not drawn.
    const fn style(self, choice: QrStyle) -> Option<Style> {
        match choice {
            QrStyle::None => None,
            QrStyle::Light => Some(Style::DarkBlocks),
            QrStyle::Dark => Some(Style::LightBlocks),
            QrStyle::Ascii if !self.is_terminal => Some(Style::Ascii),
            // Programs and files get only the text of the code.
            QrStyle::Auto if !self.is_terminal => None,
            QrStyle::Auto if self.is_utf8 => Some(if self.wants_colours {
                Style::Colours
            } else {
                Style::LightBlocks
            }),
            QrStyle::Auto | QrStyle::Ascii => Some(if self.wants_colours {
                Style::AsciiColours
            } else {
                Style::AsciiLight
            }),
        }
    }
}

/// An error correction level, and the width of the light margin in modules.
type Size = (ErrorCorrection, usize);

/// From the most readable to the smallest. EMVCo recommends level M (15 %), ISO/IEC 18004 a margin of four. A screen
/// has no scratches, so level L (7 %) is enough there. Phones read a margin of two, but never a code that is cut off.
const SIZES: [Size; 3] = [
    (ErrorCorrection::Medium, 4),
    (ErrorCorrection::Low, 4),
    (ErrorCorrection::Low, 2),
];

/// Black on bright white. The colours are given by number, because themes change the named colours.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const BLACK: &str = "\x1b[48;5;16m";
const WHITE: &str = "\x1b[48;5;231m";
const RESET: &str = "\x1b[0m";

/// A drawn code.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Drawing {
    lines: Vec<String>,
    /// In columns.
    width: usize,
}

impl Drawing {
    /// Whether the drawing fits into `available` (rows and columns).
    fn fits(&self, (rows, columns): (usize, usize)) -> bool {
        self.lines.len() <= rows && self.width <= columns
    }
}

/// Prints a code for scanning. Chooses the most readable size that leaves room on the terminal for `lines_below`
/// more lines, and prints a note if no size fits. Prints nothing if `choice` and the stream select no style.
pub(crate) fn print(text: &str, choice: QrStyle, stream: Stream, lines_below: usize) {
    let Some(style) = Screen::of(stream).style(choice) else {
        return;
    };
    let available = stream
        .size()
        .map(|(rows, columns)| (rows.saturating_sub(lines_below), columns));
    let Some(drawing) = draw(text, style, available) else {
        return stream.line("The text is too long for a QR code.");
    };
    for line in &drawing.lines {
        stream.line(line);
    }
    if available.is_some_and(|available| !drawing.fits(available)) {
        stream.line(format_args!(
            "The window is too small for this code. Make it at least {} columns wide and {} lines high.",
            drawing.width,
            drawing.lines.len() + lines_below + 1
        ));
    }
}

/// Whether `--qr` asks for a drawing even if the output is not a terminal.
pub(crate) const fn is_drawn_in_pipe(choice: QrStyle) -> bool {
    !matches!(choice, QrStyle::Auto | QrStyle::None)
}

/// Whether the locale's encoding is UTF-8. The first variable that is set decides (POSIX, section 8.2). Without any, the
/// locale is `C`, which is ASCII.
fn is_utf8(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let mut values = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(variable);
    values.find(|value| !value.is_empty()).is_some_and(|value| {
        let value = value.to_string_lossy().to_ascii_lowercase();
        value.contains("utf-8") || value.contains("utf8")
    })
}

/// Draws `text` in the most readable size that fits into `available` (rows and columns), or in the smallest size.
/// Returns `None` if the text is too long for any QR code.
fn draw(text: &str, style: Style, available: Option<(usize, usize)>) -> Option<Drawing> {
    let mut drawing = None;
    for size in SIZES {
        let this = draw_at(text, style, size)?;
        let fits = available.is_none_or(|available| this.fits(available));
        drawing = Some(this);
        if fits {
            break;
        }
    }
    drawing
}

fn draw_at(text: &str, style: Style, (errors, margin): Size) -> Option<Drawing> {
    let modules = Modules::encode(text, errors).ok()?;
    let inner = modules.width();
    let width = inner + 2 * margin;
    let is_dark = |x: usize, y: usize| {
        let inside = (margin..margin + inner).contains(&x) && (margin..margin + inner).contains(&y);
        inside && modules.is_dark(x - margin, y - margin)
    };
    if style.is_ascii() {
        let line = |y| {
            let row: Vec<_> = (0..width).map(|x| is_dark(x, y)).collect();
            ascii_line(&row, style)
        };
        return Some(Drawing {
            lines: (0..width).map(line).collect(),
            width: 2 * width,
        });
    }
    let line = |y: usize| {
        let cells = (0..width).map(|x| cell(is_dark(x, y), is_dark(x, y + 1), style));
        match style {
            Style::Colours => format!("{BLACK_ON_WHITE}{}{RESET}", cells.collect::<String>()),
            _ => cells.collect(),
        }
    };
    let lines = (0..width).step_by(2).map(line).collect();
    Some(Drawing { lines, width })
}

/// One row of modules. `true` is dark.
fn ascii_line(row: &[bool], style: Style) -> String {
    let mut line = String::new();
    let mut before = None;
    for &is_dark in row {
        if style == Style::AsciiColours {
            // One escape sequence for each run of equal modules.
            if before.replace(is_dark) != Some(is_dark) {
                line.push_str(if is_dark { BLACK } else { WHITE });
            }
            line.push_str("  ");
        } else {
            let is_inked = is_dark == (style == Style::Ascii);
            line.push_str(if is_inked { "##" } else { "  " });
        }
    }
    if style == Style::AsciiColours {
        line.push_str(RESET);
    }
    line
}

/// The character for two modules, the upper and the lower.
const fn cell(upper_dark: bool, lower_dark: bool, style: Style) -> char {
    let inked = match style {
        Style::LightBlocks => (!upper_dark, !lower_dark),
        _ => (upper_dark, lower_dark),
    };
    match inked {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    }
}

#[cfg(test)]
mod tests;
