//! Tasks that run cargo and its subcommands.

use anyhow::{Result, ensure};
use cargo_metadata::{MetadataCommand, Target};
use xshell::{Cmd, cmd};

use crate::runner::Runner;
use crate::tools::{self, NIGHTLY};
use crate::workspace::Workspace;
use crate::{image, layers};

/// The packages outside the workspace.
const OUTSIDE: [&str; 8] = [
    "fuzz",
    "xtask/no-std",
    "benches/peers",
    "benches/peers-http",
    "benches/peers-http/minimal-ours",
    "benches/peers-http/minimal-ours-lean",
    "benches/peers-http/minimal-khqr-api",
    "benches/foreign-khqr-api",
];

pub(crate) fn test(runner: &mut Runner, workspace: &Workspace, no_run: bool) -> Result<()> {
    tools::require(&[tools::cargo("fmt"), tools::cargo("clippy")])?;
    layers(runner, workspace)?;
    runner.step("fmt", |shell| {
        cmd!(shell, "cargo fmt --all --check").run()?;
        for package in OUTSIDE {
            cmd!(
                shell,
                "cargo fmt --check --manifest-path {package}/Cargo.toml"
            )
            .run()?;
        }
        Ok(())
    })?;
    runner.command("build with clippy", |shell| {
        with_clippy(cmd!(
            shell,
            "cargo test --workspace --all-features --all-targets --no-run"
        ))
    })?;
    if no_run {
        return Ok(());
    }
    runner.command("tests", |shell| {
        with_clippy(cmd!(shell, "cargo test --workspace --all-features"))
    })?;
    runner.command("tests of khqr-core without features", |shell| {
        with_clippy(cmd!(
            shell,
            "cargo test -p bakong-khqr-core --no-default-features"
        ))
    })
}

/// Compiles the crates of the workspace with clippy. Its compiler also generates code, so the tests need no second build of all
/// dependencies, which `cargo clippy` would make.
fn with_clippy(command: Cmd<'_>) -> Cmd<'_> {
    command
        .env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver")
        .env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__")
}

pub(crate) fn layers(runner: &mut Runner, workspace: &Workspace) -> Result<()> {
    runner.step("layers", |shell| layers::check(shell, &workspace.members()))
}

/// A Cortex-M4F: no operating system, no allocator.
const CHIP: &str = "thumbv7em-none-eabihf";

pub(crate) fn no_std(runner: &mut Runner, workspace: &Workspace) -> Result<()> {
    for target in [CHIP, "wasm32-unknown-unknown"] {
        for features in ["", "alloc", "serde", "alloc,serde"] {
            runner.command(&format!("{target} with features `{features}`"), |shell| {
                cmd!(shell, "cargo build -p bakong-khqr-core --no-default-features --features {features} --target {target}")
            })?;
        }
    }
    let folder = workspace.target();
    runner.command("link images", |shell| {
        cmd!(
            shell,
            "cargo build --release --manifest-path xtask/no-std/Cargo.toml --target {CHIP}"
        )
        .env("CARGO_TARGET_DIR", folder)
    })?;
    runner.step("image size", |shell| {
        let read = |name| shell.read_binary_file(folder.join(CHIP).join("release").join(name));
        let (code, empty) = (
            image::sizes(&read("code")?)?,
            image::sizes(&read("empty")?)?,
        );
        println!("an image that writes, reads and verifies a code and computes its MD5: {code}");
        println!("an empty image: {empty}");
        println!(
            "khqr-core: {} bytes of flash",
            code.flash.saturating_sub(empty.flash)
        );
        Ok(())
    })
}

pub(crate) fn fuzz(runner: &mut Runner, seconds: u32, targets: &[String]) -> Result<()> {
    let metadata = MetadataCommand::new()
        .manifest_path("fuzz/Cargo.toml")
        .no_deps()
        .exec()?;
    let binaries = metadata
        .packages
        .iter()
        .flat_map(|package| &package.targets)
        .filter(|target| Target::is_bin(target));
    let all: Vec<String> = binaries.map(|target| target.name.clone()).collect();
    let targets = if targets.is_empty() { &all } else { targets };
    for target in targets {
        ensure!(
            all.contains(target),
            "no fuzz target `{target}`; the targets are: {}",
            all.join(", ")
        );
    }
    tools::require(&[tools::toolchain(NIGHTLY), tools::cargo("fuzz")])?;
    let seconds = seconds.to_string();
    for target in targets {
        runner.step(&format!("fuzz {target}"), |shell| {
            let own = format!("fuzz/{target}.dict");
            let dictionary = if shell.path_exists(&own) {
                &own
            } else {
                "fuzz/khqr.dict"
            };
            // No sanitizer: without unsafe code it finds nothing and halves the speed. The longest input is twice the
            // length of the longest code that the builder writes.
            cmd!(
                shell,
                "rustup run {NIGHTLY} cargo fuzz run --sanitizer none {target} --"
            )
            .arg(format!("-max_total_time={seconds}"))
            .args(["-timeout=10", "-max_len=2000", "-print_final_stats=1"])
            .arg(format!("-dict={dictionary}"))
            .run()?;
            Ok(())
        })?;
    }
    Ok(())
}

/// Scans pictures of random codes. The build is optimized, because a picture takes some milliseconds.
pub(crate) fn scans(runner: &mut Runner, codes: u32) -> Result<()> {
    let codes = codes.to_string();
    runner.command(&format!("scans of {codes} codes"), |shell| {
        cmd!(
            shell,
            "cargo test -p khqr-card --all-features --test it scans"
        )
        .env("KHQR_SCANS", codes)
    })
}

pub(crate) fn simulate(runner: &mut Runner, args: &[String]) -> Result<()> {
    let mut args = args.to_vec();
    // `--report` without a folder writes to the folder of the crate.
    if let Some(at) = args.iter().position(|arg| arg == "--report")
        && args.get(at + 1).is_none_or(|next| next.starts_with("--"))
    {
        args.insert(at + 1, "crates/bakong-flow".to_owned());
    }
    runner.command("simulate", |shell| {
        cmd!(
            shell,
            "cargo run --release -p bakong-simulation -- {args...}"
        )
    })
}

/// Long runs of the tests that CI plays with few payments. They print what they saw, and fail without PostgreSQL.
pub(crate) fn chaos(runner: &mut Runner, payments: u32, seed: u32) -> Result<()> {
    runner.command("chaos", |shell| {
        cmd!(
            shell,
            "cargo test --release -p bakong-store --features postgres --test it -- --test-threads 1 --nocapture survive_chaos"
        )
        .env("BAKONG_REQUIRE_POSTGRES", "1")
        .env("BAKONG_CHAOS_PAYMENTS", payments.div_ceil(2).to_string())
        .env("BAKONG_CHAOS_SEED", seed.to_string())
    })
}

/// Long runs of the tests that CI plays with few kills. They print what they saw, and fail without PostgreSQL.
pub(crate) fn kills(runner: &mut Runner, kills: u32, seed: u32) -> Result<()> {
    runner.command("kills", |shell| {
        cmd!(
            shell,
            "cargo test -p bakong-cli --test it -- --test-threads 1 --nocapture commands_that_are_killed"
        )
        .env("BAKONG_REQUIRE_POSTGRES", "1")
        .env("BAKONG_KILLS", kills.to_string())
        .env("BAKONG_KILLS_SEED", seed.to_string())
    })
}

/// Fails if the tests of the published libraries run less than 95 % of the lines of one of them.
pub(crate) fn coverage(runner: &mut Runner, workspace: &Workspace) -> Result<()> {
    tools::require(&[tools::cargo("llvm-cov")])?;
    let mut libraries = workspace.members();
    // The facade has no code.
    libraries.retain(|member| member.published && member.library && member.name != "bakong");
    let packages = libraries.iter().flat_map(|library| ["-p", &library.name]);
    runner.command("tests with coverage", |shell| {
        cmd!(
            shell,
            "cargo llvm-cov --no-report --all-features --lib --tests"
        )
        .args(packages)
        .env("BAKONG_REQUIRE_POSTGRES", "1")
    })?;
    let mut low = Vec::new();
    for library in &libraries {
        let name = &library.name;
        let measured = runner.command(&format!("coverage of {name}"), |shell| {
            cmd!(
                shell,
                "cargo llvm-cov report -p {name} --fail-under-lines 95"
            )
        });
        if measured.is_err() {
            low.push(name.as_str());
        }
    }
    ensure!(
        low.is_empty(),
        "the tests run less than 95 % of the lines of: {}; list the lines with \
         `cargo llvm-cov report --show-missing-lines -p CRATE`",
        low.join(", ")
    );
    Ok(())
}

pub(crate) fn mutants(runner: &mut Runner, args: &[String]) -> Result<()> {
    tools::require(&[tools::cargo("mutants")])?;
    let (package, args) = match args.split_first() {
        Some((package, args)) if !package.starts_with('-') => (package.as_str(), args),
        _ => ("bakong-khqr-core", args),
    };
    // Runs fewer proptest cases, because all tests run once for each mutant.
    runner.command("mutants", |shell| {
        cmd!(shell, "cargo mutants -p {package} {args...}").env("PROPTEST_CASES", "64")
    })
}

pub(crate) fn miri(runner: &mut Runner, workspace: &Workspace) -> Result<()> {
    tools::require(&[tools::miri()])?;
    let target = workspace.target().join("miri");
    runner.command("miri", |shell| {
        cmd!(
            shell,
            "rustup run {NIGHTLY} cargo miri test -p bakong-khqr-core --all-features --lib --tests"
        )
        .args(["--target-dir", target.as_str()])
        // Miri is about 10,000 times slower than compiled code.
        .env("PROPTEST_CASES", "2")
        // Miri's isolation would keep proptest from reading entropy and from writing its file of failures.
        .env("MIRIFLAGS", "-Zmiri-disable-isolation")
    })
}

pub(crate) fn bench(runner: &mut Runner, filter: Option<&str>) -> Result<()> {
    runner.command("bench", |shell| {
        cmd!(
            shell,
            "cargo bench -p bakong-benches --bench khqr --bench flow --bench card -- {filter...}"
        )
    })
}

/// Counts instructions with gungraun, which compares the counts with those of the previous run.
pub(crate) fn instructions(runner: &mut Runner) -> Result<()> {
    tools::require(&tools::valgrind())?;
    runner.command("instructions", |shell| {
        cmd!(
            shell,
            "cargo bench -p bakong-benches --bench instructions -- --callgrind-metrics=ir"
        )
    })
}

/// Skips the advisories of cargo-deny: their database is not a package of any registry.
pub(crate) fn deny(runner: &mut Runner) -> Result<()> {
    tools::require(&[tools::cargo("deny")])?;
    runner.command("deny", |shell| {
        cmd!(
            shell,
            "cargo deny --all-features --offline check licenses bans sources"
        )
    })
}
