//! A plot of the table: the share of paid orders that are settled in time, by orders per day.

use std::fmt::Write as _;

use super::{ORDERS, Row};

/// The size of a panel in pixels.
const WIDTH: u64 = 360;
const HEIGHT: u64 = 240;
const LEFT: u64 = 56;
const TOP: u64 = 56;
/// The gap between the panels.
const GAP: u64 = 70;
/// The width of the names on the right.
const NAMES: u64 = 240;

/// Colours that people with colour blindness can distinguish (Okabe and Ito).
const COLOURS: [&str; 4] = ["#d55e00", "#e69f00", "#56b4e9", "#009e73"];

pub(super) fn svg(rows: &[Row]) -> String {
    let (width, height) = (LEFT + 2 * WIDTH + GAP + NAMES, TOP + HEIGHT + 60);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Share of the accepted and paid orders that are settled in time, with 100 requests a day</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (at, lists) in [false, true].into_iter().enumerate() {
        let left = LEFT + (WIDTH + GAP) * (at as u64);
        panel(&mut svg, rows, lists, left);
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, rows: &[Row], lists: bool, left: u64) {
    let title = if lists {
        "the list endpoint works"
    } else {
        "the list endpoint is refused"
    };
    text(svg, (left + WIDTH / 2, TOP - 24), "middle", title);
    for percent in [0, 25, 50, 75, 100] {
        let y = TOP + height_of(percent * 10);
        line(svg, (left, y), (left + WIDTH, y), "#dddddd");
        text(svg, (left - 8, y + 4), "end", &format!("{percent} %"));
    }
    let below = TOP + HEIGHT;
    for (at, orders) in ORDERS.iter().enumerate() {
        let label = orders.to_string();
        text(svg, (x(left, at), below + 20), "middle", &label);
    }
    let middle = (left + WIDTH / 2, below + 42);
    text(svg, middle, "middle", "orders a day");
    let mut names: Vec<&str> = rows.iter().map(|row| row.name).collect();
    names.truncate(COLOURS.len());
    for (name, colour) in names.iter().zip(COLOURS) {
        let is_shown = |row: &&Row| row.name == *name && row.lists == lists;
        let settled = rows.iter().filter(is_shown).map(Row::settled_per_mille);
        let width = if *name == super::OURS { 3 } else { 2 };
        let style = format!(r#"stroke-width="{width}""#);
        polyline(svg, left, colour, &style, settled);
    }
    let ours = rows.iter().filter(|row| row.is_ours && row.lists == lists);
    let style = r#"stroke-width="2" stroke-dasharray="5 4""#;
    let accepted = ours.map(Row::accepted_per_mille);
    polyline(svg, left, COLOURS[3], style, accepted);
    if lists {
        let from = left + WIDTH + 14;
        let y = |at: usize| TOP + 14 + 20 * (at as u64);
        let dashed = "dashed: accepted by bakong-flow";
        text(svg, (from, y(names.len())), "start", dashed);
        for (at, (name, colour)) in names.iter().zip(COLOURS).enumerate() {
            line(svg, (from, y(at) - 4), (from + 18, y(at) - 4), colour);
            text(svg, (from + 24, y(at)), "start", name);
        }
    }
}

/// Draws a line through values per thousand, one for each number of orders.
fn polyline(
    svg: &mut String,
    left: u64,
    colour: &str,
    style: &str,
    values: impl Iterator<Item = u64>,
) {
    let points = values.enumerate();
    let points = points.map(|(at, value)| format!("{},{}", x(left, at), TOP + height_of(value)));
    let points = points.collect::<Vec<_>>().join(" ");
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        r#"<polyline fill="none" stroke="{colour}" {style} points="{points}"/>"#
    );
}

fn x(left: u64, at: usize) -> u64 {
    let steps = ORDERS.len() as u64 - 1;
    left + WIDTH * (at as u64) / steps
}

const fn height_of(per_mille: u64) -> u64 {
    HEIGHT - HEIGHT * per_mille / 1_000
}

fn line(svg: &mut String, from: (u64, u64), to: (u64, u64), colour: &str) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = writeln!(
        svg,
        "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"{colour}\" stroke-width=\"2\"/>"
    );
}

fn text(svg: &mut String, (x, y): (u64, u64), anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"#222222\">{text}</text>"
    );
}
