//! Shapes a text: chooses the font of each character, the glyphs, and their places.

use harfrust::font::glyph::outline::{DrawMemory, DrawOptions, PathSink};
use harfrust::{Buffer, BufferFlags, Font, GlyphId, ShapeOptions, ShaperFont, shape};

use crate::path::{Path, Step};

/// The units in an em of a shaped text, and of both embedded fonts.
pub(super) const EM: i32 = 1_000;

/// A shaped text. The unit is 1/1000 em, y grows upwards from the baseline.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Shaped {
    pub(super) path: Path,
    pub(super) advance: i32,
    /// The byte offsets at which the text may be cut.
    pub(super) clusters: Vec<usize>,
}

/// Shapes a text that [`clean`](super::clean) returned. A character that no font has is drawn as an empty box.
pub(super) fn shaped(text: &str, fonts: &[&Font]) -> Shaped {
    let mut shaped = Shaped::default();
    for (start, run, font) in runs(text, fonts) {
        let mut buffer = Buffer::new();
        buffer.push_str(run);
        buffer.set_flags(BufferFlags::REMOVE_DEFAULT_IGNORABLES);
        buffer.guess_segment_properties();
        if shape(&ShaperFont::new(font), &mut buffer, ShapeOptions::new()).is_err() {
            continue;
        }
        let to_em = |value: i32| scaled(value, i32::from(font.units_per_em()));
        let outlines = font.outline_glyphs();
        let glyphs = buffer.glyph_infos().iter().zip(buffer.glyph_positions());
        for (glyph, position) in glyphs {
            let cluster = usize::try_from(glyph.cluster).unwrap_or_default();
            shaped.clusters.push(start + cluster);
            if let Some(outline) = outlines.get(GlyphId::new(glyph.glyph_id)) {
                let mut pen = Pen {
                    path: &mut shaped.path,
                    units_per_em: i32::from(font.units_per_em()),
                    origin: (
                        shaped.advance.saturating_add(to_em(position.x_offset)),
                        to_em(position.y_offset),
                    ),
                };
                // A glyph that cannot be read is left out.
                let _ = outline.draw(&DrawOptions::new(), DrawMemory::Scratch, &mut pen);
            }
            shaped.advance = shaped.advance.saturating_add(to_em(position.x_advance));
        }
    }
    shaped.clusters.sort_unstable();
    shaped.clusters.dedup();
    shaped
}

/// Converts font units to 1/1000 em, rounded. Limits the result to 100 em, so that sums do not overflow.
fn scaled(value: i32, units_per_em: i32) -> i32 {
    let wide = i64::from(value) * i64::from(EM);
    let em = i64::from(units_per_em.max(1));
    let rounded = (wide * 2 + em).div_euclid(em * 2);
    i32::try_from(rounded)
        .unwrap_or(0)
        .clamp(-100 * EM, 100 * EM)
}

/// Splits a text into runs of one font: the byte offset, the text and the font.
fn runs<'t, 'f>(text: &'t str, fonts: &[&'f Font]) -> Vec<(usize, &'t str, &'f Font)> {
    let mut runs: Vec<(usize, &str, &Font)> = Vec::new();
    for (at, c) in text.char_indices() {
        let has = |font: &&&Font| font.charmap().map_unicode(c).is_some();
        let last = runs.last().map(|(_, _, font)| *font);
        // Spaces and joiners stay with the run before them, so that they do not split it.
        let stays = matches!(c, ' ' | '\u{200c}' | '\u{200d}' | '\u{25cc}');
        let font = match last {
            Some(font) if stays => Some(font),
            _ => fonts.iter().find(has).copied().or(fonts.first().copied()),
        };
        let Some(font) = font else { continue };
        match runs.last_mut() {
            Some((start, run, last)) if std::ptr::eq(*last, font) => {
                *run = text.get(*start..at + c.len_utf8()).unwrap_or(run);
            }
            _ => runs.push((
                at,
                text.get(at..at + c.len_utf8()).unwrap_or_default(),
                font,
            )),
        }
    }
    runs
}

/// Collects an outline in whole units.
struct Pen<'p> {
    path: &'p mut Path,
    units_per_em: i32,
    origin: (i32, i32),
}

#[allow(
    clippy::disallowed_types,
    clippy::cast_possible_truncation,
    clippy::float_arithmetic,
    reason = "outlines of a font, not money; `as` limits the value to the range of i32"
)]
impl Pen<'_> {
    fn at(&self, x: f32, y: f32) -> (i32, i32) {
        let unit = |value: f32| scaled(value.round() as i32, self.units_per_em);
        (
            self.origin.0.saturating_add(unit(x)),
            self.origin.1.saturating_add(unit(y)),
        )
    }
}

#[allow(
    clippy::disallowed_types,
    reason = "the signatures of the trait have floating-point coordinates"
)]
impl PathSink for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        let point = self.at(x, y);
        self.path.0.push(Step::Move(point));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let point = self.at(x, y);
        self.path.0.push(Step::Line(point));
    }

    fn quad_to(&mut self, cx0: f32, cy0: f32, x: f32, y: f32) {
        let (control, point) = (self.at(cx0, cy0), self.at(x, y));
        self.path.0.push(Step::Quad(control, point));
    }

    fn curve_to(&mut self, cx0: f32, cy0: f32, cx1: f32, cy1: f32, x: f32, y: f32) {
        let (first, second) = (self.at(cx0, cy0), self.at(cx1, cy1));
        let point = self.at(x, y);
        self.path.0.push(Step::Cubic(first, second, point));
    }

    fn close(&mut self) {
        self.path.0.push(Step::Close);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::fonts::{Fonts, Weight};

    fn of(text: &str) -> Shaped {
        shaped(text, &Fonts::default().chain(Weight::Regular))
    }

    #[test]
    fn khmer_is_shaped() {
        // The vowel sign is drawn before the consonant, and the subscript below it.
        let syllable = of("ស្រែ");
        assert_eq!(syllable.clusters, [0]);
        let (low, _) = (syllable.path.bounds().unwrap().0.1, ());
        assert!(low < -150, "the subscript is below the baseline: {low}");
        assert_ne!(of("កេ").path, of("ក").path);
    }

    #[test]
    fn each_script_has_its_font() {
        let runs = |text| {
            let fonts = Fonts::default();
            let chain = fonts.chain(Weight::Regular);
            runs(text, &chain)
                .iter()
                .map(|run| run.1.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(runs("Sokha សុខា 2"), ["Sokha ", "សុខា ", "2"]);
        assert_eq!(runs("金边"), ["金边"]);
        assert_eq!(runs(""), [""; 0]);
    }

    #[test]
    fn an_unknown_character_is_a_box() {
        assert!(of("金").path.bounds().is_some());
        assert_eq!(of("金").path, of("边").path);
    }
}
