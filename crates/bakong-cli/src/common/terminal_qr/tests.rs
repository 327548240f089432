use super::*;

const STYLES: [Style; 6] = [
    Style::Colours,
    Style::LightBlocks,
    Style::DarkBlocks,
    Style::AsciiColours,
    Style::Ascii,
    Style::AsciiLight,
];

/// The modules that a camera sees; `true` is dark.
fn seen(drawing: &Drawing, style: Style) -> Vec<Vec<bool>> {
    if style.is_ascii() {
        return drawing
            .lines
            .iter()
            .map(|line| ascii(line, style))
            .collect();
    }
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

/// The modules of one line in ASCII.
fn ascii(line: &str, style: Style) -> Vec<bool> {
    assert!(line.is_ascii());
    let cells: Vec<char> = if style == Style::AsciiColours {
        let runs = line.trim_end_matches(RESET).split("\x1b[48;5;").skip(1);
        let cells = runs.flat_map(|run| {
            let (colour, cells) = run.split_once('m').unwrap();
            let cell = if colour == "16" { '#' } else { ' ' };
            std::iter::repeat_n(cell, cells.len())
        });
        cells.collect()
    } else {
        line.chars().collect()
    };
    let is_dark = |pair: &[char]| {
        assert_eq!(pair[0], pair[1]);
        (pair[0] == '#') != (style == Style::AsciiLight)
    };
    cells.chunks(2).map(is_dark).collect()
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
        for style in STYLES {
            for size in SIZES {
                let drawing = draw_at(text, style, size).unwrap();
                let rows = seen(&drawing, style);
                let modules = drawing.width / if style.is_ascii() { 2 } else { 1 };
                assert!(rows.iter().all(|row| row.len() == modules));
                assert_eq!(scan(&rows), text, "{style:?} {size:?}");
            }
        }
    }
}

#[test]
fn the_style_fits_the_screen() {
    let screen = |is_terminal, wants_colours, is_utf8| Screen {
        is_terminal,
        wants_colours,
        is_utf8,
    };
    for (screen, auto, ascii) in [
        (
            screen(true, true, true),
            Some(Style::Colours),
            Style::AsciiColours,
        ),
        (
            screen(true, true, false),
            Some(Style::AsciiColours),
            Style::AsciiColours,
        ),
        (
            screen(true, false, true),
            Some(Style::LightBlocks),
            Style::AsciiLight,
        ),
        (
            screen(true, false, false),
            Some(Style::AsciiLight),
            Style::AsciiLight,
        ),
        (screen(false, true, true), None, Style::Ascii),
        (screen(false, false, false), None, Style::Ascii),
    ] {
        assert_eq!(screen.style(QrStyle::Auto), auto, "{screen:?}");
        assert_eq!(screen.style(QrStyle::Ascii), Some(ascii), "{screen:?}");
        assert_eq!(screen.style(QrStyle::Light), Some(Style::DarkBlocks));
        assert_eq!(screen.style(QrStyle::Dark), Some(Style::LightBlocks));
        assert_eq!(screen.style(QrStyle::None), None);
    }
}

#[test]
fn the_first_variable_that_is_set_is_the_locale() {
    for (all, ctype, lang, expected) in [
        ("", "", "en_US.UTF-8", true),
        ("", "C.utf8", "C", true),
        ("C", "", "en_US.UTF-8", false),
        ("", "", "km_KH", false),
        ("", "", "en_US.ISO-8859-1", false),
        ("", "", "", false),
    ] {
        let variable = |name: &str| {
            Some(OsString::from(match name {
                "LC_ALL" => all,
                "LC_CTYPE" => ctype,
                _ => lang,
            }))
        };
        assert_eq!(is_utf8(variable), expected, "{all} {ctype} {lang}");
    }
    assert!(!is_utf8(|_| None));
}

#[test]
fn a_small_window_gets_a_small_code() {
    let lines = |room| draw(CODES[0], Style::Colours, room).unwrap().lines.len();
    assert!(lines(Some((24, 80))) < lines(None));
    assert_eq!(lines(Some((50, 100))), lines(None));
    // If no size fits, the smallest is drawn.
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
