//! Our khqr-core beside the crate of others that has its name: how long each takes, how often each
//! allocates, and whether ours is as much quicker as was wanted.
//!
//! A ratio below the wanted one is told and is no failure: on a busy machine times say little by
//! themselves, and a check that fails by chance is soon ignored.

mod allocations;
mod estimates;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::path::Path;

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::plan::Step;
use crate::tools::Tool;
use crate::workspace::Workspace;
use allocations::Allocations;
use estimates::Picoseconds;

/// What is compared, by the names in `benches/peers`, and how many times quicker ours is to be.
const COMPARISONS: [(&str, u64); 3] = [("read", 10), ("write", 10), ("crc", 10)];

/// How often everything is measured. What counts is the quietest round of each: a machine that is shared
/// is at times half as fast as at others, and the two sides of a ratio are not measured at once.
const ROUNDS: u32 = 5;

/// The benches, then the table.
pub(crate) fn steps(workspace: &Workspace) -> Vec<Step> {
    let criterion = workspace.target_directory().join("criterion");
    let bench = |name: &str| cargo(workspace, "bench").also(&["--bench", name]);
    let times = bench("times").also(&["--", "--warm-up-time", "1", "--measurement-time", "2"]);
    let allocations = bench("allocations");
    let again = "cargo xtask bench-peers";
    vec![Step::function("comparison", again, move || {
        let counted = allocations::parse(&allocations.output()?)?;
        let mut quietest = Times::new();
        for _ in 0..ROUNDS {
            forget(&criterion)?;
            times.run()?;
            for (name, who) in COMPARISONS
                .iter()
                .flat_map(|(name, _)| SIDES.map(|who| (*name, who)))
            {
                let time = estimates::median(&criterion, &format!("peers-{name}/{who}"))?;
                let least = quietest.entry((name, who)).or_insert(time);
                *least = time.min(*least);
            }
        }
        println!("{}", table(&quietest, &counted)?);
        Ok(())
    })]
}

/// The check that they compile against our khqr-core as it is now.
pub(crate) fn clippy(workspace: &Workspace) -> Step {
    let clippy = cargo(workspace, "clippy").also(&["--all-targets", "--", "-D", "warnings"]);
    Step::command("clippy of benches/peers", clippy).needing(Tool::Clippy)
}

fn cargo(workspace: &Workspace, command: &str) -> Invocation {
    let target = workspace.target_directory();
    Invocation::cargo(workspace.root(), &[command])
        .also(&["--manifest-path", "benches/peers/Cargo.toml"])
        // Absolute, since criterion runs in the folder of the bench; the workspace's, since most of
        // what is compiled is compiled there already.
        .with_env("CARGO_TARGET_DIR", target.to_string_lossy())
}

// Or a bench that has another name now would be told as it was then.
fn forget(criterion: &Path) -> Result<(), Failure> {
    for (name, _) in COMPARISONS {
        let group = criterion.join(format!("peers-{name}"));
        match fs::remove_dir_all(&group) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::new(format!(
                    "the last run's results in {} could not be removed: {error}",
                    group.display()
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Who is measured.
const SIDES: [&str; 2] = ["ours", "peer"];

/// What was measured of whom.
type Times = BTreeMap<(&'static str, &'static str), Picoseconds>;

fn table(times: &Times, allocations: &Allocations) -> Result<String, Failure> {
    let mut table = String::new();
    let _ = writeln!(
        table,
        "khqr-core, ours and the one on crates.io, on one code of 157 bytes (medians, the least of {ROUNDS} rounds)\n\n\
         {:<6} {:>10} {:>10}   {:<40} allocations (bytes)",
        "", "ours", "peer", "ours is",
    );
    let mut short = 0_usize;
    for (name, wanted) in COMPARISONS {
        let [ours, peer] = SIDES.map(|who| times.get(&(name, who)).copied().unwrap_or_default());
        let ratio = Ratio::of(peer, ours);
        let enough = ratio.reaches(wanted);
        short += usize::from(!enough);
        let verdict = format!(
            "{ratio} times faster; wanted {wanted}{}",
            if enough { "" } else { ": NOT REACHED" }
        );
        let _ = writeln!(
            table,
            "{name:<6} {:>10} {:>10}   {verdict:<40} {} against {}",
            ours.to_string(),
            peer.to_string(),
            allocations.of(name, "ours")?,
            allocations.of(name, "peer")?,
        );
    }
    if short > 0 {
        let _ = writeln!(
            table,
            "\n{short} of {} below what was wanted. No failure, as times on a busy machine say little: \
             run it again on an idle one.",
            COMPARISONS.len()
        );
    }
    Ok(table)
}

/// How many times longer something takes, in tenths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ratio(u64);

impl Ratio {
    // Rounded down, so that no goal is reached by rounding.
    fn of(longer: Picoseconds, shorter: Picoseconds) -> Self {
        Self(longer.0.saturating_mul(10) / shorter.0.max(1))
    }

    fn reaches(self, wanted: u64) -> bool {
        self.0 >= wanted.saturating_mul(10)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_not_reached_by_rounding() {
        let ratio = |peer, ours| Ratio::of(Picoseconds(peer), Picoseconds(ours));
        assert_eq!(ratio(10_399, 1_000).to_string(), "10.3");
        assert!(ratio(10_000, 1_000).reaches(10));
        assert!(!ratio(9_999, 1_000).reaches(10));
        assert_eq!(ratio(500, 1_000).to_string(), "0.5");
    }
}
