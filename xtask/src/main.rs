//! The tasks of the workspace. Contributors and CI run the same commands; `cargo xtask help` lists them.
//!
//! A task that lacks a tool fails and prints the command that installs the tool. It never skips a check.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program"
)]

mod bench_card;
mod bench_http;
mod bench_peers;
mod checks;
mod clients;
mod dist;
mod image;
mod layers;
mod npm;
mod package;
mod runner;
mod sandbox;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use runner::Runner;
use workspace::Workspace;

/// The tasks of the workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs everything that must pass before a change is accepted: layers, formatting, clippy, tests
    Test {
        /// Build the tests, but do not run them
        #[arg(long)]
        no_run: bool,
    },
    /// Checks the dependency rule between crates, and import cycles between modules
    Layers,
    /// Packs the published crates and checks the tarballs: with the oldest supported Rust, with the oldest versions of
    /// their dependencies, with each feature, their docs, and each crate alone in a scratch project
    Package {
        /// Fail if the working copy has changes or the address of the repository is missing
        #[arg(long)]
        release: bool,
    },
    /// Compares the public items of the libraries with those of a release, with cargo-semver-checks
    Semver {
        /// A revision; by default, the newest tag `v*`
        baseline: Option<String>,
    },
    /// Builds the command as one static binary for Linux into `target/dist`
    Dist {
        /// Build without optimization, only to show that the static binary and its container image work
        #[arg(long)]
        check: bool,
    },
    /// Builds khqr-core for a microcontroller and for wasm, and prints the size of a firmware image
    NoStd,
    /// Compares khqr-core with NBC's SDK in Node: its own tests, random inputs and mutated texts
    #[command(disable_help_flag = true)]
    Conformance {
        /// Options of the comparison: --generate N, --texts N, --seed N, --record, --help
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Draws random codes in six ways, and reads each picture back with two decoders
    Scans {
        /// The number of codes
        #[arg(long, default_value_t = 2_000)]
        codes: u32,
    },
    /// Tests the sandbox's page and the server's pages in headless Chromium
    Page {
        /// Write the pictures of the README
        #[arg(long)]
        pictures: bool,
    },
    /// Tests the sandbox with other clients: NBC's SDK (from npm), bakong-khqr (from pip), khqr-api (from cargo)
    ForeignClients,
    /// Runs the example shops of bakong-server in PHP, Node.js, Python and Rust, and other clients of its API
    Shops,
    /// Builds the npm package `khqr-wasm` into `target/npm`
    Npm,
    /// Builds the npm package and tests it: Node 18, 20 and 22, types, Chromium, NBC's own tests, conformance
    NpmTest,
    /// Runs the fuzz targets in turn, all by default
    Fuzz {
        /// Seconds for each target
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
        seconds: u32,
        targets: Vec<String>,
    },
    /// Simulates days of a shop and checks the guarantees of bakong-flow; run it with --help for its options
    #[command(disable_help_flag = true)]
    Simulate {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Kills, suspends and cuts off the workers of a PostgreSQL store while they open payments; takes half an hour
    Chaos {
        /// How many payments to open: half of them with two workers, and half with four
        #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(40..))]
        payments: u32,
        /// Selects the disturbances
        #[arg(long, default_value_t = 0)]
        seed: u32,
    },
    /// Kills `bakong checkout` and `bakong watch` at random moments, on SQLite and on PostgreSQL; takes half an hour
    Kills {
        /// How many commands to kill on SQLite; a fifth of them on PostgreSQL
        #[arg(long, default_value_t = 300)]
        kills: u32,
        /// Which moments
        #[arg(long, default_value_t = 1)]
        seed: u32,
    },
    /// Tests a crate (khqr-core by default) against a mutation of each line
    Mutants {
        /// The crate, and further arguments of cargo-mutants
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Measures the line coverage of the libraries; fails below 95 %
    Coverage,
    /// Runs khqr-core's tests under Miri
    Miri,
    /// Runs the criterion benches
    Bench {
        /// Part of the name of the benches to run
        filter: Option<String>,
    },
    /// Compares the speed and the allocations of khqr-core with the other crate of that name
    #[command(alias = "peers")]
    BenchPeers,
    /// Compares bakong-http with a bare hyper client and with khqr-api; takes ten minutes
    BenchHttp,
    /// Compares the speed of the npm package with NBC's SDK and with ts-khqr
    BenchNpm,
    /// Compares khqr-card with the Python package bakong-khqr-image
    BenchCard,
    /// Counts the instructions of each step of khqr-core with valgrind
    Instructions,
    /// Checks licences, banned crates and sources with cargo-deny, without network and without advisories
    Deny,
}

fn main() -> ExitCode {
    let Arguments { task } = Arguments::parse();
    let mut runner = match Runner::new() {
        Ok(runner) => runner,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let result = run(&task, &mut runner);
    println!("\n{runner}");
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task, runner: &mut Runner) -> Result<()> {
    let workspace = Workspace::load()?;
    match task {
        Task::Test { no_run } => checks::test(runner, &workspace, *no_run),
        Task::Layers => checks::layers(runner, &workspace),
        Task::Package { release } => package::check(runner, &workspace, *release),
        Task::Dist { check } => dist::dist(runner, &workspace, *check),
        Task::Semver { baseline } => package::semver(runner, &workspace, baseline.as_deref()),
        Task::NoStd => checks::no_std(runner, &workspace),
        Task::Conformance { args } => clients::conformance(runner, args),
        Task::Scans { codes } => checks::scans(runner, *codes),
        Task::Page { pictures } => clients::page(runner, &workspace, *pictures),
        Task::ForeignClients => clients::foreign(runner, &workspace),
        Task::Shops => clients::shops(runner, &workspace),
        Task::Npm => npm::build(runner, &workspace),
        Task::NpmTest => npm::test(runner, &workspace),
        Task::Fuzz { seconds, targets } => checks::fuzz(runner, *seconds, targets),
        Task::Simulate { args } => checks::simulate(runner, args),
        Task::Chaos { payments, seed } => checks::chaos(runner, *payments, *seed),
        Task::Kills { kills, seed } => checks::kills(runner, *kills, *seed),
        Task::Mutants { args } => checks::mutants(runner, args),
        Task::Coverage => checks::coverage(runner, &workspace),
        Task::Miri => checks::miri(runner, &workspace),
        Task::Bench { filter } => checks::bench(runner, filter.as_deref()),
        Task::BenchPeers => bench_peers::run(runner, &workspace),
        Task::BenchHttp => bench_http::run(runner, &workspace),
        Task::BenchNpm => npm::bench(runner, &workspace),
        Task::BenchCard => bench_card::run(runner, &workspace),
        Task::Instructions => checks::instructions(runner),
        Task::Deny => checks::deny(runner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_other_programs_are_passed_on() {
        let line = ["xtask", "conformance", "--generate", "5", "--texts=5"];
        let parsed = Arguments::try_parse_from(line).unwrap();
        assert!(matches!(parsed.task, Task::Conformance { args } if args == line[2..]));
    }

    #[test]
    fn invalid_arguments_are_named() {
        for line in [
            "tset",
            "test --fast",
            "bench read write",
            "fuzz --seconds 0",
        ] {
            let error = Arguments::try_parse_from(format!("xtask {line}").split(' '));
            let error = error.unwrap_err().to_string();
            let last = line.split(' ').next_back().unwrap();
            assert!(error.contains(last), "{line}: {error}");
        }
    }
}
