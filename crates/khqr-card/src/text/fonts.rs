//! The embedded fonts, and the fonts that the caller adds for other scripts.

use std::sync::LazyLock;

use harfrust::Font;

use crate::error::Error;

static REGULAR: LazyLock<Option<Font>> =
    LazyLock::new(|| load(include_bytes!("../../fonts/NunitoSans-Regular.ttf")));
static BOLD: LazyLock<Option<Font>> =
    LazyLock::new(|| load(include_bytes!("../../fonts/NunitoSans-Bold.ttf")));
static KHMER: LazyLock<Option<Font>> =
    LazyLock::new(|| load(include_bytes!("../../fonts/NotoSansKhmer-Regular.ttf")));

fn load(bytes: &'static [u8]) -> Option<Font> {
    Font::new(bytes, 0)
}

/// The weight of the Latin letters and digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// The fonts that the caller adds, in the order of preference.
#[derive(Clone, Default)]
pub(crate) struct Fonts(Vec<Font>);

impl std::fmt::Debug for Fonts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fonts({})", self.0.len())
    }
}

impl Fonts {
    pub(crate) fn add(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        let font = Font::new(bytes, 0).filter(|font| 0 < font.units_per_em());
        self.0.push(font.ok_or(Error::Font)?);
        Ok(())
    }

    /// All fonts, the preferred one first.
    pub(super) fn chain(&self, weight: Weight) -> Vec<&Font> {
        let latin = match weight {
            Weight::Regular => &REGULAR,
            Weight::Bold => &BOLD,
        };
        let embedded = [latin, &KHMER].into_iter().filter_map(|font| font.as_ref());
        embedded.chain(&self.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_fonts_can_be_read() {
        for font in [&REGULAR, &BOLD, &KHMER] {
            assert_eq!(font.as_ref().unwrap().units_per_em(), 1_000);
        }
    }
}
