//! Writes a scene as SVG.

use core::fmt::{self, Display, Write};

use crate::path::Point;
use crate::scene::{Fill, Item, Ratio, Scene};

/// Writes a scene as a document of `width` and `height`, which may have a unit such as `mm`.
pub(crate) fn document(scene: &Scene, width: impl Display, height: impl Display) -> String {
    let (w, h) = scene.size;
    let title = Escaped(&scene.title);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {w} {h}\" \
         role=\"img\" aria-label=\"{title}\"><title>{title}</title>"
    );
    if !scene.description.is_empty() {
        // Writing to a string does not fail.
        let _ = write!(svg, "<desc>{}</desc>", Escaped(&scene.description));
    }
    write_items(scene, &mut svg);
    svg.push_str("</svg>");
    svg
}

/// Writes the shapes of a scene as elements.
pub(crate) fn write_items(scene: &Scene, to: &mut String) {
    for item in &scene.items {
        match item {
            Item::Fill(fill) => write_fill(fill, to),
            #[cfg(feature = "marks")]
            Item::Mark(placed) => placed.mark.write_svg(placed.origin, placed.size, to),
        }
    }
}

fn write_fill(fill: &Fill, to: &mut String) {
    let _ = write!(to, "<path fill=\"{}\"", fill.color);
    if fill.is_crisp {
        to.push_str(" shape-rendering=\"crispEdges\"");
    }
    let transform = Transform(fill.origin, fill.scale, fill.is_flipped).to_string();
    if !transform.is_empty() {
        let _ = write!(to, " transform=\"{transform}\"");
    }
    to.push_str(" d=\"");
    fill.path.write_svg(to);
    to.push_str("\"/>");
}

/// The transform of a shape, or nothing for the identity.
struct Transform(Point, Ratio, bool);

impl Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self((x, y), scale, is_flipped) = *self;
        if (x, y) != (0, 0) {
            write!(f, "translate({x} {y})")?;
        }
        if is_flipped {
            write!(f, "scale({scale} -{scale})")
        } else if scale.0 != scale.1 {
            write!(f, "scale({scale})")
        } else {
            Ok(())
        }
    }
}

/// Text for an element or an attribute. The text has no character that XML forbids, see `text::clean`.
pub(crate) struct Escaped<'t>(pub(crate) &'t str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            c => f.write_char(c),
        })
    }
}
