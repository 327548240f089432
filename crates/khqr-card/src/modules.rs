//! Encodes a text as the modules of a QR code.

use qrcode::bits::Bits;
use qrcode::optimize::{Optimizer, Parser, Segment};
use qrcode::types::{Mode, QrResult};
use qrcode::{Color, EcLevel, QrCode, Version};

use crate::error::Error;

/// How much of a code can be dirty or hidden. A higher level needs more modules.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub enum ErrorCorrection {
    /// L: about 7 % of the codewords.
    Low,
    /// M: about 15 %, the level that EMVCo recommends.
    #[default]
    Medium,
    /// Q: about 25 %.
    Quartile,
    /// H: about 30 %.
    High,
}

impl ErrorCorrection {
    const fn level(self) -> EcLevel {
        match self {
            Self::Low => EcLevel::L,
            Self::Medium => EcLevel::M,
            Self::Quartile => EcLevel::Q,
            Self::High => EcLevel::H,
        }
    }
}

/// The modules of a QR code, without a margin. Use this to draw a code in another medium, such as a terminal.
///
/// ```
/// use khqr_card::{ErrorCorrection, Modules};
///
/// let modules = Modules::encode("ភ្នំពេញ", ErrorCorrection::Medium)?;
/// assert_eq!(modules.width(), 25);
/// assert!(modules.is_dark(0, 0) && !modules.is_dark(1, 1));
/// # Ok::<(), khqr_card::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Modules {
    width: usize,
    dark: Vec<bool>,
}

impl Modules {
    /// Encodes a text in the smallest version that holds it. Never writes a Kanji segment: see the
    /// [crate page](crate#khmer-and-kanji).
    ///
    /// # Errors
    /// [`Error::TextTooLong`].
    pub fn encode(text: &str, correction: ErrorCorrection) -> Result<Self, Error> {
        let level = correction.level();
        let code = (1..=40).find_map(|version| {
            let bits = bits(text.as_bytes(), Version::Normal(version), level).ok()?;
            QrCode::with_bits(bits, level).ok()
        });
        let code = code.ok_or(Error::TextTooLong)?;
        Ok(Self {
            width: code.width(),
            dark: code
                .into_colors()
                .into_iter()
                .map(|color| color == Color::Dark)
                .collect(),
        })
    }

    /// The number of modules in a row and in a column: 21 to 177.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Returns whether a module is dark. Every module outside the code is light, as in the margin.
    #[must_use]
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        let row = self.dark.chunks_exact(self.width).nth(y);
        row.and_then(|row| row.get(x).copied()).unwrap_or(false)
    }

    /// The runs of dark modules: row, first column and length.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let rows = self.dark.chunks_exact(self.width).enumerate();
        rows.flat_map(|(y, row)| {
            let mut x = 0;
            row.chunk_by(|a, b| a == b).filter_map(move |run| {
                let start = x;
                x += run.len();
                (run.first() == Some(&true)).then_some((y, start, run.len()))
            })
        })
    }
}

fn bits(data: &[u8], version: Version, level: EcLevel) -> QrResult<Bits> {
    let mut bits = Bits::new(version);
    bits.push_segments(data, segments(data, version))?;
    bits.push_terminator(level)?;
    Ok(bits)
}

/// Splits `data` into numeric, alphanumeric and byte segments. The encoder's own choice takes some Khmer text in
/// UTF-8 for Shift-JIS and writes it as Kanji, which scanners decode to other characters.
fn segments(data: &[u8], version: Version) -> impl Iterator<Item = Segment> {
    let segments = Parser::new(data).map(|segment| Segment {
        mode: match segment.mode {
            Mode::Kanji => Mode::Byte,
            mode => mode,
        },
        ..segment
    });
    Optimizer::new(segments, version)
}
