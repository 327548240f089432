//! The workspace's chores, so that what a contributor runs and what CI runs is the same program.
//!
//! `cargo xtask help` lists them. The program needs nothing but Rust; a chore that needs more says
//! which command installs it, and fails: a check that was skipped would read like a check that
//! passed.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program talks through its standard streams"
)]

mod bench_http;
mod checks;
mod chore;
mod conformance;
mod deep;
mod failure;
mod foreign;
mod fuzz;
mod instructions;
mod invocation;
mod layers;
mod no_std;
mod page;
mod peers;
mod plan;
mod running;
mod simulate;
mod tools;
mod workspace;

use std::process::ExitCode;

use chore::Chore;
use failure::Failure;
use workspace::Workspace;

/// Exit code for a command line that names no chore.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let chore = match Chore::parse(std::env::args().skip(1)) {
        Ok(chore) => chore,
        Err(failure) => {
            eprintln!("xtask: {failure}\n\n{}", chore::HELP);
            return ExitCode::from(USAGE);
        }
    };
    match perform(&chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn perform(chore: &Chore) -> Result<(), Failure> {
    if matches!(chore, Chore::Help) {
        print!("{}", chore::HELP);
        return Ok(());
    }
    let workspace = Workspace::load()?;
    let steps = match chore {
        Chore::Help => Vec::new(),
        Chore::Test => checks::test(&workspace),
        Chore::Layers => vec![checks::layers(&workspace)],
        Chore::NoStd => no_std::steps(&workspace),
        Chore::Msrv => checks::msrv(&workspace)?,
        Chore::Fuzz { seconds, targets } => fuzz::steps(&workspace, *seconds, targets)?,
        Chore::Conformance(options) => vec![conformance::step(&workspace, options.clone())],
        Chore::Page => vec![page::step(&workspace)],
        Chore::ForeignClients => vec![foreign::step(&workspace)],
        Chore::Bench { filter } => vec![checks::bench(&workspace, filter.as_deref())],
        Chore::BenchPeers => peers::steps(&workspace),
        Chore::BenchHttp => bench_http::steps(&workspace),
        Chore::Simulate { args } => vec![simulate::step(&workspace, args)],
        Chore::Instructions => vec![instructions::step(&workspace)?],
        Chore::Miri => vec![deep::miri(&workspace)],
        Chore::Mutants { args } => vec![deep::mutants(&workspace, args)],
        Chore::Deny => vec![checks::deny(&workspace)],
        Chore::Ci => {
            let mut steps = checks::test(&workspace);
            steps.extend(no_std::steps(&workspace));
            steps.extend(checks::msrv(&workspace)?);
            steps.push(conformance::step(&workspace, conformance::Options::brief()));
            steps.push(page::step(&workspace));
            steps.push(foreign::step(&workspace));
            steps.extend(fuzz::steps(&workspace, fuzz::DEFAULT_SECONDS, &[])?);
            steps
        }
    };
    plan::run(steps)
}
