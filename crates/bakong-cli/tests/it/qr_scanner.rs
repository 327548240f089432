//! Decodes the printed code. The decoder shares no code with the encoder.

/// Whether a line is part of a drawn code.
pub(crate) fn is_drawing(line: &str) -> bool {
    line.chars().count() > 20 && line.chars().all(|cell| "█▀▄ ".contains(cell))
}

/// The text of the QR code among these lines. Block characters are dark modules.
pub(crate) fn scan<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    const SCALE: usize = 3;
    let mut rows = Vec::new();
    for line in lines.into_iter().filter(|line| is_drawing(line)) {
        for dark in ["█▀", "█▄"] {
            let row: Vec<_> = line.chars().map(|cell| dark.contains(cell)).collect();
            rows.push(row);
        }
    }
    let (width, height) = (rows[0].len() * SCALE, rows.len() * SCALE);
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        if rows[y / SCALE][x / SCALE] { 0 } else { 255 }
    });
    let grids = picture.detect_grids();
    assert_eq!(grids.len(), 1, "one code is printed");
    grids[0].decode().unwrap().1
}
