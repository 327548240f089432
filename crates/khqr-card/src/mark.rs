//! Wordmarks and symbols from files, which are untrusted.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use usvg::roxmltree;

use crate::limits;
use crate::path::Point;

/// A wordmark or a centre symbol, read from an SVG or PNG file.
///
/// The file is untrusted. An SVG file is reduced to paths with colours and gradients, and written anew; a file with
/// scripts, images, texts, filters or links to other files is rejected. A PNG file is decoded and encoded anew.
/// [`limits`] has the largest sizes.
///
/// ```
/// use khqr_card::Mark;
///
/// let file = br##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><circle cx="5" cy="5" r="5" fill="#fff"/></svg>"##;
/// let mark = Mark::from_bytes(file)?;
/// # Ok::<(), khqr_card::MarkError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mark {
    pub(crate) content: Content,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// The elements inside of the root element, and the size in 1/1000 units.
    Vector { elements: String, size: (u32, u32) },
    /// A PNG file, and its size in pixels.
    Raster {
        png: Vec<u8>,
        #[cfg_attr(
            not(feature = "png"),
            expect(dead_code, reason = "only PNG images need it")
        )]
        size: (u32, u32),
    },
}

/// Why a file cannot be used as a wordmark or symbol.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MarkError {
    /// The file has more than [`limits::MAX_MARK_BYTES`].
    FileTooLarge,
    /// The bytes are neither an SVG file in UTF-8 nor a PNG file.
    UnknownFormat,
    /// The SVG file is not well-formed, or has no size.
    InvalidSvg,
    /// The PNG file cannot be decoded.
    InvalidPng,
    /// The PNG image is larger than [`limits::MAX_MARK_PIXELS`] in a direction.
    TooManyPixels,
    /// The SVG file has too many elements or style rules, or they are nested too deeply.
    TooComplex,
    /// The SVG file contains something that a mark must not have.
    NotAllowed(&'static str),
}

impl fmt::Display for MarkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FileTooLarge => write!(
                f,
                "the wordmark or symbol file is larger than {} bytes",
                limits::MAX_MARK_BYTES
            ),
            Self::UnknownFormat => f.write_str("the wordmark or symbol is neither SVG nor PNG"),
            Self::InvalidSvg => f.write_str("the wordmark or symbol is not a valid SVG file"),
            Self::InvalidPng => f.write_str("the wordmark or symbol is not a valid PNG file"),
            Self::TooManyPixels => write!(
                f,
                "the wordmark or symbol is larger than {0} x {0} pixels",
                limits::MAX_MARK_PIXELS
            ),
            Self::TooComplex => f.write_str(
                "the SVG file of the wordmark or symbol has too many elements: simplify it",
            ),
            Self::NotAllowed(what) => write!(
                f,
                "the SVG file of the wordmark or symbol contains {what}: export it as plain paths"
            ),
        }
    }
}

impl core::error::Error for MarkError {}

impl Mark {
    /// Reads an SVG or PNG file.
    ///
    /// # Errors
    /// Every variant of [`MarkError`].
    pub fn from_bytes(file: &[u8]) -> Result<Self, MarkError> {
        if limits::MAX_MARK_BYTES < file.len() {
            return Err(MarkError::FileTooLarge);
        }
        let content = if file.starts_with(b"\x89PNG") {
            raster(file)?
        } else {
            vector(str::from_utf8(file).map_err(|_| MarkError::UnknownFormat)?)?
        };
        Ok(Self { content })
    }

    /// Writes the mark as an element that fits into a rectangle.
    pub(crate) fn write_svg(&self, (x, y): Point, (width, height): (i32, i32), to: &mut String) {
        let place = format!("x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"");
        match &self.content {
            Content::Vector {
                elements,
                size: (w, h),
            } => {
                let (w, h) = (Thousandths(*w), Thousandths(*h));
                to.push_str(&format!(
                    "<svg {place} viewBox=\"0 0 {w} {h}\">{elements}</svg>"
                ));
            }
            Content::Raster { png, .. } => {
                let data = STANDARD.encode(png);
                to.push_str(&format!(
                    "<image {place} href=\"data:image/png;base64,{data}\"/>"
                ));
            }
        }
    }
}

struct Thousandths(u32);

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

/// Decodes a PNG file, and encodes only its pixels.
fn raster(file: &[u8]) -> Result<Content, MarkError> {
    let invalid = |_| MarkError::InvalidPng;
    let mut decoder =
        png::Decoder::new_with_limits(std::io::Cursor::new(file), png::Limits { bytes: 16 << 20 });
    decoder.set_transformations(
        png::Transformations::normalize_to_color8() | png::Transformations::ALPHA,
    );
    decoder.set_ignore_text_chunk(true);
    decoder.ignore_checksums(false);
    let size = {
        let header = decoder.read_header_info().map_err(invalid)?;
        (header.width, header.height)
    };
    if limits::MAX_MARK_PIXELS < size.0.max(size.1) {
        return Err(MarkError::TooManyPixels);
    }
    let mut reader = decoder.read_info().map_err(invalid)?;
    let len = reader.output_buffer_size().ok_or(MarkError::InvalidPng)?;
    let mut pixels = vec![0; len];
    let frame = reader.next_frame(&mut pixels).map_err(invalid)?;
    pixels.truncate(frame.buffer_size());
    let pixels: Vec<u8> = match frame.color_type {
        png::ColorType::Rgba => pixels,
        png::ColorType::GrayscaleAlpha => pixels
            .chunks_exact(2)
            .flat_map(|pixel| match pixel {
                [grey, alpha] => [*grey, *grey, *grey, *alpha],
                _ => [0; 4],
            })
            .collect(),
        _ => return Err(MarkError::InvalidPng),
    };
    let png = crate::png_file::encode(size, &pixels, png::ColorType::Rgba);
    Ok(Content::Raster {
        png: png.ok_or(MarkError::InvalidPng)?,
        size,
    })
}

/// The elements that an SVG file may contain. Elements of other namespaces, as editors write them, are ignored.
const ELEMENTS: [&str; 19] = [
    "svg",
    "g",
    "defs",
    "symbol",
    "use",
    "path",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "linearGradient",
    "radialGradient",
    "stop",
    "clipPath",
    "title",
    "desc",
    "metadata",
];
const SVG: &str = "http://www.w3.org/2000/svg";
const MAX_DEPTH: usize = 32;
/// Style rules are compared with every element.
const MAX_STYLE_BYTES: usize = 8 * 1024;

fn vector(file: &str) -> Result<Content, MarkError> {
    // An entity can expand to a large text, or name another file.
    if file.contains("<!ENTITY") {
        return Err(MarkError::NotAllowed("an XML entity"));
    }
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        nodes_limit: u32::try_from(8 * limits::MAX_MARK_ELEMENTS).unwrap_or(u32::MAX),
        ..roxmltree::ParsingOptions::default()
    };
    let document =
        roxmltree::Document::parse_with_options(file, options).map_err(|error| match error {
            roxmltree::Error::NodesLimitReached => MarkError::TooComplex,
            _ => MarkError::InvalidSvg,
        })?;
    if !document.root_element().has_tag_name((SVG, "svg")) {
        return Err(MarkError::UnknownFormat);
    }
    check_elements(&document)?;
    let options = usvg::Options {
        image_href_resolver: usvg::ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_xmltree(&document, &options).map_err(|error| match error {
        usvg::Error::ElementsLimitReached => MarkError::TooComplex,
        _ => MarkError::InvalidSvg,
    })?;
    check_group(tree.root())?;
    let options = usvg::WriteOptions {
        // Two marks in one page must not share an ID.
        id_prefix: Some(format!("khqr-{}-", khqr_core::Md5Handle::of(file))),
        coordinates_precision: 3,
        transforms_precision: 6,
        indent: usvg::Indent::None,
        ..usvg::WriteOptions::default()
    };
    let written = tree.to_string(&options);
    let body = written
        .split_once('>')
        .and_then(|(_, rest)| rest.rsplit_once("</svg>"));
    let (elements, _) = body.ok_or(MarkError::InvalidSvg)?;
    Ok(Content::Vector {
        elements: elements.trim().to_owned(),
        size: thousandths(tree.size())?,
    })
}

#[allow(
    clippy::disallowed_types,
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the size of a picture, which is limited before the conversion"
)]
fn thousandths(size: usvg::Size) -> Result<(u32, u32), MarkError> {
    let convert = |length: f32| {
        let is_usable = (0.01..100_000.0).contains(&length);
        is_usable
            .then_some((f64::from(length) * 1_000.0).round() as u32)
            .ok_or(MarkError::InvalidSvg)
    };
    Ok((convert(size.width())?, convert(size.height())?))
}

/// Checks the elements of the file, before they are expanded.
fn check_elements(document: &roxmltree::Document<'_>) -> Result<(), MarkError> {
    let is_svg = |node: &roxmltree::Node<'_, '_>| {
        node.is_element() && node.tag_name().namespace() == Some(SVG)
    };
    let (mut count, mut style_bytes) = (0, 0);
    for node in document.descendants().filter(is_svg) {
        let name = node.tag_name().name();
        if name == "style" {
            style_bytes += node.text().map_or(0, str::len);
        } else if !ELEMENTS.contains(&name) {
            return Err(MarkError::NotAllowed(named(name)));
        }
        if MAX_DEPTH < node.ancestors().take(MAX_DEPTH + 2).count() {
            return Err(MarkError::TooComplex);
        }
        for attribute in node.attributes() {
            check_attribute(attribute.name(), attribute.value())?;
        }
        count += if name == "use" {
            used(document, node)?
        } else {
            1
        };
        if limits::MAX_MARK_ELEMENTS < count || MAX_STYLE_BYTES < style_bytes {
            return Err(MarkError::TooComplex);
        }
    }
    Ok(())
}

fn check_attribute(name: &str, value: &str) -> Result<(), MarkError> {
    // Handlers of events have names such as `onload`.
    if name.starts_with("on") {
        return Err(MarkError::NotAllowed("a script"));
    }
    if name == "href" && !value.starts_with('#') {
        return Err(MarkError::NotAllowed("a link to another file"));
    }
    Ok(())
}

/// The number of elements that a `use` element expands to. A `use` inside of a used element would multiply.
fn used(
    document: &roxmltree::Document<'_>,
    node: roxmltree::Node<'_, '_>,
) -> Result<usize, MarkError> {
    let href = node
        .attributes()
        .find(|attribute| attribute.name() == "href");
    let id = href.and_then(|href| href.value().strip_prefix('#'));
    let target = document
        .descendants()
        .find(|node| id.is_some() && node.attribute("id") == id);
    let Some(target) = target else { return Ok(1) };
    let mut elements = target.descendants().filter(roxmltree::Node::is_element);
    if elements.any(|element| element.tag_name().name() == "use") {
        return Err(MarkError::TooComplex);
    }
    Ok(target.descendants().count())
}

/// A name for the message.
fn named(element: &str) -> &'static str {
    match element {
        "script" => "a script",
        "image" | "feImage" => "an image",
        "text" | "tspan" | "textPath" => "text",
        "foreignObject" => "a foreign object",
        "filter" => "a filter",
        "pattern" => "a pattern",
        "mask" => "a mask",
        "a" => "a link",
        "animate" | "animateMotion" | "animateTransform" | "set" => "an animation",
        _ => "an element that is not supported",
    }
}

/// Checks the expanded elements: only paths, colours and gradients.
fn check_group(group: &usvg::Group) -> Result<(), MarkError> {
    if !group.filters().is_empty() {
        return Err(MarkError::NotAllowed("a filter"));
    }
    if group.mask().is_some() {
        return Err(MarkError::NotAllowed("a mask"));
    }
    for child in group.children() {
        match child {
            usvg::Node::Group(group) => check_group(group)?,
            usvg::Node::Path(path) => {
                let paints = [
                    path.fill().map(usvg::Fill::paint),
                    path.stroke().map(usvg::Stroke::paint),
                ];
                let is_pattern = |paint: &&usvg::Paint| matches!(paint, usvg::Paint::Pattern(_));
                if paints.iter().flatten().any(is_pattern) {
                    return Err(MarkError::NotAllowed("a pattern"));
                }
                // A dash can be so short that a line has millions of them.
                if path
                    .stroke()
                    .is_some_and(|stroke| stroke.dasharray().is_some())
                {
                    return Err(MarkError::NotAllowed("a dashed line"));
                }
            }
            usvg::Node::Image(_) => return Err(MarkError::NotAllowed("an image")),
            usvg::Node::Text(_) => return Err(MarkError::NotAllowed("text")),
        }
    }
    Ok(())
}
