//! Why a drawing fails.

use core::fmt;

/// Why a drawing fails. The message names the value to change.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The text does not fit into a QR code with this error correction.
    TextTooLong,
    /// The code's currency, amount or expiry cannot be read, so a card cannot show it.
    Code(khqr_core::Error),
    /// The width of the image is outside [`limits::WIDTH`](crate::limits::WIDTH).
    Width(u32),
    /// The margin is outside [`limits::MARGIN`](crate::limits::MARGIN).
    Margin(u32),
    /// The corner radius is above [`limits::MAX_CORNER_RADIUS`](crate::limits::MAX_CORNER_RADIUS).
    CornerRadius(u32),
    /// A centre symbol hides modules, so it needs error correction Q or H.
    SymbolNeedsCorrection,
    /// A sheet has no rows or columns, or more than [`limits::MAX_CELLS`](crate::limits::MAX_CELLS) of them.
    SheetSize,
    /// The sheet has more cards than cells.
    TooManyCards,
    /// The bytes are not a font that can be read.
    Font,
    /// A file cannot be used as a wordmark or as a centre symbol.
    #[cfg(feature = "marks")]
    Mark(crate::MarkError),
    /// The image cannot be drawn or encoded.
    #[cfg(feature = "png")]
    Raster,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::limits;
        match self {
            Self::TextTooLong => f.write_str(
                "the text is too long for a QR code: use a lower error correction or a shorter text",
            ),
            Self::Code(error) => write!(f, "the card cannot show this code: {error}"),
            Self::Width(width) => write!(
                f,
                "the width is {width} pixels: use {} to {}",
                limits::WIDTH.start(),
                limits::WIDTH.end()
            ),
            Self::Margin(margin) => write!(
                f,
                "the margin is {margin} modules: use {} to {}",
                limits::MARGIN.start(),
                limits::MARGIN.end()
            ),
            Self::CornerRadius(radius) => write!(
                f,
                "the corner radius is {radius}: use at most {}",
                limits::MAX_CORNER_RADIUS
            ),
            Self::SymbolNeedsCorrection => f.write_str(
                "a centre symbol hides a part of the code: use error correction Q or H with it",
            ),
            Self::SheetSize => write!(
                f,
                "a sheet has 1 to {0} columns and 1 to {0} rows",
                limits::MAX_CELLS
            ),
            Self::TooManyCards => f.write_str("the sheet has more cards than cells"),
            Self::Font => f.write_str("the bytes are not a TrueType or OpenType font"),
            #[cfg(feature = "marks")]
            Self::Mark(error) => error.fmt(f),
            #[cfg(feature = "png")]
            Self::Raster => f.write_str("the image cannot be drawn in this size"),
        }
    }
}

impl core::error::Error for Error {}

#[cfg(feature = "marks")]
impl From<crate::MarkError> for Error {
    fn from(error: crate::MarkError) -> Self {
        Self::Mark(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use khqr_core::Khqr;

    #[test]
    fn every_error_names_the_value_to_change() {
        let code = Khqr::parse("").unwrap_err();
        for (error, words) in [
            (Error::TextTooLong, "use a lower error correction"),
            (Error::Code(code), "the card cannot show this code: "),
            (Error::Width(1), "the width is 1 pixels: use "),
            (Error::Margin(99), "the margin is 99 modules: use "),
            (Error::CornerRadius(999), "the corner radius is 999"),
            (Error::SymbolNeedsCorrection, "error correction Q or H"),
            (Error::SheetSize, "columns and 1 to"),
            (Error::TooManyCards, "more cards than cells"),
            (Error::Font, "not a TrueType or OpenType font"),
        ] {
            assert!(error.to_string().contains(words), "{error}");
        }
        #[cfg(feature = "png")]
        assert!(Error::Raster.to_string().contains("in this size"));
    }

    #[cfg(feature = "marks")]
    #[test]
    fn every_error_of_a_mark_names_the_reason() {
        use crate::MarkError;
        for (error, words) in [
            (MarkError::FileTooLarge, "is larger than"),
            (MarkError::UnknownFormat, "neither SVG nor PNG"),
            (MarkError::InvalidSvg, "not a valid SVG file"),
            (MarkError::InvalidPng, "not a valid PNG file"),
            (MarkError::TooManyPixels, "pixels"),
            (MarkError::TooComplex, "simplify it"),
            (MarkError::NotAllowed("a script"), "contains a script"),
        ] {
            let error = Error::from(error);
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
