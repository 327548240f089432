//! Filled shapes in whole units. All coordinates are integers, so that every machine draws the same.

use core::fmt::{self, Write};

/// One step of an outline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    Move(Point),
    Line(Point),
    Quad(Point, Point),
    Cubic(Point, Point, Point),
    Close,
}

pub(crate) type Point = (i32, i32);

/// An outline, filled by the nonzero rule.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Path(pub(crate) Vec<Step>);

impl Path {
    /// Adds a rectangle.
    pub(crate) fn rect(&mut self, (x, y): Point, width: i32, height: i32) {
        self.polygon(&[
            (x, y),
            (x + width, y),
            (x + width, y + height),
            (x, y + height),
        ]);
    }

    /// Adds a polygon.
    pub(crate) fn polygon(&mut self, points: &[Point]) {
        let steps = points.iter().enumerate().map(|(at, point)| match at {
            0 => Step::Move(*point),
            _ => Step::Line(*point),
        });
        self.0.extend(steps);
        self.0.push(Step::Close);
    }

    /// Adds a rectangle whose upper corners have the radius `upper`, and whose lower corners have the radius `lower`.
    pub(crate) fn rounded_rect(&mut self, size: (i32, i32), upper: i32, lower: i32) {
        let (w, h) = size;
        // The distance of a control point from the corner: a cubic then follows a quarter of a circle.
        let (u, l) = (upper * 4477 / 10_000, lower * 4477 / 10_000);
        self.0.push(Step::Move((upper, 0)));
        self.0.push(Step::Line((w - upper, 0)));
        if upper > 0 {
            self.0.push(Step::Cubic((w - u, 0), (w, u), (w, upper)));
        }
        self.0.push(Step::Line((w, h - lower)));
        if lower > 0 {
            self.0
                .push(Step::Cubic((w, h - l), (w - l, h), (w - lower, h)));
        }
        self.0.push(Step::Line((lower, h)));
        if lower > 0 {
            self.0.push(Step::Cubic((l, h), (0, h - l), (0, h - lower)));
        }
        self.0.push(Step::Line((0, upper)));
        if upper > 0 {
            self.0.push(Step::Cubic((0, u), (u, 0), (upper, 0)));
        }
        self.0.push(Step::Close);
    }

    /// Writes the path data of SVG, with relative coordinates, which are shorter.
    pub(crate) fn write_svg(&self, to: &mut String) {
        // Writing to a string does not fail.
        let _ = self.try_write_svg(to);
    }

    fn try_write_svg(&self, to: &mut String) -> fmt::Result {
        let (mut start, mut at) = ((0, 0), (0, 0));
        for step in &self.0 {
            let relative = |point: Point| (point.0 - at.0, point.1 - at.1);
            match *step {
                Step::Move(point) => {
                    let (x, y) = relative(point);
                    write!(to, "m{x} {y}")?;
                    (start, at) = (point, point);
                }
                Step::Line(point) => {
                    match relative(point) {
                        (x, 0) => write!(to, "h{x}")?,
                        (0, y) => write!(to, "v{y}")?,
                        (x, y) => write!(to, "l{x} {y}")?,
                    }
                    at = point;
                }
                Step::Quad(control, point) => {
                    let ((cx, cy), (x, y)) = (relative(control), relative(point));
                    write!(to, "q{cx} {cy} {x} {y}")?;
                    at = point;
                }
                Step::Cubic(first, second, point) => {
                    let ((ax, ay), (bx, by)) = (relative(first), relative(second));
                    let (x, y) = relative(point);
                    write!(to, "c{ax} {ay} {bx} {by} {x} {y}")?;
                    at = point;
                }
                Step::Close => {
                    to.push('z');
                    at = start;
                }
            }
        }
        Ok(())
    }

    /// The smallest rectangle around all points and control points: left, bottom, right and top.
    pub(crate) fn bounds(&self) -> Option<(Point, Point)> {
        let points = self.0.iter().flat_map(|step| match *step {
            Step::Move(a) | Step::Line(a) => vec![a],
            Step::Quad(a, b) => vec![a, b],
            Step::Cubic(a, b, c) => vec![a, b, c],
            Step::Close => vec![],
        });
        points.fold(None, |bounds, (x, y)| {
            let ((left, low), (right, high)) = bounds.unwrap_or(((x, y), (x, y)));
            Some(((left.min(x), low.min(y)), (right.max(x), high.max(y))))
        })
    }
}
