//! A drawing as a list of shapes, from which SVG, PNG and PDF are written.

use core::fmt;

#[cfg(feature = "marks")]
use crate::mark::Mark;
use crate::path::{Path, Point};

/// A colour: red, green and blue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Color(pub u8, pub u8, pub u8);

impl Color {
    /// The red of NBC's card file, `#E21A1A`. NBC's logos have `#E1232E`.
    pub const KHQR_RED: Self = Self(0xE2, 0x1A, 0x1A);
    pub(crate) const BLACK: Self = Self(0, 0, 0);
    pub(crate) const GREY: Self = Self(0x80, 0x80, 0x80);
    pub(crate) const WHITE: Self = Self(0xFF, 0xFF, 0xFF);
}

impl fmt::Display for Color {
    /// Writes the colour as in CSS: `#e21a1a`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// The number of units of a scene in a unit of the card, which is 400 units wide.
pub(crate) const UNIT: i32 = 100;

/// A fraction, written as a decimal number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ratio(pub(crate) i64, pub(crate) i64);

impl Ratio {
    pub(crate) fn of(numerator: i32, denominator: i32) -> Self {
        Self(numerator.into(), denominator.into())
    }

    fn times(self, other: Self) -> Self {
        Self(
            self.0.saturating_mul(other.0),
            self.1.saturating_mul(other.1),
        )
    }

    /// Multiplies a coordinate, rounded towards zero.
    fn of_length(self, length: i32) -> i32 {
        let product = i64::from(length).saturating_mul(self.0) / self.1.max(1);
        i32::try_from(product).unwrap_or_default()
    }
}

impl fmt::Display for Ratio {
    /// Writes up to five decimals, rounded towards zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SCALE: i64 = 100_000;
        let scaled = self.0.saturating_mul(SCALE) / self.1.max(1);
        if scaled < 0 {
            f.write_str("-")?;
        }
        let (whole, fraction) = (scaled.abs() / SCALE, scaled.abs() % SCALE);
        write!(f, "{whole}")?;
        if fraction == 0 {
            return Ok(());
        }
        let digits = format!("{fraction:05}");
        write!(f, ".{}", digits.trim_end_matches('0'))
    }
}

/// A shape of a scene.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Fill(Fill),
    #[cfg(feature = "marks")]
    Mark(PlacedMark),
}

/// A filled path. Its coordinates are multiplied by `scale` and moved to `origin`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fill {
    pub(crate) path: Path,
    pub(crate) origin: Point,
    pub(crate) scale: Ratio,
    /// Whether y grows upwards, as in fonts.
    pub(crate) is_flipped: bool,
    /// Whether edges are drawn without antialiasing.
    pub(crate) is_crisp: bool,
    pub(crate) color: Color,
}

impl Fill {
    /// A shape in units of the scene.
    pub(crate) fn new(path: Path, color: Color) -> Self {
        Self {
            path,
            origin: (0, 0),
            scale: Ratio(1, 1),
            is_flipped: false,
            is_crisp: false,
            color,
        }
    }
}

/// A mark, scaled to fit into a rectangle and centred in it.
#[cfg(feature = "marks")]
#[derive(Clone, Debug)]
pub(crate) struct PlacedMark {
    pub(crate) mark: Mark,
    pub(crate) origin: Point,
    pub(crate) size: (i32, i32),
}

/// A drawing. The origin is the upper left corner.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    /// The size in units of the scene.
    pub(crate) size: (i32, i32),
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) items: Vec<Item>,
}

impl Scene {
    /// Adds the shapes of another scene, multiplied by `scale` and moved to `origin`.
    pub(crate) fn place(&mut self, other: &Self, origin: Point, scale: Ratio) {
        let place = |(x, y): Point| (origin.0 + scale.of_length(x), origin.1 + scale.of_length(y));
        let items = other.items.iter().map(|item| match item {
            Item::Fill(fill) => Item::Fill(Fill {
                origin: place(fill.origin),
                scale: fill.scale.times(scale),
                ..fill.clone()
            }),
            #[cfg(feature = "marks")]
            Item::Mark(placed) => Item::Mark(PlacedMark {
                origin: place(placed.origin),
                size: (
                    scale.of_length(placed.size.0),
                    scale.of_length(placed.size.1),
                ),
                ..placed.clone()
            }),
        });
        self.items.extend(items);
    }

    pub(crate) fn fill(&mut self, path: Path, color: Color) {
        self.items.push(Item::Fill(Fill::new(path, color)));
    }
}
