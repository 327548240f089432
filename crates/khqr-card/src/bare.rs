//! The bare code: modules and margin.

use khqr_core::Khqr;

use crate::error::Error;
use crate::limits;
use crate::modules::{ErrorCorrection, Modules};
use crate::path::{Path, Point};
use crate::scene::{Color, Fill, Item, Ratio, Scene};
use crate::svg;
use crate::text::clean;

/// A bare QR code: black modules on a white square.
///
/// ```
/// use khqr_card::BareCode;
/// # let text = "00020101021229140010sokha@devb5204599953031165405100005802KH5912Sokha Coffee6010Phnom Penh\
/// #     62120108INV-20419934001317950000000000113179500060000063046965";
///
/// let khqr = khqr_core::Khqr::parse(text)?;
/// let svg = BareCode::new(&khqr).width(160).to_svg()?;
/// assert!(svg.starts_with("<svg"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub struct BareCode {
    text: String,
    title: String,
    width: u32,
    margin: u32,
    correction: ErrorCorrection,
}

impl BareCode {
    /// Draws a KHQR.
    pub fn new(khqr: &Khqr<'_>) -> Self {
        let name = clean(khqr.merchant_name().unwrap_or_default());
        let title = match name.is_empty() {
            true => "KHQR code".to_owned(),
            false => format!("KHQR code of {name}"),
        };
        Self {
            title,
            ..Self::of_text(khqr.text())
        }
    }

    /// Draws any text, such as another EMVCo code.
    pub fn of_text(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            title: "QR code".to_owned(),
            width: 400,
            margin: 4,
            correction: ErrorCorrection::default(),
        }
    }

    /// The width and the height of the image in pixels, 400 by default.
    pub const fn width(mut self, pixels: u32) -> Self {
        self.width = pixels;
        self
    }

    /// The margin on each side in modules, 4 by default. ISO/IEC 18004 asks for 4.
    pub const fn margin(mut self, modules: u32) -> Self {
        self.margin = modules;
        self
    }

    /// The error correction, M by default.
    pub const fn error_correction(mut self, correction: ErrorCorrection) -> Self {
        self.correction = correction;
        self
    }

    /// Draws the code as SVG.
    ///
    /// # Errors
    /// [`Error::TextTooLong`], [`Error::Width`] or [`Error::Margin`].
    pub fn to_svg(&self) -> Result<String, Error> {
        Ok(svg::document(&self.scene()?, self.width, self.width))
    }

    /// Draws the code as PNG. Every module has the same whole number of pixels if the width allows it; the margin takes
    /// up the rest.
    ///
    /// # Errors
    /// Those of [`BareCode::to_svg`], and [`Error::Raster`].
    #[cfg(feature = "png")]
    pub fn to_png(&self) -> Result<Vec<u8>, Error> {
        crate::png::encode(&self.snapped_scene()?, self.width)
    }

    /// Draws the code as a PDF document of one page, 60 mm × 60 mm.
    ///
    /// # Errors
    /// Those of [`BareCode::to_svg`].
    #[cfg(feature = "pdf")]
    pub fn to_pdf(&self) -> Result<Vec<u8>, Error> {
        crate::pdf::document(&self.scene()?, (60, 60))
    }

    pub(crate) fn scene(&self) -> Result<Scene, Error> {
        let modules = self.modules()?;
        let width = size(modules.width()) + 2 * i32::try_from(self.margin).unwrap_or_default();
        let margin = i32::try_from(self.margin).unwrap_or_default();
        Ok(self.scene_of(&modules, width, margin, Ratio(1, 1)))
    }

    /// The scene in pixels.
    #[cfg(feature = "png")]
    fn snapped_scene(&self) -> Result<Scene, Error> {
        let modules = self.modules()?;
        let inner = size(modules.width());
        let width = i32::try_from(self.width).unwrap_or_default();
        let all = inner + 2 * i32::try_from(self.margin).unwrap_or_default();
        match width / all {
            0 => self.scene(),
            module => {
                let margin = (width - inner * module) / 2;
                Ok(self.scene_of(&modules, width, margin, Ratio::of(module, 1)))
            }
        }
    }

    fn modules(&self) -> Result<Modules, Error> {
        check(self.width, self.margin)?;
        Modules::encode(&self.text, self.correction)
    }

    fn scene_of(&self, modules: &Modules, width: i32, margin: i32, module: Ratio) -> Scene {
        let mut scene = Scene {
            size: (width, width),
            title: self.title.clone(),
            description: String::new(),
            items: Vec::new(),
        };
        let mut square = Path::default();
        square.rect((0, 0), width, width);
        scene.fill(square, Color::WHITE);
        scene
            .items
            .push(Item::Fill(fill_of(modules, (margin, margin), module)));
        scene
    }
}

/// Checks the options that every image has.
pub(crate) fn check(width: u32, margin: u32) -> Result<(), Error> {
    if !limits::WIDTH.contains(&width) {
        return Err(Error::Width(width));
    }
    if !limits::MARGIN.contains(&margin) {
        return Err(Error::Margin(margin));
    }
    Ok(())
}

/// A number of modules as a coordinate. A code has at most 177.
pub(crate) fn size(modules: usize) -> i32 {
    i32::try_from(modules).unwrap_or_default()
}

/// The dark modules of a code, with the upper left corner at `origin`.
pub(crate) fn fill_of(modules: &Modules, origin: Point, module: Ratio) -> Fill {
    let mut path = Path::default();
    for (y, x, len) in modules.runs() {
        path.rect((size(x), size(y)), size(len), 1);
    }
    Fill {
        origin,
        scale: module,
        is_crisp: true,
        ..Fill::new(path, Color::BLACK)
    }
}
