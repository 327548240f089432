//! Compares khqr-core with the other crate of that name: time and allocations.
//!
//! A missed goal is not a failure, because times on a busy machine vary too much.

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use crate::runner::Runner;
use crate::workspace::Workspace;

/// The groups in `benches/peers/times.rs`, and how many times faster khqr-core should be.
const GOALS: [(&str, u64); 3] = [("read", 8), ("write", 10), ("crc", 10)];

/// The number of rounds. Only the fastest round counts, because a shared machine can be half as fast in some rounds.
const ROUNDS: u32 = 5;

pub(crate) fn run(runner: &mut Runner, workspace: &Workspace) -> Result<()> {
    let target = workspace.target();
    let bench = |shell: &Shell, name: &str, args: &[&str]| -> Result<()> {
        cmd!(
            shell,
            "cargo bench --manifest-path benches/peers/Cargo.toml --bench {name} -- {args...}"
        )
        .env("CARGO_TARGET_DIR", target)
        .run()?;
        Ok(())
    };
    // For each group, the fastest time of our crate and that of the peer.
    let mut fastest = GOALS.map(|_| [u64::MAX; 2]);
    runner.step("times", |shell| {
        for _ in 0..ROUNDS {
            bench(
                shell,
                "times",
                &["--warm-up-time", "1", "--measurement-time", "2"],
            )?;
            for ((name, _), times) in GOALS.iter().zip(&mut fastest) {
                for (side, fastest) in ["ours", "peer"].iter().zip(times) {
                    let file = format!("criterion/peers-{name}/{side}/new/estimates.json");
                    let json = shell.read_file(target.join(&file))?;
                    let median = median(&json).with_context(|| format!("{file} has no median"))?;
                    *fastest = median.min(*fastest);
                }
            }
        }
        Ok(())
    })?;
    println!("{:<6} {:>12} {:>12}  ours is", "", "ours", "peer");
    for ((name, goal), [ours, peer]) in GOALS.iter().zip(fastest) {
        let tenths = peer.saturating_mul(10) / ours.max(1);
        let result = if tenths >= goal * 10 {
            "reached"
        } else {
            "MISSED"
        };
        let [ours, peer] =
            [ours, peer].map(|time| format!("{}.{:02} ns", time / 1_000, time % 1_000 / 10));
        let ratio = format!("{}.{}", tenths / 10, tenths % 10);
        println!("{name:<6} {ours:>12} {peer:>12}  {ratio} times faster (goal {goal}: {result})");
    }
    // Each printed line has the function, the side, the number of allocations and the allocated bytes.
    runner.step("allocations", |shell| bench(shell, "allocations", &[]))
}

/// Reads the median of criterion's estimates, in picoseconds. The workspace uses no floating-point numbers.
pub(crate) fn median(estimates: &str) -> Option<u64> {
    let estimates: serde_json::Value = serde_json::from_str(estimates).ok()?;
    let nanoseconds = estimates.pointer("/median/point_estimate")?.to_string();
    let (whole, fraction) = nanoseconds.split_once('.').unwrap_or((&nanoseconds, ""));
    let thousandths = format!("{fraction:0<3}");
    format!("{whole}{}", thousandths.get(..3)?).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_read_in_picoseconds() {
        let json = |number: &str| {
            format!(r#"{{"mean":{{"point_estimate":9.5}},"median":{{"point_estimate":{number}}}}}"#)
        };
        assert_eq!(median(&json("509.4268")), Some(509_426));
        assert_eq!(median(&json("12")), Some(12_000));
        assert_eq!(median(&json("1e-7")), None);
        assert_eq!(median(r#"{"mean":{"point_estimate":5.0}}"#), None);
    }
}
