//! What happens to a picture between the shop and the scanner.

#![allow(
    clippy::disallowed_types,
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the geometry of a rotated picture"
)]

use image::codecs::jpeg::JpegEncoder;
use image::{GrayImage, ImageFormat, Luma};

pub(crate) fn decode(png: &[u8]) -> GrayImage {
    image::load_from_memory_with_format(png, ImageFormat::Png)
        .unwrap()
        .to_luma8()
}

/// Turns a picture by some degrees, on a white ground.
pub(crate) fn rotated(picture: &GrayImage, degrees: f32) -> GrayImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let side = width.hypot(height).ceil();
    GrayImage::from_fn(side as u32, side as u32, |x, y| {
        let (x, y) = (x as f32 + 0.5 - side / 2.0, y as f32 + 0.5 - side / 2.0);
        let source = (
            x * cos + y * sin + width / 2.0 - 0.5,
            y * cos - x * sin + height / 2.0 - 0.5,
        );
        Luma([sampled(picture, source)])
    })
}

/// The colour between four pixels.
fn sampled(picture: &GrayImage, (x, y): (f32, f32)) -> u8 {
    let pixel = |x: f32, y: f32| {
        let inside = (0.0..picture.width() as f32).contains(&x)
            && (0.0..picture.height() as f32).contains(&y);
        if inside {
            f32::from(picture.get_pixel(x as u32, y as u32).0[0])
        } else {
            255.0
        }
    };
    let (left, top) = (x.floor(), y.floor());
    let (right, low) = (x - left, y - top);
    let row = |y: f32| pixel(left, y) * (1.0 - right) + pixel(left + 1.0, y) * right;
    (row(top) * (1.0 - low) + row(top + 1.0) * low).round() as u8
}

/// Reduces the contrast, as on an old thermal printer in dim light.
pub(crate) fn grey(picture: &GrayImage) -> GrayImage {
    let mut picture = picture.clone();
    for pixel in picture.pixels_mut() {
        pixel.0[0] = 96 + pixel.0[0] / 4;
    }
    picture
}

/// Compresses the picture with a low quality, as chat applications do.
pub(crate) fn jpeg(picture: &GrayImage, quality: u8) -> GrayImage {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality)
        .encode_image(picture)
        .unwrap();
    image::load_from_memory_with_format(&file, ImageFormat::Jpeg)
        .unwrap()
        .to_luma8()
}
