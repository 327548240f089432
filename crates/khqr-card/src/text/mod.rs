//! Lines of text as outlines: cleaning, shaping with the embedded fonts, and fitting into a box.

mod clean;
mod fonts;
mod line;
mod shape;

pub(crate) use clean::clean;
pub(crate) use fonts::{Fonts, Weight};
pub(crate) use line::{LineBox, fit};
