//! Draws a scene as PNG.

#![allow(
    clippy::disallowed_types,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "the renderer computes with floating-point coordinates"
)]

use resvg::tiny_skia::{FilterQuality, Pixmap, PixmapPaint, Transform};

use crate::error::Error;
use crate::mark::Content;
use crate::png_file;
use crate::scene::{Item, PlacedMark, Scene};
use crate::svg;

/// Draws a scene with a width in pixels and encodes it. An opaque image has no alpha channel.
pub(crate) fn encode(scene: &Scene, width: u32) -> Result<Vec<u8>, Error> {
    let pixmap = draw(scene, width).ok_or(Error::Raster)?;
    let size = (pixmap.width(), pixmap.height());
    let pixels = pixmap.take_demultiplied();
    let is_opaque = pixels.chunks_exact(4).all(|pixel| pixel[3] == u8::MAX);
    let file = if is_opaque {
        let rgb: Vec<u8> = pixels
            .chunks_exact(4)
            .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
            .collect();
        png_file::encode(size, &rgb, png::ColorType::Rgb)
    } else {
        png_file::encode(size, &pixels, png::ColorType::Rgba)
    };
    file.ok_or(Error::Raster)
}

/// Draws a scene. Its SVG is the source of all shapes.
pub(crate) fn draw(scene: &Scene, width: u32) -> Option<Pixmap> {
    let (scene_width, scene_height) = scene.size;
    let (w, h) = (
        u32::try_from(scene_width).ok()?,
        u32::try_from(scene_height).ok()?,
    );
    let height = u64::from(width) * u64::from(h) / u64::from(w.max(1));
    let mut pixmap = Pixmap::new(width, u32::try_from(height).ok()?.max(1))?;
    let document = svg::document(scene, w, h);
    let tree = usvg::Tree::from_str(&document, &usvg::Options::default()).ok()?;
    let scale = width as f32 / w as f32;
    resvg::render(
        &tree,
        Transform::from_scale(scale, scale),
        &mut pixmap.as_mut(),
    );
    // The renderer has no decoder for images.
    for item in &scene.items {
        if let Item::Mark(placed) = item {
            draw_raster(placed, scale, &mut pixmap)?;
        }
    }
    Some(pixmap)
}

fn draw_raster(placed: &PlacedMark, scale: f32, to: &mut Pixmap) -> Option<()> {
    let Content::Raster { png, size } = &placed.mark.content else {
        return Some(());
    };
    let image = decode(png, *size)?;
    let (width, height) = (placed.size.0 as f32, placed.size.1 as f32);
    let (w, h) = (size.0 as f32, size.1 as f32);
    let fit = (width / w).min(height / h);
    let x = placed.origin.0 as f32 + (width - w * fit) / 2.0;
    let y = placed.origin.1 as f32 + (height - h * fit) / 2.0;
    let paint = PixmapPaint {
        quality: FilterQuality::Bilinear,
        ..PixmapPaint::default()
    };
    let transform =
        Transform::from_scale(fit * scale, fit * scale).post_translate(x * scale, y * scale);
    to.draw_pixmap(0, 0, image.as_ref(), &paint, transform, None);
    Some(())
}

fn decode(file: &[u8], (width, height): (u32, u32)) -> Option<Pixmap> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file))
        .read_info()
        .ok()?;
    let mut pixels = vec![0; reader.output_buffer_size()?];
    reader.next_frame(&mut pixels).ok()?;
    // The pixmap has premultiplied colours.
    for pixel in pixels.chunks_exact_mut(4) {
        let alpha = u16::from(pixel[3]);
        for channel in pixel.iter_mut().take(3) {
            let product = u16::from(*channel) * alpha / u16::from(u8::MAX);
            *channel = u8::try_from(product).unwrap_or(u8::MAX);
        }
    }
    Pixmap::from_vec(pixels, resvg::tiny_skia::IntSize::from_wh(width, height)?)
}
