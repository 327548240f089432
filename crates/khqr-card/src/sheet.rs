//! Several cards on an A4 page, for printing.

use crate::card::{self, Card};
use crate::error::Error;
use crate::limits;
use crate::path::{Path, Point};
use crate::scene::{Color, Ratio, Scene};
use crate::svg;

/// An A4 page with several cards of the same size, and thin lines around them for cutting. The widths of the cards in
/// pixels have no effect.
///
/// ```
/// use khqr_card::{Card, Sheet};
/// # let text = "00020101021229140010sokha@devb5204599953031165405100005802KH5912Sokha Coffee6010Phnom Penh\
/// #     62120108INV-20419934001317950000000000113179500060000063046965";
///
/// let card = Card::new(&khqr_core::Khqr::parse(text)?)?;
/// let svg = Sheet::filled(2, 4, card).to_svg()?;
/// assert!(svg.contains("width=\"210mm\" height=\"297mm\""));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Sheet {
    columns: u32,
    rows: u32,
    cards: Vec<Card>,
    /// Whether every cell shows the only card.
    is_filled: bool,
}

impl Sheet {
    /// An empty sheet. Cells that get no card stay empty.
    pub const fn new(columns: u32, rows: u32) -> Self {
        Self {
            columns,
            rows,
            cards: Vec::new(),
            is_filled: false,
        }
    }

    /// A sheet with the same card in every cell.
    pub fn filled(columns: u32, rows: u32, card: Card) -> Self {
        Self {
            cards: vec![card],
            is_filled: true,
            ..Self::new(columns, rows)
        }
    }

    /// Puts a card into the next empty cell, row by row.
    pub fn card(mut self, card: Card) -> Self {
        self.cards.push(card);
        self
    }

    /// Draws the sheet as SVG, 210 mm × 297 mm.
    ///
    /// # Errors
    /// [`Error::SheetSize`], [`Error::TooManyCards`], or the error of a card.
    pub fn to_svg(&self) -> Result<String, Error> {
        Ok(svg::document(&self.scene()?, "210mm", "297mm"))
    }

    /// Draws the sheet as a PDF document of one page.
    ///
    /// # Errors
    /// Those of [`Sheet::to_svg`], and [`Error::Raster`].
    #[cfg(feature = "pdf")]
    pub fn to_pdf(&self) -> Result<Vec<u8>, Error> {
        crate::pdf::document(&self.scene()?, (210, 297))
    }

    fn scene(&self) -> Result<Scene, Error> {
        let range = 1..=limits::MAX_CELLS;
        if !range.contains(&self.columns) || !range.contains(&self.rows) {
            return Err(Error::SheetSize);
        }
        let cells = self.cells();
        if cells.len() < self.cards.len() || self.is_filled && self.cards.len() != 1 {
            return Err(Error::TooManyCards);
        }
        let mut sheet = Scene {
            size: PAGE,
            title: "KHQR cards".to_owned(),
            description: String::new(),
            items: Vec::new(),
        };
        let mut page = Path::default();
        page.rect((0, 0), PAGE.0, PAGE.1);
        sheet.fill(page, Color::WHITE);
        let scenes: Vec<Scene> = self
            .cards
            .iter()
            .map(Card::scene)
            .collect::<Result<_, _>>()?;
        let scenes = scenes.iter().cycle().take(match self.is_filled {
            true => cells.len(),
            false => scenes.len(),
        });
        for ((origin, width), scene) in cells.into_iter().zip(scenes) {
            sheet.place(scene, origin, Ratio::of(width, card::WIDTH));
            frame(&mut sheet, origin, width);
        }
        Ok(sheet)
    }

    /// The upper left corner and the width of each card.
    fn cells(&self) -> Vec<(Point, i32)> {
        let count = |cells: u32| i32::try_from(cells).unwrap_or(1).max(1);
        let (columns, rows) = (count(self.columns), count(self.rows));
        let cell = (
            (PAGE.0 - 2 * BORDER) / columns,
            (PAGE.1 - 2 * BORDER) / rows,
        );
        let widest_by_height = (cell.1 - GAP) * card::WIDTH / card::HEIGHT;
        let width = (cell.0 - GAP).min(widest_by_height);
        let height = width * (card::HEIGHT / 100) / (card::WIDTH / 100);
        let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
        let cells = places.map(|(column, row)| {
            let x = BORDER + column * cell.0 + (cell.0 - width) / 2;
            let y = BORDER + row * cell.1 + (cell.1 - height) / 2;
            ((x, y), width)
        });
        cells.collect()
    }
}

/// Draws a line of 0.1 mm around a card.
fn frame(sheet: &mut Scene, (x, y): Point, width: i32) {
    const LINE: i32 = 10;
    let height = width * (card::HEIGHT / 100) / (card::WIDTH / 100);
    let mut lines = Path::default();
    lines.rect((x, y), width, LINE);
    lines.rect((x, y + height - LINE), width, LINE);
    lines.rect((x, y), LINE, height);
    lines.rect((x + width - LINE, y), LINE, height);
    sheet.fill(lines, Color::GREY);
}

/// A4 in 1/100 mm.
const PAGE: (i32, i32) = (21_000, 29_700);
/// The part of the page that printers cannot print on.
const BORDER: i32 = 700;
const GAP: i32 = 400;
