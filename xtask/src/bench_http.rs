//! Compares bakong-http with a bare hyper client and with the crate khqr-api: CPU time, throughput and memory, as
//! `benches/peers-http` measures them, and the cost of compiling each.
//!
//! A missed goal is not a failure, because times on a busy machine vary too much.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

use crate::runner::Runner;
use crate::tools;
use crate::workspace::Workspace;

const PROJECT: &str = "benches/peers-http";
const SIDES: [&str; 3] = ["ours", "bare", "peer"];

/// Name and column of each measure in the output of `benches/peers-http`, and its description.
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
    tools::require(&[tools::CLIPPY])?;
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
        println!("\n{description}: minimum, median, maximum, all rounds");
        for side in SIDES {
            let rounds = Rounds::read(&output, measure, side, column)?;
            println!(
                "  {side} {:>7} {:>7} {:>7}   {:?}",
                rounds.min(),
                rounds.median(),
                rounds.max(),
                rounds.0
            );
        }
    }
    let mut builds = Vec::new();
    runner.step("builds", |shell| {
        for name in ["minimal-ours", "minimal-ours-lean", "minimal-khqr-api"] {
            builds.push(build(shell, workspace, name)?);
        }
        Ok(())
    })?;
    println!("\n{}", goals(&output, &builds)?);
    Ok(())
}

/// The cost of compiling a minimal program: the number of crates and the time from an empty folder.
struct Build {
    crates: u64,
    duration: Duration,
}

fn build(shell: &Shell, workspace: &Workspace, name: &str) -> Result<Build> {
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
    let duration = start.elapsed();
    shell.remove_path(&folder)?;
    let tree = cmd!(
        shell,
        "cargo tree --offline --manifest-path {manifest} --edges normal,build --prefix none"
    )
    .args(["--format", "{p}"])
    .read()?;
    let crates: BTreeSet<&str> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    // Without the program itself.
    let crates = crates.len() as u64 - 1;
    println!("{name}: {crates} crates, {duration:.1?}");
    Ok(Build { crates, duration })
}

/// One number of one side for each round.
struct Rounds(Vec<u64>);

impl Rounds {
    /// Reads the numbers in a column of lines such as `cpu ours 20481`.
    fn read(output: &str, measure: &str, side: &str, column: usize) -> Result<Self> {
        let prefix = format!("{measure} {side} ");
        let lines = output.lines().filter_map(|line| line.strip_prefix(&prefix));
        let numbers = lines.filter_map(|line| line.split(' ').nth(column)?.parse().ok());
        let rounds = Self(numbers.collect());
        ensure!(
            !rounds.0.is_empty(),
            "{PROJECT} printed no number {column} of `{measure} {side}`"
        );
        Ok(rounds)
    }

    fn min(&self) -> u64 {
        self.0.iter().copied().min().unwrap_or_default()
    }

    fn max(&self) -> u64 {
        self.0.iter().copied().max().unwrap_or_default()
    }

    fn median(&self) -> u64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    }
}

/// Returns the table of goals. `builds` are those of ours, ours with few features, and khqr-api.
fn goals(output: &str, builds: &[Build]) -> Result<String> {
    let read = |measure, side| Rounds::read(output, measure, side, 0);
    let (our_cpu, peer_cpu) = (read("cpu", "ours")?, read("cpu", "peer")?);
    let (our_rate, peer_rate) = (read("throughput", "ours")?, read("throughput", "peer")?);
    let millis = |build: &Build| u64::try_from(build.duration.as_millis()).unwrap_or(u64::MAX);
    let [ours, lean, peer] = builds else {
        anyhow::bail!("{} builds instead of 3", builds.len());
    };
    // Rounded up for an upper limit and down for a lower limit, so that rounding reaches no goal.
    let percent = |part: u64, whole: u64| part.saturating_mul(100).div_ceil(whole.max(1));
    let percent_down = |part: u64, whole: u64| part.saturating_mul(100) / whole.max(1);
    let at_most = |what: &str, value: u64, limit: u64, unit: &str| {
        let result = if value <= limit { "reached" } else { "MISSED" };
        format!("{what:<44} {value:>6} {unit:<4} at most  {limit:>4} {unit:<4} {result}\n")
    };
    let rate = percent_down(our_rate.median(), peer_rate.median());
    let result = if rate >= 100 { "reached" } else { "MISSED" };
    Ok([
        at_most(
            "CPU time, of khqr-api's, median",
            percent(our_cpu.median(), peer_cpu.median()),
            90,
            "%",
        ),
        at_most(
            "CPU time, of khqr-api's, minimum",
            percent(our_cpu.min(), peer_cpu.min()),
            90,
            "%",
        ),
        format!(
            "{:<44} {rate:>6} %    at least  100 %    {result}\n",
            "throughput, of khqr-api's, median"
        ),
        at_most(
            "memory of 10,000 callers",
            read("memory", "ours")?.max().div_ceil(1 << 10),
            63,
            "MiB",
        ),
        at_most("crates", ours.crates, 65, ""),
        at_most("crates with few features", lean.crates, 65, ""),
        at_most(
            "build time, of khqr-api's",
            percent(millis(ours), millis(peer)),
            50,
            "%",
        ),
        at_most(
            "build time with few features, of khqr-api's",
            percent(millis(lean), millis(peer)),
            50,
            "%",
        ),
    ]
    .concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_reaches_no_goal() {
        let goals_at = |cpu: u64, rate: u64, kib: u64, crates: u64, millis: u64| {
            let output = format!(
                "cpu ours {cpu}\ncpu peer 20000\nthroughput ours {rate} 1\nthroughput peer 40000 1\nmemory ours {kib} 0\n"
            );
            let build = |crates, millis| Build {
                crates,
                duration: Duration::from_millis(millis),
            };
            let builds = [
                build(crates, millis),
                build(crates, millis),
                build(95, 20_000),
            ];
            goals(&output, &builds).unwrap()
        };
        let reached = goals_at(18_000, 40_000, 63 << 10, 65, 10_000);
        assert!(!reached.contains("MISSED"), "{reached}");
        let missed = goals_at(18_001, 39_999, (63 << 10) + 1, 66, 10_001);
        assert!(!missed.contains("reached"), "{missed}");
    }

    #[test]
    fn rounds_are_found_by_measure_side_and_column() {
        let output = "cpu ours 3\ncpu bare 9\ncpu ours 1\ncpu ours 2\nmemory ours 70 5\n";
        let cpu = Rounds::read(output, "cpu", "ours", 0).unwrap();
        assert_eq!((cpu.min(), cpu.median(), cpu.max()), (1, 2, 3));
        assert_eq!(Rounds::read(output, "memory", "ours", 1).unwrap().0, [5]);
        assert!(Rounds::read(output, "cpu", "peer", 0).is_err());
    }
}
