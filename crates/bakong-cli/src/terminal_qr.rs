//! Draws a text as a QR code with half-block characters, two modules a cell, so that phones can scan it.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

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

/// The light margin on each side, in modules (ISO/IEC 18004).
const QUIET_ZONE: usize = 4;

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

/// Draws `text`, or `None` if it is too long for any QR code.
///
/// Errors are corrected up to 15 % (level M, as EMVCo recommends); a screen does not get scratched, but
/// phones read it from afar and at a slant.
pub(crate) fn draw(text: &str, style: Style) -> Option<Drawing> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let (modules, size) = (code.to_colors(), code.width());
    let width = size + 2 * QUIET_ZONE;
    let is_dark = |x: usize, y: usize| {
        let inside = (QUIET_ZONE..QUIET_ZONE + size).contains(&x)
            && (QUIET_ZONE..QUIET_ZONE + size).contains(&y);
        inside && modules[(y - QUIET_ZONE) * size + x - QUIET_ZONE] == Color::Dark
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
                let drawing = draw(text, style).unwrap();
                let rows = seen(&drawing, style);
                assert!(rows.iter().all(|row| row.len() == drawing.width));
                assert_eq!(scan(&rows), text, "{style:?}");
            }
        }
    }

    #[test]
    fn colours_end_with_every_line() {
        let drawing = draw("x", Style::Colours).unwrap();
        for line in drawing.lines {
            assert!(line.starts_with(BLACK_ON_WHITE) && line.ends_with(RESET));
        }
    }

    #[test]
    fn what_is_too_long_is_not_drawn() {
        assert_eq!(draw(&"x".repeat(3_000), Style::Colours), None);
    }
}
