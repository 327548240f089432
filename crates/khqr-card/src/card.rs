//! The KHQR card: options and layout.

use khqr_core::{Amount, Currency, Khqr, KhqrDraft, Timestamp};

use crate::bare::{check, fill_of, size};
use crate::error::Error;
use crate::limits;
#[cfg(feature = "marks")]
use crate::mark::Mark;
use crate::modules::{ErrorCorrection, Modules};
use crate::path::Path;
#[cfg(feature = "marks")]
use crate::scene::PlacedMark;
use crate::scene::{Color, Item, Ratio, Scene, UNIT};
use crate::text::{Fonts, LineBox, Weight, clean, fit};
use crate::{svg, time};

/// A KHQR card: header, names, amount and code, in the proportions of NBC's card.
///
/// The card shows what the code contains: the merchant's name, the name in the second language (tag 64), the amount, and
/// the expiry. The options change the appearance and add a caption.
///
/// ```
/// use khqr_card::{Card, Color};
/// # let text = "00020101021229140010sokha@devb5204599953031165405100005802KH5912Sokha Coffee6010Phnom Penh\
/// #     62120108INV-20419934001317950000000000113179500060000063046965";
///
/// let khqr = khqr_core::Khqr::parse(text)?;
/// let svg = Card::new(&khqr)?
///     .width(800)
///     .red(Color(0xE1, 0x23, 0x2E))
///     .corner_radius(20)
///     .caption("Table 7")
///     .to_svg()?;
/// assert!(svg.contains("KHQR: Sokha Coffee, 10,000 KHR"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Card {
    text: String,
    currency: Currency,
    amount: Option<Amount>,
    expires: Option<Timestamp>,
    name: String,
    second_name: String,
    caption: String,
    any_amount: String,
    expiry_prefix: Option<String>,
    width: u32,
    margin: u32,
    correction: Option<ErrorCorrection>,
    red: Color,
    corner_radius: u32,
    fonts: Fonts,
    #[cfg(feature = "marks")]
    wordmark: Option<Mark>,
    #[cfg(feature = "marks")]
    symbol: Option<Mark>,
}

impl Card {
    /// A card for a KHQR.
    ///
    /// # Errors
    /// [`Error::Code`] if the currency, the amount or the expiry cannot be read.
    pub fn new(khqr: &Khqr<'_>) -> Result<Self, Error> {
        let name = khqr.merchant_name().unwrap_or_default();
        let second = khqr.merchant_name_alternate_language().unwrap_or_default();
        Ok(Self {
            text: khqr.text().to_owned(),
            currency: khqr.currency().map_err(Error::Code)?,
            amount: khqr.amount().map_err(Error::Code)?,
            expires: khqr.expires_at().map_err(Error::Code)?,
            name: clean(name),
            second_name: clean(second),
            caption: String::new(),
            any_amount: "Any amount".to_owned(),
            expiry_prefix: Some("Valid until".to_owned()),
            width: 400,
            margin: 4,
            correction: None,
            red: Color::KHQR_RED,
            corner_radius: 0,
            fonts: Fonts::default(),
            #[cfg(feature = "marks")]
            wordmark: None,
            #[cfg(feature = "marks")]
            symbol: None,
        })
    }

    /// A card for a draft.
    ///
    /// # Errors
    /// Those of [`Card::new`].
    pub fn of_draft(draft: &KhqrDraft<'_>) -> Result<Self, Error> {
        let text = draft.to_text();
        Self::new(&Khqr::parse(&text).map_err(Error::Code)?)
    }

    /// The width in pixels, 400 by default. The height is 29/20 of it.
    pub const fn width(mut self, pixels: u32) -> Self {
        self.width = pixels;
        self
    }

    /// The smallest margin around the code in modules, 4 by default. The code shrinks if its margin would touch a text.
    pub const fn margin(mut self, modules: u32) -> Self {
        self.margin = modules;
        self
    }

    /// The error correction: by default M, or Q with a centre symbol.
    pub const fn error_correction(mut self, correction: ErrorCorrection) -> Self {
        self.correction = Some(correction);
        self
    }

    /// The colour of the header, [`Color::KHQR_RED`] by default.
    pub const fn red(mut self, color: Color) -> Self {
        self.red = color;
        self
    }

    /// The radius of the corners, 0 by default. The card is 400 units wide.
    pub const fn corner_radius(mut self, units: u32) -> Self {
        self.corner_radius = units;
        self
    }

    /// Shows another name than the merchant's name (tag 59).
    pub fn name(mut self, name: &str) -> Self {
        self.name = clean(name);
        self
    }

    /// Shows another second name than the name in the second language (64/01). An empty text hides the second name.
    pub fn second_name(mut self, name: &str) -> Self {
        self.second_name = clean(name);
        self
    }

    /// The text for a code without an amount, `Any amount` by default.
    pub fn any_amount_text(mut self, text: &str) -> Self {
        self.any_amount = clean(text);
        self
    }

    /// The text before the expiry, `Valid until` by default. The time is that of Phnom Penh.
    pub fn expiry_text(mut self, text: &str) -> Self {
        self.expiry_prefix = Some(clean(text));
        self
    }

    /// Hides the expiry.
    pub fn without_expiry(mut self) -> Self {
        self.expiry_prefix = None;
        self
    }

    /// A line below the code, such as the number of a table.
    pub fn caption(mut self, text: &str) -> Self {
        self.caption = clean(text);
        self
    }

    /// Adds a TrueType or OpenType font for characters that the embedded fonts do not have. These are fonts for Latin and
    /// Khmer; a character without a font, such as a Chinese one, is drawn as an empty box.
    ///
    /// # Errors
    /// [`Error::Font`].
    pub fn font(mut self, bytes: impl Into<Vec<u8>>) -> Result<Self, Error> {
        self.fonts.add(bytes.into())?;
        Ok(self)
    }

    /// Draws a wordmark in the header instead of the letters KHQR. A white one is visible on red.
    ///
    /// NBC owns the KHQR wordmark, so this crate does not contain it.
    #[cfg(feature = "marks")]
    pub fn wordmark(mut self, mark: Mark) -> Self {
        self.wordmark = Some(mark);
        self
    }

    /// Draws a symbol in the centre of the code. Needs error correction Q or H.
    #[cfg(feature = "marks")]
    pub fn symbol(mut self, mark: Mark) -> Self {
        self.symbol = Some(mark);
        self
    }

    /// Draws the card as SVG. Texts are outlines, so the image is the same on every machine.
    ///
    /// # Errors
    /// [`Error::TextTooLong`], or the error of an option that is outside its [limits].
    pub fn to_svg(&self) -> Result<String, Error> {
        Ok(svg::document(&self.scene()?, self.width, self.height()))
    }

    /// Draws the card as PNG. The image is transparent outside rounded corners.
    ///
    /// # Errors
    /// Those of [`Card::to_svg`], and [`Error::Raster`].
    #[cfg(feature = "png")]
    pub fn to_png(&self) -> Result<Vec<u8>, Error> {
        crate::png::encode(&self.scene()?, self.width)
    }

    /// Draws the card as a PDF document of one page, 80 mm wide.
    ///
    /// # Errors
    /// Those of [`Card::to_png`].
    #[cfg(feature = "pdf")]
    pub fn to_pdf(&self) -> Result<Vec<u8>, Error> {
        crate::pdf::document(&self.scene()?, (80, 116))
    }

    /// The height in pixels.
    const fn height(&self) -> u32 {
        self.width.saturating_mul(29) / 20
    }

    fn correction(&self) -> Result<ErrorCorrection, Error> {
        #[cfg(feature = "marks")]
        if self.symbol.is_some() {
            let correction = self.correction.unwrap_or(ErrorCorrection::Quartile);
            if correction < ErrorCorrection::Quartile {
                return Err(Error::SymbolNeedsCorrection);
            }
            return Ok(correction);
        }
        Ok(self.correction.unwrap_or_default())
    }

    pub(crate) fn scene(&self) -> Result<Scene, Error> {
        check(self.width, self.margin)?;
        if limits::MAX_CORNER_RADIUS < self.corner_radius {
            return Err(Error::CornerRadius(self.corner_radius));
        }
        let modules = Modules::encode(&self.text, self.correction()?)?;
        let mut scene = Scene {
            size: (WIDTH, HEIGHT),
            title: self.title(),
            description: self.description(),
            items: Vec::new(),
        };
        self.draw_background(&mut scene);
        self.draw_texts(&mut scene);
        self.draw_code(&modules, &mut scene);
        Ok(scene)
    }

    fn title(&self) -> String {
        let mut title = "KHQR".to_owned();
        let amount = match self.amount {
            Some(amount) => format!("{} {}", digits(amount), self.currency),
            None => format!("{} {}", self.any_amount, self.currency),
        };
        for (separator, part) in [(": ", &self.name), (", ", &amount)] {
            if !part.is_empty() {
                title.push_str(separator);
                title.push_str(part);
            }
        }
        title
    }

    fn description(&self) -> String {
        let parts = [
            Some(self.second_name.clone()),
            self.expiry(),
            Some(self.caption.clone()),
        ];
        let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(". ")
    }

    /// The expiry line.
    fn expiry(&self) -> Option<String> {
        let (prefix, time) = (self.expiry_prefix.as_ref()?, self.expires?);
        Some(format!("{prefix} {}", time::in_phnom_penh(time)))
    }

    fn draw_background(&self, scene: &mut Scene) {
        let radius = units(self.corner_radius);
        let mut card = Path::default();
        card.rounded_rect((WIDTH, HEIGHT), radius, radius);
        scene.fill(card, Color::WHITE);
        let mut header = Path::default();
        header.rounded_rect((WIDTH, HEADER), radius, 0);
        header.polygon(&[
            (WIDTH - FOLD, HEADER),
            (WIDTH, HEADER),
            (WIDTH, HEADER + FOLD),
        ]);
        scene.fill(header, self.red);
        self.draw_wordmark(scene);
        let mut divider = Path::default();
        for dash in 0..WIDTH / (2 * DASH) {
            divider.rect((dash * 2 * DASH, DIVIDER - UNIT / 2), DASH, UNIT);
        }
        // Black at 50 % on white.
        scene.fill(divider, Color::GREY);
    }

    fn draw_wordmark(&self, scene: &mut Scene) {
        #[cfg(feature = "marks")]
        if let Some(mark) = &self.wordmark {
            let (width, height) = (200 * UNIT, 30 * UNIT);
            scene.items.push(Item::Mark(PlacedMark {
                mark: mark.clone(),
                origin: ((WIDTH - width) / 2, (HEADER - height) / 2),
                size: (width, height),
            }));
            return;
        }
        let place = LineBox {
            origin: (0, HEADER / 2 + 25 * UNIT * CAP_HEIGHT / 2_000),
            size: 25 * UNIT,
            width: WIDTH,
        };
        if let Some(line) = fit("KHQR", place, Weight::Bold, &self.fonts) {
            let left = (WIDTH - line.advance) / 2;
            let fill = line.moved(left).into_fill(Color::WHITE);
            scene.items.push(Item::Fill(fill));
        }
    }

    fn draw_texts(&self, scene: &mut Scene) {
        let expiry = self.expiry();
        let baselines = Baselines::of(!self.second_name.is_empty(), expiry.is_some());
        let mut draw = |text: &str, y: i32, size: i32| {
            let place = LineBox {
                origin: (INSET, y),
                size,
                width: CODE,
            };
            let line = fit(text, place, Weight::Regular, &self.fonts);
            let fill = line.map(|line| line.into_fill(Color::BLACK));
            scene.items.extend(fill.map(Item::Fill));
        };
        draw(&self.name, baselines.name, NAME_SIZE);
        draw(&self.second_name, baselines.second_name, SMALL_SIZE);
        draw(&expiry.unwrap_or_default(), baselines.expiry, NOTE_SIZE);
        draw(&self.caption, CAPTION, NOTE_SIZE);
        self.draw_amount(baselines.amount, scene);
    }

    /// Draws the amount, and the currency after it.
    fn draw_amount(&self, y: i32, scene: &mut Scene) {
        let (text, largest) = match self.amount {
            Some(amount) => (digits(amount), AMOUNT_SIZE),
            None => (self.any_amount.clone(), ANY_AMOUNT_SIZE),
        };
        let place = LineBox {
            origin: (INSET, y),
            size: largest,
            width: CODE - CURRENCY_WIDTH,
        };
        let amount = fit(&text, place, Weight::Bold, &self.fonts);
        let gap = amount.as_ref().map_or(0, |line| line.advance + GAP);
        let place = LineBox {
            origin: (INSET + gap, y),
            size: NAME_SIZE,
            width: CURRENCY_WIDTH,
        };
        let letters = self.currency.alphabetic_code();
        let currency = fit(letters, place, Weight::Regular, &self.fonts);
        let lines = amount.into_iter().chain(currency);
        let fills = lines.map(|line| Item::Fill(line.into_fill(Color::BLACK)));
        scene.items.extend(fills);
    }

    fn draw_code(&self, modules: &Modules, scene: &mut Scene) {
        let count = size(modules.width());
        let margin = i32::try_from(self.margin).unwrap_or_default();
        let bottom = match self.caption.is_empty() {
            true => HEIGHT,
            // The highest letters with marks.
            false => CAPTION - NOTE_SIZE * 5 / 4,
        };
        // The widths of a square that holds the code and its margin.
        let available = [WIDTH, bottom - DIVIDER];
        let widths = available.map(|width| width * count / (count + 2 * margin));
        let width = widths.into_iter().fold(CODE, i32::min);
        let margin = width * margin / count;
        let lowest = bottom - margin - width;
        let origin = (
            (WIDTH - width) / 2,
            CODE_TOP.max(DIVIDER + margin).min(lowest),
        );
        let code = fill_of(modules, origin, Ratio::of(width, count));
        scene.items.push(Item::Fill(code));
        #[cfg(feature = "marks")]
        if let Some(mark) = &self.symbol {
            let (side, module) = (width * 18 / 100, width / count);
            let centre = (origin.0 + width / 2, origin.1 + width / 2);
            let square = |side: i32| (centre.0 - side / 2, centre.1 - side / 2);
            let mut pad = Path::default();
            pad.rect(square(side + module), side + module, side + module);
            scene.fill(pad, Color::WHITE);
            scene.items.push(Item::Mark(PlacedMark {
                mark: mark.clone(),
                origin: square(side),
                size: (side, side),
            }));
        }
    }
}

/// The baselines of the texts above the divider. They move up to make room for the optional lines.
struct Baselines {
    name: i32,
    second_name: i32,
    amount: i32,
    expiry: i32,
}

impl Baselines {
    const fn of(has_second_name: bool, has_expiry: bool) -> Self {
        let (name, second_name, amount, expiry) = match (has_second_name, has_expiry) {
            (false, false) => (117, 0, 155, 0),
            (true, false) => (103, 126, 166, 0),
            (false, true) => (105, 0, 145, 176),
            (true, true) => (97, 118, 155, 181),
        };
        Self {
            name: name * UNIT,
            second_name: second_name * UNIT,
            amount: amount * UNIT,
            expiry: expiry * UNIT,
        }
    }
}

// The measures of NBC's card file, which is 400 units wide and 580 high.
pub(crate) const WIDTH: i32 = 400 * UNIT;
pub(crate) const HEIGHT: i32 = 580 * UNIT;
const HEADER: i32 = HEIGHT * 12 / 100;
const FOLD: i32 = 33 * UNIT;
const INSET: i32 = 57 * UNIT;
const DIVIDER: i32 = 19_750;
const DASH: i32 = 8 * UNIT;
const CODE: i32 = 286 * UNIT;
const CODE_TOP: i32 = 246 * UNIT;
const NAME_SIZE: i32 = HEIGHT * 3 / 100;
const AMOUNT_SIZE: i32 = HEIGHT * 65 / 1_000;

// Measures of this crate.
const SMALL_SIZE: i32 = 1_500;
const NOTE_SIZE: i32 = 12 * UNIT;
const ANY_AMOUNT_SIZE: i32 = 25 * UNIT;
const CAPTION: i32 = 565 * UNIT;
/// The width of `USD` or `KHR` with the gap before it.
const CURRENCY_WIDTH: i32 = 48 * UNIT;
const GAP: i32 = 8 * UNIT;
/// The height of a capital letter of Nunito Sans, in 1/1000 em.
const CAP_HEIGHT: i32 = 705;

fn units(value: u32) -> i32 {
    i32::try_from(value)
        .unwrap_or_default()
        .saturating_mul(UNIT)
}

/// The amount with its thousands grouped: `10,000`, `1,234.50`.
fn digits(amount: Amount) -> String {
    let text = amount.to_string();
    let number = text.split(' ').next().unwrap_or_default();
    let (whole, cents) = match number.split_once('.') {
        Some((whole, cents)) => (whole, Some(cents)),
        None => (number, None),
    };
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(cents) = cents {
        grouped.push('.');
        grouped.push_str(cents);
    }
    grouped
}

#[cfg(test)]
mod tests;
