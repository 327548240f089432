//! Writes a scene as a PDF document of one page.

#![allow(
    clippy::disallowed_types,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    reason = "coordinates of a page, written by a crate that takes floating-point numbers"
)]

use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, TextStr};

use crate::error::Error;
use crate::path::{Point, Step};
use crate::png;
use crate::scene::{Color, Fill, Item, PlacedMark, Scene};

/// A point, the unit of PDF, is 1/72 inch.
const POINTS_PER_MM: f32 = 72.0 / 25.4;
/// The width of a mark in pixels.
const MARK_PIXELS: u32 = 800;

const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const INFO: Ref = Ref::new(5);
const FIRST_IMAGE: i32 = 6;

/// Writes a scene that fills a page of a size in millimetres.
pub(crate) fn document(scene: &Scene, (width, height): (u16, u16)) -> Result<Vec<u8>, Error> {
    let page = (
        f32::from(width) * POINTS_PER_MM,
        f32::from(height) * POINTS_PER_MM,
    );
    let mut images = Vec::new();
    let content = content(scene, page, &mut images);
    let mut pdf = Pdf::new();
    pdf.catalog(CATALOG).pages(PAGES).lang(TextStr("en"));
    pdf.pages(PAGES).kids([PAGE]).count(1);
    pdf.document_info(INFO).title(TextStr(&scene.title));
    let mut object = pdf.page(PAGE);
    object.parent(PAGES).contents(CONTENT);
    object.media_box(Rect::new(0.0, 0.0, page.0, page.1));
    let mut resources = object.resources();
    let mut objects = resources.x_objects();
    for (at, _) in images.iter().enumerate() {
        let (image, _) = refs(at);
        objects.pair(Name(name(at).as_bytes()), image);
    }
    objects.finish();
    resources.finish();
    object.finish();
    let packed = compress(&content);
    pdf.stream(CONTENT, &packed).filter(Filter::FlateDecode);
    for (at, placed) in images.iter().enumerate() {
        write_image(&mut pdf, at, placed)?;
    }
    Ok(pdf.finish())
}

/// The content of the page, and the marks that it draws.
fn content<'s>(scene: &'s Scene, page: (f32, f32), images: &mut Vec<&'s PlacedMark>) -> Vec<u8> {
    let mut content = Content::new();
    let scale = page.0 / scene.size.0 as f32;
    // The origin of a page is its lower left corner.
    content.transform([scale, 0.0, 0.0, -scale, 0.0, page.1]);
    for item in &scene.items {
        match item {
            Item::Fill(fill) => draw_fill(&mut content, fill),
            Item::Mark(placed) => {
                let (x, y, w, h) = (
                    placed.origin.0 as f32,
                    placed.origin.1 as f32,
                    placed.size.0 as f32,
                    placed.size.1 as f32,
                );
                content.save_state();
                // An image fills the unit square, with its first row at the top.
                content.transform([w, 0.0, 0.0, -h, x, y + h]);
                content.x_object(Name(name(images.len()).as_bytes()));
                content.restore_state();
                images.push(placed);
            }
        }
    }
    content.finish().to_vec()
}

fn draw_fill(content: &mut Content, fill: &Fill) {
    let Color(red, green, blue) = fill.color;
    let part = |value: u8| f32::from(value) / 255.0;
    let scale = fill.scale.0 as f32 / fill.scale.1 as f32;
    let vertical = if fill.is_flipped { -scale } else { scale };
    content.save_state();
    content.set_fill_rgb(part(red), part(green), part(blue));
    let (x, y) = (fill.origin.0 as f32, fill.origin.1 as f32);
    content.transform([scale, 0.0, 0.0, vertical, x, y]);
    let mut at = (0.0, 0.0);
    let float = |(x, y): Point| (x as f32, y as f32);
    for step in &fill.path.0 {
        match *step {
            Step::Move(point) => {
                at = float(point);
                content.move_to(at.0, at.1);
            }
            Step::Line(point) => {
                at = float(point);
                content.line_to(at.0, at.1);
            }
            Step::Quad(control, point) => {
                let (c, end) = (float(control), float(point));
                // The cubic with the same curve.
                let third = |from: f32, to: f32| from + (to - from) * 2.0 / 3.0;
                content.cubic_to(
                    third(at.0, c.0),
                    third(at.1, c.1),
                    third(end.0, c.0),
                    third(end.1, c.1),
                    end.0,
                    end.1,
                );
                at = end;
            }
            Step::Cubic(first, second, point) => {
                let (a, b, end) = (float(first), float(second), float(point));
                content.cubic_to(a.0, a.1, b.0, b.1, end.0, end.1);
                at = end;
            }
            Step::Close => {
                content.close_path();
            }
        }
    }
    content.fill_nonzero();
    content.restore_state();
}

/// Writes a mark as an image with a mask for its transparency.
fn write_image(pdf: &mut Pdf, at: usize, placed: &PlacedMark) -> Result<(), Error> {
    let scene = Scene {
        size: placed.size,
        title: String::new(),
        description: String::new(),
        items: vec![Item::Mark(PlacedMark {
            origin: (0, 0),
            ..placed.clone()
        })],
    };
    let pixmap = png::draw(&scene, MARK_PIXELS).ok_or(Error::Raster)?;
    let size = i32::try_from(pixmap.width()).and_then(|w| Ok((w, i32::try_from(pixmap.height())?)));
    let (width, height) = size.map_err(|_| Error::Raster)?;
    let pixels = pixmap.take_demultiplied();
    let colors: Vec<u8> = pixels
        .chunks_exact(4)
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect();
    let alpha: Vec<u8> = pixels.chunks_exact(4).map(|pixel| pixel[3]).collect();
    let (image, mask) = refs(at);
    let packed = compress(&colors);
    let mut object = pdf.image_xobject(image, &packed);
    object.filter(Filter::FlateDecode);
    object.width(width).height(height).bits_per_component(8);
    object.color_space().device_rgb();
    object.s_mask(mask);
    object.finish();
    let packed = compress(&alpha);
    let mut object = pdf.image_xobject(mask, &packed);
    object.filter(Filter::FlateDecode);
    object.width(width).height(height).bits_per_component(8);
    object.color_space().device_gray();
    object.finish();
    Ok(())
}

fn name(image: usize) -> String {
    format!("M{image}")
}

/// The objects of an image and of its mask.
fn refs(image: usize) -> (Ref, Ref) {
    let first = FIRST_IMAGE + 2 * i32::try_from(image).unwrap_or_default();
    (Ref::new(first), Ref::new(first + 1))
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(bytes, 6)
}
