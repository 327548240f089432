//! Counts of the compared cases, and the printed report.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::case::{Case, Function, Verdict};
use crate::deviation::Deviation;

/// The maximum number of unexplained differences that the report shows in full.
const SHOWN: usize = 20;
/// The maximum number of differences of one kind that the report shows in full.
const MAX_PRINTED_PER_KIND: usize = 3;

#[derive(Debug, Default)]
struct Count {
    equal: usize,
    explained: usize,
    unexplained: usize,
    accepted_by_both: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: BTreeMap<(&'static str, Function), Count>,
    deviations: BTreeMap<Deviation, usize>,
    /// The kind and the description of each unexplained difference.
    unexplained: Vec<(String, String)>,
    /// For each function and kind of agreement: how often ts-khqr agrees with the SDK and with khqr-core.
    other: BTreeMap<(Function, &'static str), [usize; 2]>,
}

impl Tally {
    pub(crate) fn add(&mut self, part: &'static str, case: &Case, verdict: &Verdict) {
        let count = self.counts.entry((part, case.function)).or_default();
        count.accepted_by_both += usize::from(case.is_accepted_by_both());
        match verdict {
            Ok(None) => count.equal += 1,
            Ok(Some(deviation)) => {
                count.explained += 1;
                *self.deviations.entry(*deviation).or_default() += 1;
            }
            Err(why) => {
                count.unexplained += 1;
                let description = format!("{part}, {}", case.describe(why));
                self.unexplained
                    .push((case.difference_kind(why), description));
            }
        }
        for (side, kind) in case.other_agreements().into_iter().flatten().enumerate() {
            self.other.entry((case.function, kind)).or_default()[side] += 1;
        }
    }

    /// Returns the number of unexplained differences.
    pub(crate) fn unexplained(&self) -> usize {
        self.unexplained.len()
    }

    /// Returns the tables and the first unexplained differences.
    pub(crate) fn report(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "\n{:<18} {:<9} {:>8} {:>8} {:>10} {:>12} {:>17}",
            "part", "function", "cases", "equal", "explained", "unexplained", "accepted by both"
        )?;
        for ((part, function), count) in &self.counts {
            let cases = count.equal + count.explained + count.unexplained;
            writeln!(
                out,
                "{part:<18} {:<9} {cases:>8} {:>8} {:>10} {:>12} {:>17}",
                function.name(),
                count.equal,
                count.explained,
                count.unexplained,
                count.accepted_by_both
            )?;
        }
        writeln!(
            out,
            "\n{:>9}  deviation (crates/khqr-core/DEVIATIONS.md)",
            "cases"
        )?;
        for deviation in Deviation::ALL {
            let cases = self.deviations.get(deviation).copied().unwrap_or_default();
            writeln!(out, "{cases:>9}  {}", deviation.name())?;
        }
        // ts-khqr is not a reference, so its differences are not failures.
        writeln!(
            out,
            "\n{:<39} {:>10} {:>10}",
            "ts-khqr compared", "to the SDK", "to ours"
        )?;
        for ((function, kind), [official, ours]) in &self.other {
            writeln!(
                out,
                "{:<10} {kind:<28} {official:>10} {ours:>10}",
                function.name()
            )?;
        }
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        let mut shown = 0;
        for (kind, description) in &self.unexplained {
            let count = kinds.entry(kind).or_default();
            *count += 1;
            if *count <= MAX_PRINTED_PER_KIND && shown < SHOWN {
                shown += 1;
                writeln!(out, "\n{description}")?;
            }
        }
        if !kinds.is_empty() {
            writeln!(out, "\nunexplained differences by kind:")?;
        }
        kinds
            .iter()
            .try_for_each(|(kind, count)| writeln!(out, "{count:>9}  {kind}"))
    }
}
