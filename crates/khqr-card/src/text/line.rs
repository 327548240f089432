//! Fits a line of text into a box: smaller letters first, then an ellipsis.

use super::fonts::{Fonts, Weight};
use super::shape::{EM, Shaped, shaped};
use crate::path::{Path, Point};
use crate::scene::{Color, Fill, Ratio};

/// Where a line of text is drawn, in units of the scene.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LineBox {
    /// The left end of the baseline.
    pub(crate) origin: Point,
    /// The height of an em.
    pub(crate) size: i32,
    /// The largest width.
    pub(crate) width: i32,
}

impl LineBox {
    /// The smallest size as a part of the wanted size, in per cent.
    const SMALLEST: i32 = 60;
    /// The largest heights above and below the baseline, in per cent of the size. Khmer letters with a subscript and
    /// two signs need 115 above and 60 below.
    const ABOVE: i32 = 125;
    const BELOW: i32 = 65;

    /// The largest size at which the text fits.
    fn size_of(&self, text: &Shaped) -> i32 {
        let ((left, low), (right, high)) = text.path.bounds().unwrap_or_default();
        let limits = [
            (right.max(text.advance) - left.min(0), self.width),
            (high, self.size * Self::ABOVE / 100),
            (-low, self.size * Self::BELOW / 100),
        ];
        let sizes = limits.into_iter().filter(|(needed, _)| 0 < *needed);
        let sizes = sizes.map(|(needed, available)| {
            let size = i64::from(available) * i64::from(EM) / i64::from(needed);
            i32::try_from(size).unwrap_or(self.size)
        });
        sizes.fold(self.size, i32::min)
    }

    fn smallest(&self) -> i32 {
        self.size * Self::SMALLEST / 100
    }
}

/// A line that fits into its box.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    path: Path,
    origin: Point,
    size: i32,
    /// The distance from the left end of the baseline to the end of the text.
    pub(crate) advance: i32,
}

impl Line {
    pub(crate) fn into_fill(self, color: Color) -> Fill {
        Fill {
            origin: self.origin,
            scale: Ratio::of(self.size, EM),
            is_flipped: true,
            ..Fill::new(self.path, color)
        }
    }

    /// Moves the line to the right.
    pub(crate) fn moved(self, x: i32) -> Self {
        Self {
            origin: (self.origin.0 + x, self.origin.1),
            ..self
        }
    }
}

/// Fits a text that [`clean`](super::clean) returned. Returns `None` for a text without visible
/// letters.
pub(crate) fn fit(text: &str, place: LineBox, weight: Weight, fonts: &Fonts) -> Option<Line> {
    let chain = fonts.chain(weight);
    let whole = shaped(text, &chain);
    whole.path.bounds()?;
    let size = place.size_of(&whole);
    if place.smallest() <= size {
        return Some(line(whole, place, size));
    }
    // Cuts whole clusters off the end. A shorter text is never larger, so a binary search finds the longest one.
    let cut = |end: usize| {
        let kept = text.get(..end).unwrap_or_default().trim_end();
        shaped(&format!("{kept}…"), &chain)
    };
    let fits = |end: &usize| place.smallest() <= place.size_of(&cut(*end));
    let fitting = whole.clusters.partition_point(fits);
    let end = fitting.checked_sub(1).and_then(|at| whole.clusters.get(at));
    let short = cut(end.copied().unwrap_or_default());
    let size = place.size_of(&short).min(place.smallest());
    Some(line(short, place, size))
}

fn line(text: Shaped, place: LineBox, size: i32) -> Line {
    let of_em = |value: i32| i64::from(value) * i64::from(size) / i64::from(EM);
    let left = text.path.bounds().map_or(0, |((left, _), _)| left.min(0));
    let (x, y) = place.origin;
    let shift = i32::try_from(of_em(-left)).unwrap_or_default();
    Line {
        path: text.path,
        origin: (x.saturating_add(shift), y),
        size,
        advance: i32::try_from(of_em(text.advance)).unwrap_or(place.width) + shift,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: LineBox = LineBox {
        origin: (100, 1_000),
        size: 400,
        width: 2_000,
    };

    fn fitted(text: &str) -> Line {
        fit(text, PLACE, Weight::Regular, &Fonts::default()).unwrap()
    }

    #[test]
    fn a_short_line_has_the_wanted_size() {
        assert_eq!(fitted("Sokha").size, 400);
    }

    #[test]
    fn a_longer_line_shrinks_and_then_loses_its_end() {
        let shrunk = fitted("Sokha Coffee");
        assert!((240..400).contains(&shrunk.size), "{}", shrunk.size);
        let long = fitted("Sokha Coffee and Bakery of Phnom Penh");
        assert_eq!(long.size, 240);
        let longer = fitted("Sokha Coffee and Bakery of Phnom Penh and Siem Reap");
        assert_eq!(long, longer, "both are cut off at the same place");
    }

    #[test]
    fn stacked_marks_stay_within_the_line() {
        let line = fitted(&format!("a{}b", "\u{308}\u{301}".repeat(50)));
        let ((_, low), (_, high)) = line.path.bounds().unwrap();
        assert!(high * line.size / EM <= 500 && -low * line.size / EM <= 260);
    }

    #[test]
    fn an_empty_text_has_no_line() {
        for text in ["", "\u{200d}"] {
            assert_eq!(fit(text, PLACE, Weight::Bold, &Fonts::default()), None);
        }
    }
}
