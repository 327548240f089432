//! Reads QR codes from a picture, as the phone of a customer does.

use std::fmt;
use std::io::Cursor;

use image::imageops::{FilterType, resize};
use image::{GrayImage, ImageFormat, ImageReader, Limits};

/// The largest width and height of a picture in pixels. Photos of phones have up to 12,000.
const MAX_SIDE: u32 = 12_000;
/// The memory for decoding, which is enough for a photo of 64 megapixels.
const MAX_MEMORY: u64 = 256 << 20;
/// The longest sides with which a picture is scanned. A code that fills the picture needs few pixels, a code in the
/// background of a photo needs many.
const SIDES: [u32; 3] = [1_200, 2_400, 4_800];
/// A small picture is also scanned enlarged, because the scanner needs several pixels for each module.
const SMALL_SIDE: u32 = 600;

/// Why no code was read from a picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PictureError {
    /// The bytes are neither PNG nor JPEG.
    UnknownFormat,
    /// The picture cannot be decoded.
    Damaged,
    /// The picture has more than 12,000 pixels in a direction, or takes up more than 256 MiB when decoded.
    TooLarge,
    /// The picture has no readable QR code.
    NoCode,
}

impl fmt::Display for PictureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownFormat => "the picture is neither PNG nor JPEG",
            Self::Damaged => "the picture is damaged",
            Self::TooLarge => "the picture is too large",
            Self::NoCode => "no QR code found in this picture",
        })
    }
}

impl std::error::Error for PictureError {}

/// Reads the texts of all QR codes in a PNG or JPEG picture, in the order in which the scanner finds them. Decoding a
/// large photo takes some seconds.
///
/// # Errors
/// Every variant of [`PictureError`].
pub fn read_picture(file: &[u8]) -> Result<Vec<String>, PictureError> {
    let picture = decode(file)?;
    let longest = picture.width().max(picture.height());
    let mut sides: Vec<u32> = SIDES.into_iter().filter(|side| *side < longest).collect();
    if longest <= SIDES[SIDES.len() - 1] {
        sides.push(longest);
    }
    if longest <= SMALL_SIDE {
        sides.extend([2 * longest, 3 * longest]);
    }
    let texts = sides.into_iter().map(|side| scan(&picture, side, longest));
    let mut found = texts.filter(|texts| !texts.is_empty());
    found.next().ok_or(PictureError::NoCode)
}

fn decode(file: &[u8]) -> Result<GrayImage, PictureError> {
    let format = image::guess_format(file).map_err(|_| PictureError::UnknownFormat)?;
    if ![ImageFormat::Png, ImageFormat::Jpeg].contains(&format) {
        return Err(PictureError::UnknownFormat);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| match error {
        image::ImageError::Limits(_) => PictureError::TooLarge,
        _ => PictureError::Damaged,
    })?;
    Ok(picture.to_luma8())
}

/// Scans a picture whose longest side is changed to `side`.
fn scan(picture: &GrayImage, side: u32, longest: u32) -> Vec<String> {
    let scaled = |length: u32| {
        let product = u64::from(length) * u64::from(side) / u64::from(longest.max(1));
        u32::try_from(product).unwrap_or(side).max(1)
    };
    let resized;
    let picture = if side == longest {
        picture
    } else {
        let (width, height) = (scaled(picture.width()), scaled(picture.height()));
        resized = resize(picture, width, height, FilterType::Triangle);
        &resized
    };
    let (Ok(width), Ok(height)) = (
        usize::try_from(picture.width()),
        usize::try_from(picture.height()),
    ) else {
        return Vec::new();
    };
    let pixels = picture.as_raw();
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        pixels.get(y * width + x).copied().unwrap_or(u8::MAX)
    });
    let mut texts = Vec::new();
    for grid in prepared.detect_grids() {
        if let Ok((_, text)) = grid.decode()
            && !texts.contains(&text)
        {
            texts.push(text);
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_are_rejected() {
        for (file, error) in [
            (&b""[..], PictureError::UnknownFormat),
            (b"GIF89a", PictureError::UnknownFormat),
            (b"<svg/>", PictureError::UnknownFormat),
            (b"\x89PNG\r\n\x1a\n", PictureError::Damaged),
            (b"\xff\xd8\xff\xe0", PictureError::Damaged),
        ] {
            assert_eq!(read_picture(file), Err(error));
        }
    }

    #[test]
    fn a_picture_without_a_code_is_an_error() {
        let mut file = Vec::new();
        let white = GrayImage::from_pixel(50, 50, image::Luma([255]));
        white
            .write_to(&mut Cursor::new(&mut file), ImageFormat::Png)
            .unwrap();
        assert_eq!(read_picture(&file), Err(PictureError::NoCode));
    }

    /// The header of a PNG file that claims 30,000 × 30,000 pixels. The limit is checked before memory is allocated.
    #[test]
    fn a_huge_picture_is_rejected_by_its_header() {
        let header = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x75\x30\0\0\x75\x30\x08\0\0\0\0";
        let mut file = header.to_vec();
        file.extend(crc32(&header[12..]).to_be_bytes());
        file.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        assert_eq!(read_picture(&file), Err(PictureError::TooLarge));
    }

    /// The checksum of PNG chunks.
    fn crc32(bytes: &[u8]) -> u32 {
        let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
            })
        });
        !crc
    }
}
