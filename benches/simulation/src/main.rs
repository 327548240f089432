//! `simulate`: simulates days of a shop and prints the results. Run it with `cargo xtask simulate`.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bakong_simulation::{Scenario, StoreKind, Summary, World, report};
use clap::{Parser, ValueEnum};

/// Simulates days of a shop in virtual time, and checks the guarantees of bakong-flow after every step.
///
/// Bakong fails, the process is killed, and customers pay twice, too late or the wrong amount.
#[derive(Parser)]
struct Arguments {
    /// Number of seeds to simulate.
    #[arg(long, default_value_t = 4_000)]
    seeds: u64,
    /// First seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Skip the seeds whose shop has a right clock. One seed of about ten remains.
    #[arg(long)]
    wrong_clocks: bool,
    /// Simulate one seed and print its scenario.
    #[arg(long, conflicts_with_all = ["seeds", "from", "report"])]
    seed: Option<u64>,
    /// Where the shop stores its payments.
    #[arg(long, value_enum, default_value_t = Store::Memory)]
    store: Store,
    /// Compare with other polling schedules, and write the table and the plot to this folder.
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
    /// Number of seeds to compare.
    #[arg(long, default_value_t = 20)]
    report_seeds: u64,
}

/// Where the shop stores its payments.
#[derive(Clone, Copy, ValueEnum)]
enum Store {
    /// In memory that survives the process.
    Memory,
    /// In an SQLite file. The process is killed between any two statements, too.
    Sqlite,
}

impl Store {
    const fn kind(self) -> StoreKind {
        match self {
            Self::Memory => StoreKind::Memory,
            Self::Sqlite => StoreKind::Sqlite,
        }
    }

    /// Returns the option that selects the store again.
    const fn option(self) -> &'static str {
        match self {
            Self::Memory => "",
            Self::Sqlite => " --store sqlite",
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match (arguments.seed, &arguments.report) {
        (Some(seed), _) => one(seed, arguments.store),
        (None, Some(folder)) => compare(folder, arguments.report_seeds),
        (None, None) => many(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            let _ = writeln!(io::stderr(), "{reason}");
            ExitCode::FAILURE
        }
    }
}

fn one(seed: u64, store: Store) -> Result<(), String> {
    let scenario = Scenario::hostile(seed);
    print(&scenario.to_string());
    print(&describe(&World::with_store(scenario, store.kind()).run()));
    Ok(())
}

/// Simulates seeds on all cores until one seed fails.
fn many(arguments: &Arguments) -> Result<(), String> {
    let (from, store) = (arguments.from, arguments.store);
    let seeds = arguments.seeds;
    let simulated = AtomicU64::new(0);
    let next = AtomicU64::new(from);
    let failed = AtomicBool::new(false);
    let total = Mutex::new((Summary::default(), Vec::new()));
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from.saturating_add(seeds) {
                return;
            }
            let scenario = Scenario::hostile(seed);
            if arguments.wrong_clocks && scenario.faults.skew.is_none() {
                continue;
            }
            simulated.fetch_add(1, Ordering::Relaxed);
            let result = catch_unwind(AssertUnwindSafe(|| {
                World::with_store(scenario, store.kind()).run()
            }));
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(mut summary) => {
                    // The summary of all seeds does not print delays.
                    summary.delays.clear();
                    total.0 = std::mem::take(&mut total.0).and(summary);
                }
                Err(_) => {
                    failed.store(true, Ordering::Relaxed);
                    total.1.push(seed);
                }
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let (summary, failures) = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(seed) = failures.first() {
        return Err(format!(
            "a guarantee is violated; reproduce it with: cargo xtask simulate{} --seed {seed}",
            store.option()
        ));
    }
    let simulated = simulated.into_inner();
    print(&format!("{simulated} seeds: {}", describe(&summary)));
    Ok(())
}

fn compare(folder: &std::path::Path, seeds: u64) -> Result<(), String> {
    let rows = report::rows(seeds);
    report::verdict(&rows)?;
    for (name, text) in [
        ("COMPARE.md", report::page(&rows, seeds)),
        ("compare.svg", report::plot(&rows)),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    print(&report::table(&rows));
    Ok(())
}

fn describe(summary: &Summary) -> String {
    format!(
        "{} of {} orders accepted, {} of {} full payments settled, {} requests ({} rejected with error code 17), \
         {} kills, {} wake-ups: all guarantees hold",
        summary.orders - summary.refused,
        summary.orders,
        summary.settled,
        summary.paid,
        summary.requests,
        summary.over,
        summary.crashes,
        summary.wakeups,
    )
}

fn print(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
