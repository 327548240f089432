//! Encodes pixels as a PNG file.

/// Encodes rows of 8-bit pixels. Returns `None` if the number of pixels is wrong.
pub(crate) fn encode(
    (width, height): (u32, u32),
    pixels: &[u8],
    color: png::ColorType,
) -> Option<Vec<u8>> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(pixels).ok()?;
    writer.finish().ok()?;
    Some(file)
}
