//! Draws a text as a QR code with half-block characters, two modules a cell, so that phones can scan it.

use std::fmt::Write;

use qrcode::bits::Bits;
use qrcode::optimize::{Optimizer, Parser, Segment};
use qrcode::types::{Mode, QrResult};
use qrcode::{Color, EcLevel, QrCode, Version};

/// How dark and light are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    /// Black on white by escape sequences, whatever the terminal's colours.
    Colours,
    /// Characters alone, drawn where the code is light: for terminals, which are mostly dark.
    LightBlocks,
    /// Characters alone, drawn where the code is dark: for files, which are mostly read on white.
    DarkBlocks,
}

/// How a code trades its size for being easy to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Size {
    /// How much of it may be misread.
    errors: EcLevel,
    /// The light margin on each side, in modules.
    margin: usize,
}

/// From easiest to smallest: EMVCo recommends level M (15 %), ISO/IEC 18004 a margin of four. A screen does
/// not get scratched, so that level L (7 %) does as well; phones read a margin of two, and half a code
/// never.
const SIZES: [Size; 3] = [
    Size {
        errors: EcLevel::M,
        margin: 4,
    },
    Size {
        errors: EcLevel::L,
        margin: 4,
    },
    Size {
        errors: EcLevel::L,
        margin: 2,
    },
];

/// Black on bright white, by number, since themes change the named colours.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const RESET: &str = "\x1b[0m";

/// A drawn code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Drawing {
    pub(crate) lines: Vec<String>,
    /// In columns.
    pub(crate) width: usize,
}

impl Drawing {
    /// Whether it fits into this many rows and columns.
    pub(crate) fn fits(&self, (rows, columns): (usize, usize)) -> bool {
        self.lines.len() <= rows && self.width <= columns
    }
}

/// Draws `text` so that it fits into `room` (rows and columns), if it can; the smallest drawing
/// otherwise. `None` if the text is too long for any QR code.
pub(crate) fn draw(text: &str, style: Style, room: Option<(usize, usize)>) -> Option<Drawing> {
    let mut drawing = None;
    for size in SIZES {
        let this = draw_at(text, style, size)?;
        let fits = room.is_none_or(|room| this.fits(room));
        drawing = Some(this);
        if fits {
            break;
        }
    }
    drawing
}

fn draw_at(text: &str, style: Style, size: Size) -> Option<Drawing> {
    let code = encode(text.as_bytes(), size.errors)?;
    let (modules, inner, margin) = (code.to_colors(), code.width(), size.margin);
    let width = inner + 2 * margin;
    let is_dark = |x: usize, y: usize| {
        let inside = (margin..margin + inner).contains(&x) && (margin..margin + inner).contains(&y);
        inside && modules[(y - margin) * inner + x - margin] == Color::Dark
    };
    let lines = (0..width)
        .step_by(2)
        .map(|y| {
            let cells = (0..width).map(|x| cell(is_dark(x, y), is_dark(x, y + 1), style));
            line(cells, style)
        })
        .collect();
    Some(Drawing { lines, width })
}

/// The smallest code that holds `data`.
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

/// Cuts `data` into digits, capitals and bytes. Left to itself the encoder takes some of Khmer's UTF-8 for
/// Shift-JIS and writes Kanji, which scanners turn into other characters.
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

/// One character that shows two modules, the upper and the lower.
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

fn line(cells: impl Iterator<Item = char>, style: Style) -> String {
    let mut line = String::new();
    let coloured = style == Style::Colours;
    // A `String` takes everything.
    let _ = write!(line, "{}", if coloured { BLACK_ON_WHITE } else { "" });
    line.extend(cells);
    let _ = write!(line, "{}", if coloured { RESET } else { "" });
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a camera would see of the drawing: for each module whether it is dark.
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

    /// Reads a picture with a decoder that shares nothing with the encoder.
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

    /// A decoder that hands back raw bytes would not notice: Kanji are two bytes as well.
    #[test]
    fn khmer_is_never_written_as_kanji() {
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
        let lines = |room| draw(CODES[0], Style::Colours, room).unwrap().lines.len();
        assert!(lines(Some((24, 80))) < lines(None));
        assert_eq!(lines(Some((50, 100))), lines(None));
        // What does not fit at all is drawn as small as can be.
        assert!(lines(Some((5, 5))) <= lines(Some((24, 80))));
    }

    #[test]
    fn colours_end_with_every_line() {
        let drawing = draw("x", Style::Colours, None).unwrap();
        for line in drawing.lines {
            assert!(line.starts_with(BLACK_ON_WHITE) && line.ends_with(RESET));
        }
    }

    #[test]
    fn what_is_too_long_is_not_drawn() {
        assert_eq!(draw(&"x".repeat(3_000), Style::Colours, None), None);
    }
}
