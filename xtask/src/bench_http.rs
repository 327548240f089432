//! Compares bakong-http with a bare hyper client and with the crate khqr-api: CPU time, throughput and memory, as
//! `benches/peers-http` measures them, and the cost of compiling each.
//!
//! A missed goal is not a failure, because times on a busy machine vary too much.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

use crate::runner::Runner;
use crate::tools;
use crate::workspace::Workspace;

const PROJECT: &str = "benches/peers-http";
/// `ours` is bakong-http, set to reuse connections as the other clients do; `fresh` has the default settings.
const SIDES: [&str; 4] = ["ours", "fresh", "bare", "peer"];

/// The name and the column of each measure in the output of `benches/peers-http`, and the text in the report.
const MEASURES: [(&str, usize, &str); 5] = [
    ("cpu", 0, "CPU time of a request, one at a time, ns"),
    (
        "throughput",
        0,
        "requests per second, 64 in flight on 2 threads",
    ),
    ("throughput", 1, "CPU time of a request, 64 in flight, ns"),
    ("memory", 0, "peak memory of 10,000 concurrent callers, KiB"),
    ("memory", 1, "failed requests of the 10,000 callers"),
];

pub(crate) fn run(runner: &mut Runner, workspace: &Workspace) -> Result<()> {
    tools::require(&[tools::cargo("clippy")])?;
    let manifest = format!("{PROJECT}/Cargo.toml");
    let target = workspace.target();
    runner.command("clippy", |shell| {
        cmd!(
            shell,
            "cargo clippy --manifest-path {manifest} -- -D warnings"
        )
        .env("CARGO_TARGET_DIR", target)
    })?;
    let mut output = String::new();
    runner.step("rounds", |shell| {
        output = cmd!(
            shell,
            "cargo run --release --quiet --manifest-path {manifest}"
        )
        .env("CARGO_TARGET_DIR", target)
        .read()?;
        Ok(())
    })?;
    for (measure, column, description) in MEASURES {
        println!("\n{description}: sorted rounds");
        for side in SIDES {
            println!("  {side} {:?}", rounds(&output, measure, side, column)?);
        }
    }
    let programs = ["minimal-ours", "minimal-ours-lean", "minimal-khqr-api"];
    let mut builds = Vec::new();
    runner.step("builds", |shell| {
        for name in programs {
            builds.push(build(shell, workspace, name)?);
        }
        Ok(())
    })?;
    for (name, (crates, millis)) in programs.iter().zip(&builds) {
        println!("{name}: {crates} crates, built from an empty folder in {millis} ms");
    }
    println!("\n{}", goals(&output, &builds)?);
    Ok(())
}

/// Returns the number of crates of a minimal program, and how many milliseconds a build from scratch takes.
fn build(shell: &Shell, workspace: &Workspace, name: &str) -> Result<(u64, u64)> {
    let manifest = format!("{PROJECT}/{name}/Cargo.toml");
    let folder = workspace.target().join("bench-http").join(name);
    shell.remove_path(&folder)?;
    cmd!(shell, "cargo fetch --manifest-path {manifest}").run()?;
    let start = Instant::now();
    cmd!(
        shell,
        "cargo build --offline --quiet --manifest-path {manifest}"
    )
    .env("CARGO_TARGET_DIR", &folder)
    .run()?;
    let millis = u64::try_from(start.elapsed().as_millis())?;
    shell.remove_path(&folder)?;
    let tree = "tree --offline --edges normal,build --prefix none --format {p} --manifest-path";
    let tree = cmd!(shell, "cargo")
        .args(tree.split(' '))
        .arg(manifest)
        .read()?;
    let packages = tree.lines().map(|line| line.trim_end_matches(" (*)"));
    // The program itself does not count.
    let crates = packages.collect::<BTreeSet<_>>().len() - 1;
    Ok((u64::try_from(crates)?, millis))
}

/// Returns the sorted numbers in a column of lines such as `cpu ours 20481`.
fn rounds(output: &str, measure: &str, side: &str, column: usize) -> Result<Vec<u64>> {
    let prefix = format!("{measure} {side} ");
    let lines = output.lines().filter_map(|line| line.strip_prefix(&prefix));
    let numbers = lines.filter_map(|line| line.split(' ').nth(column)?.parse().ok());
    let mut rounds: Vec<u64> = numbers.collect();
    rounds.sort_unstable();
    ensure!(
        !rounds.is_empty(),
        "no number {column} of `{measure} {side}` in the output"
    );
    Ok(rounds)
}

/// Returns the table of goals. `builds` are those of bakong-http, bakong-http with few features, and khqr-api.
fn goals(output: &str, builds: &[(u64, u64)]) -> Result<String> {
    let of = |measure, side| rounds(output, measure, side, 0);
    let median = |rounds: &[u64]| rounds[rounds.len() / 2];
    let percent = |part: u64, whole: u64| part.saturating_mul(100).div_ceil(whole.max(1));
    let (ours, peer) = (of("cpu", "ours")?, of("cpu", "peer")?);
    let (our_rate, peer_rate) = (of("throughput", "ours")?, of("throughput", "peer")?);
    let memory = of("memory", "ours")?;
    let [(crates, time), (lean_crates, lean_time), (_, peer_time)] = *builds else {
        anyhow::bail!("{} builds instead of 3", builds.len());
    };
    // Each row is an upper limit. Values are rounded up, so that rounding never turns a missed goal into a reached one.
    let rows = [
        (
            "CPU time, % of khqr-api's, median",
            percent(median(&ours), median(&peer)),
            90,
        ),
        (
            "CPU time, % of khqr-api's, fastest round",
            percent(ours[0], peer[0]),
            90,
        ),
        (
            "khqr-api's throughput, % of ours, median",
            percent(median(&peer_rate), median(&our_rate)),
            100,
        ),
        (
            "memory of 10,000 callers, MiB",
            memory[memory.len() - 1].div_ceil(1 << 10),
            63,
        ),
        ("crates", crates, 65),
        ("crates with few features", lean_crates, 65),
        ("build time, % of khqr-api's", percent(time, peer_time), 50),
        (
            "build time with few features, % of khqr-api's",
            percent(lean_time, peer_time),
            50,
        ),
    ];
    let row = |(name, value, limit): (&str, u64, u64)| {
        let result = if value <= limit { "reached" } else { "MISSED" };
        format!("{name:<46} {value:>6}, at most {limit:>4}: {result}\n")
    };
    Ok(rows.into_iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_does_not_turn_a_missed_goal_into_a_reached_one() {
        let goals_at = |cpu: u64, rate: u64, kib: u64, crates: u64, millis: u64| {
            let ours = format!("cpu ours {cpu}\nthroughput ours {rate} 1\nmemory ours {kib} 0\n");
            let output = ours + "cpu peer 20000\nthroughput peer 40000 1\n";
            goals(&output, &[(crates, millis), (crates, millis), (95, 20_000)]).unwrap()
        };
        let reached = goals_at(18_000, 40_000, 63 << 10, 65, 10_000);
        assert!(!reached.contains("MISSED"), "{reached}");
        let missed = goals_at(18_001, 39_999, (63 << 10) + 1, 66, 10_001);
        assert!(!missed.contains("reached"), "{missed}");
    }

    #[test]
    fn rounds_are_found_by_measure_side_and_column() {
        let output = "cpu ours 3\ncpu bare 9\ncpu ours 1\ncpu ours 2\nmemory ours 70 5\n";
        assert_eq!(rounds(output, "cpu", "ours", 0).unwrap(), [1, 2, 3]);
        assert_eq!(rounds(output, "memory", "ours", 1).unwrap(), [5]);
        assert!(rounds(output, "cpu", "peer", 0).is_err());
    }
}
