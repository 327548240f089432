//! Draws a text as a QR code with half-block characters. Each character shows two modules, one above the other.

use qrcode::bits::Bits;
use qrcode::optimize::{Optimizer, Parser, Segment};
use qrcode::types::{Mode, QrResult};
use qrcode::{Color, EcLevel, QrCode, Version};

use crate::common::output::Stream;

/// How dark and light modules are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Style {
    /// Black on white, set by escape sequences.
    Colours,
    /// Block characters for light modules, for terminals, which are mostly dark.
    LightBlocks,
    /// Block characters for dark modules, for files, which are mostly shown on white.
    DarkBlocks,
}

/// An error correction level, and the width of the light margin in modules.
type Size = (EcLevel, usize);

/// From the most readable to the smallest. EMVCo recommends level M (15 %), ISO/IEC 18004 a margin of four. A screen
/// has no scratches, so level L (7 %) is enough there. Phones read a margin of two, but never a code that is cut off.
const SIZES: [Size; 3] = [(EcLevel::M, 4), (EcLevel::L, 4), (EcLevel::L, 2)];

/// Black on bright white. The colours are given by number, because themes change the named colours.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
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
/// more lines, and prints a note if no size fits.
pub(crate) fn print(text: &str, stream: Stream, lines_below: usize) {
    let available = stream
        .size()
        .map(|(rows, columns)| (rows.saturating_sub(lines_below), columns));
    let style = match (stream.is_terminal(), wants_colours()) {
        (true, true) => Style::Colours,
        (true, false) => Style::LightBlocks,
        (false, _) => Style::DarkBlocks,
    };
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

/// See <https://no-color.org>.
fn wants_colours() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
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
    let code = encode(text.as_bytes(), errors)?;
    let (modules, inner) = (code.to_colors(), code.width());
    let width = inner + 2 * margin;
    let is_dark = |x: usize, y: usize| {
        let inside = (margin..margin + inner).contains(&x) && (margin..margin + inner).contains(&y);
        inside && modules[(y - margin) * inner + x - margin] == Color::Dark
    };
    let line = |y: usize| {
        let cells = (0..width).map(|x| cell(is_dark(x, y), is_dark(x, y + 1), style));
        match style {
            Style::Colours => format!("{BLACK_ON_WHITE}{}{RESET}", cells.collect::<String>()),
            Style::LightBlocks | Style::DarkBlocks => cells.collect(),
        }
    };
    let lines = (0..width).step_by(2).map(line).collect();
    Some(Drawing { lines, width })
}

/// Encodes `data` in the smallest version that holds it.
fn encode(data: &[u8], errors: EcLevel) -> Option<QrCode> {
    (1..=40).find_map(|version| {
        let bits = bits(data, Version::Normal(version), errors).ok()?;
        QrCode::with_bits(bits, errors).ok()
    })
}

fn bits(data: &[u8], version: Version, errors: EcLevel) -> QrResult<Bits> {
    let mut bits = Bits::new(version);
    bits.push_segments(data, segments(data, version))?;
    bits.push_terminator(errors)?;
    Ok(bits)
}

/// Splits `data` into numeric, alphanumeric and byte segments. The encoder's own choice takes some Khmer text in
/// UTF-8 for Shift-JIS and writes it as Kanji, which scanners decode to other characters.
fn segments(data: &[u8], version: Version) -> impl Iterator<Item = Segment> {
    let segments = Parser::new(data).map(|segment| Segment {
        mode: match segment.mode {
            Mode::Kanji => Mode::Byte,
            mode => mode,
        },
        ..segment
    });
    Optimizer::new(segments, version)
}

/// The character for two modules, the upper and the lower.
const fn cell(upper_dark: bool, lower_dark: bool, style: Style) -> char {
    let inked = match style {
        Style::Colours | Style::DarkBlocks => (upper_dark, lower_dark),
        Style::LightBlocks => (!upper_dark, !lower_dark),
    };
    match inked {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The modules that a camera sees; `true` is dark.
    fn seen(drawing: &Drawing, style: Style) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in &drawing.lines {
            let plain = line
                .trim_start_matches(BLACK_ON_WHITE)
                .trim_end_matches(RESET);
            let ink = |upper: bool| {
                plain
                    .chars()
                    .map(|cell| match cell {
                        '█' => true,
                        '▀' => upper,
                        '▄' => !upper,
                        ' ' => false,
                        other => panic!("{other:?}"),
                    })
                    .map(|inked| inked != (style == Style::LightBlocks))
                    .collect::<Vec<_>>()
            };
            rows.push(ink(true));
            rows.push(ink(false));
        }
        rows
    }

    /// Decodes the picture. The decoder shares no code with the encoder.
    fn scan(rows: &[Vec<bool>]) -> String {
        const SCALE: usize = 4;
        let (width, height) = (rows[0].len() * SCALE, rows.len() * SCALE);
        let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
            if rows[y / SCALE][x / SCALE] { 0 } else { 255 }
        });
        let grids = picture.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().unwrap().1
    }

    const CODES: [&str; 2] = [
        "00020101021229140010sokha@devb5204599953031165405100005802KH5912Sokha Coffee6010Phnom Penh\
         62120108INV-20419934001317950000000000113179500060000063046965",
        "00020101021215311234567812345678ABCDEFGHIJKLMNO30350009khqr@devb01061234560208Dev Bank\
         52045999530384054031005802KH5910John Smith6010PHNOM PENH62670106#12345021185512233455\
         0311Coffee Shop0709Cashier_10810Buy coffee64290002km0108ចន ស្មីន0207ភ្នំពេញ9917001316880225153546304A367",
    ];

    #[test]
    fn every_style_scans() {
        for text in CODES {
            for style in [Style::Colours, Style::LightBlocks, Style::DarkBlocks] {
                for size in SIZES {
                    let drawing = draw_at(text, style, size).unwrap();
                    let rows = seen(&drawing, style);
                    assert!(rows.iter().all(|row| row.len() == drawing.width));
                    assert_eq!(scan(&rows), text, "{style:?} {size:?}");
                }
            }
        }
    }

    /// Scanning cannot show this: a decoder that returns raw bytes gives the same bytes for both modes.
    #[test]
    fn khmer_is_never_encoded_as_kanji() {
        for text in ["សុខា", "ភ្នំពេញ", "ផ្សារធំថ្មី", "ហាងកាហ្វេ សុខា", "中文", CODES[1]]
        {
            let modes: Vec<Mode> = segments(text.as_bytes(), Version::Normal(9))
                .map(|segment| segment.mode)
                .collect();
            assert!(!modes.contains(&Mode::Kanji), "{text} {modes:?}");
        }
    }

    #[test]
    fn a_small_window_gets_a_small_code() {
        let lines = |available| {
            draw(CODES[0], Style::Colours, available)
                .unwrap()
                .lines
                .len()
        };
        assert!(lines(Some((24, 80))) < lines(None));
        assert_eq!(lines(Some((50, 100))), lines(None));
        // Without a size that fits, the smallest is drawn.
        assert!(lines(Some((5, 5))) <= lines(Some((24, 80))));
    }

    #[test]
    fn colours_are_reset_on_every_line() {
        let drawing = draw("x", Style::Colours, None).unwrap();
        for line in drawing.lines {
            assert!(line.starts_with(BLACK_ON_WHITE) && line.ends_with(RESET));
        }
    }

    #[test]
    fn a_text_too_long_for_a_qr_code_is_not_drawn() {
        assert_eq!(draw(&"x".repeat(3_000), Style::Colours, None), None);
    }
}
