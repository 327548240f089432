//! What criterion found, from the files that it keeps.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::failure::Failure;

/// A time. Whole picoseconds, as no float is named in this workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Picoseconds(pub(super) u64);

impl fmt::Display for Picoseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            0..1_000_000 => (1_000, "ns"),
            1_000_000..1_000_000_000 => (1_000_000, "µs"),
            _ => (1_000_000_000, "ms"),
        };
        write!(
            f,
            "{}.{:02} {name}",
            self.0 / unit,
            self.0 % unit * 100 / unit
        )
    }
}

/// The median of the last run of `bench`, written `group/function`. The median and not criterion's
/// headline, the slope: a neighbour's load makes some samples long and moves it less.
pub(super) fn median(criterion: &Path, bench: &str) -> Result<Picoseconds, Failure> {
    let path = criterion.join(bench).join("new/estimates.json");
    let json = fs::read_to_string(&path).map_err(|error| {
        Failure::new(format!(
            "criterion left no result of `{bench}` in {}: {error}. \
             The names in benches/peers/times.rs and in xtask/src/peers.rs have to be the same.",
            path.display()
        ))
    })?;
    median_of(&json).ok_or_else(|| {
        Failure::new(format!(
            "{} has no `median.point_estimate` in nanoseconds; \
             did criterion change the form of its results?",
            path.display()
        ))
    })
}

fn median_of(json: &str) -> Option<Picoseconds> {
    let estimates: serde_json::Value = serde_json::from_str(json).ok()?;
    let nanoseconds = estimates.pointer("/median/point_estimate")?;
    nanoseconds.is_number().then_some(())?;
    picoseconds(&nanoseconds.to_string())
}

// From the decimal text, cut after three digits.
fn picoseconds(nanoseconds: &str) -> Option<Picoseconds> {
    let (whole, fraction) = nanoseconds.split_once('.').unwrap_or((nanoseconds, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let whole: u64 = whole.parse().ok()?;
    whole
        .checked_mul(1_000)?
        .checked_add(thousandths)
        .map(Picoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_read_and_not_another_estimate() {
        let json = r#"{"mean":{"point_estimate":9.5},"median":{"confidence_interval":
            {"point_estimate":7.0},"point_estimate":509.4268},"slope":{"point_estimate":1.0}}"#;
        assert_eq!(median_of(json), Some(Picoseconds(509_426)));
        assert_eq!(median_of(r#"{"median":{"point_estimate":"5"}}"#), None);
        assert_eq!(median_of(r#"{"mean":{"point_estimate":5.0}}"#), None);
    }

    #[test]
    fn decimal_text_becomes_picoseconds() {
        assert_eq!(picoseconds("12"), Some(Picoseconds(12_000)));
        assert_eq!(picoseconds("0.5"), Some(Picoseconds(500)));
        for text in ["", "-1.0", "1e3", "1.0e-7", "1.2.3"] {
            assert_eq!(picoseconds(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_printed_in_the_unit_that_fits() {
        for (time, text) in [
            (83_745, "83.74 ns"),
            (999_999, "999.99 ns"),
            (3_776_800, "3.77 µs"),
            (1_000_000_000, "1.00 ms"),
        ] {
            assert_eq!(Picoseconds(time).to_string(), text);
        }
    }
}
