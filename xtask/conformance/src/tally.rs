//! What came of the comparison, counted and printed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::case::{Case, What};
use super::rows::Row;

/// How many differences are shown that nothing explains, and how many of them may be alike.
const SHOWN: usize = 20;
const SHOWN_OF_A_KIND: usize = 3;

#[derive(Debug, Default)]
struct Count {
    equal: usize,
    explained: usize,
    unexplained: usize,
    valid_for_both: usize,
}

/// A difference, and what those like it have in common.
#[derive(Debug)]
struct Unexplained {
    kind: String,
    whole: String,
}

/// Counts of everything compared.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: BTreeMap<(&'static str, What), Count>,
    rows: BTreeMap<Row, usize>,
    unexplained: Vec<Unexplained>,
    other: BTreeMap<(What, &'static str), [usize; 2]>,
}

impl Tally {
    pub(super) fn add(&mut self, part: &'static str, case: &Case) {
        let count = self.counts.entry((part, case.what)).or_default();
        count.valid_for_both += usize::from(case.is_good_for_both());
        match &case.verdict {
            Ok(None) => count.equal += 1,
            Ok(Some(row)) => {
                count.explained += 1;
                *self.rows.entry(*row).or_default() += 1;
            }
            Err(why) => {
                count.unexplained += 1;
                self.unexplained.push(Unexplained {
                    kind: case.kind_of_difference(why),
                    whole: format!("{part}, {}", case.describe(why)),
                });
            }
        }
        for (side, kind) in case.other_kinds().into_iter().enumerate() {
            if let Some(kind) = kind {
                self.other.entry((case.what, kind)).or_default()[side] += 1;
            }
        }
    }

    pub(super) fn unexplained(&self) -> usize {
        self.unexplained.len()
    }

    /// The tables, and the first differences that nothing explains.
    pub(super) fn report(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "\n{:<18} {:<9} {:>8} {:>8} {:>10} {:>12} {:>15}",
            "part", "what", "cases", "equal", "explained", "unexplained", "good for both"
        );
        for ((part, what), count) in &self.counts {
            let cases = count.equal + count.explained + count.unexplained;
            let _ = writeln!(
                out,
                "{part:<18} {:<9} {cases:>8} {:>8} {:>10} {:>12} {:>15}",
                what.word(),
                count.equal,
                count.explained,
                count.unexplained,
                count.valid_for_both
            );
        }
        let _ = writeln!(out, "\n{:>9}  deviation: the official SDK …", "explains");
        for row in Row::all() {
            let times = self.rows.get(&row).copied().unwrap_or_default();
            let times = if times == 0 {
                "never".to_owned()
            } else {
                times.to_string()
            };
            let _ = writeln!(out, "{times:>9}  {:<19} {}", row.id(), row.sentence());
        }
        self.report_other(&mut out);
        self.report_unexplained(&mut out);
        out
    }

    fn report_unexplained(&self, out: &mut String) {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        let mut shown = 0;
        for Unexplained { kind, whole } in &self.unexplained {
            let alike = kinds.entry(kind).or_default();
            *alike += 1;
            if *alike <= SHOWN_OF_A_KIND && shown < SHOWN {
                shown += 1;
                let _ = writeln!(out, "\n{whole}");
            }
        }
        if !kinds.is_empty() {
            let _ = writeln!(out, "\nunexplained, by kind:");
        }
        for (kind, times) in kinds {
            let _ = writeln!(out, "{times:>9}  {kind}");
        }
    }

    // It is no reference, so that nothing here is a failure.
    fn report_other(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "\nts-khqr beside them: {:<28} {:>10} {:>10}",
            "", "to the SDK", "to us"
        );
        for ((what, kind), [official, ours]) in &self.other {
            let _ = writeln!(
                out,
                "{:<20} {kind:<28} {official:>10} {ours:>10}",
                what.word()
            );
        }
    }
}
