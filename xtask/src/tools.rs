//! What a step needs that not every Rust installation has, how to see whether it is there, and how
//! to get it.

use std::fmt;
use std::path::Path;
use std::process::Command;

use crate::invocation::Invocation;

/// Something to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tool {
    Rustfmt,
    Clippy,
    /// The standard library, or `core` alone, of another target.
    Target(&'static str),
    /// A toolchain of rustup by its name.
    Toolchain(String),
    CargoFuzz,
    CargoDeny,
    CargoMutants,
    /// Miri, and what it builds the standard library from, of this toolchain.
    Miri(&'static str),
    Valgrind,
    /// The program of this version that runs the benches of the library gungraun.
    GungraunRunner(String),
    Node,
    Npm,
    /// Chromium, or Chrome, by any of its names.
    Chromium,
    /// Python with what makes environments of its own.
    Python,
}

impl Tool {
    /// Asks the tool itself: rustup puts stand-ins on the path even for what is not installed.
    pub(crate) fn is_there(&self) -> bool {
        let here = Path::new(".");
        let cargo_has = |command: &str| {
            Invocation::cargo(here, &[command, "--version"])
                .output()
                .is_ok()
        };
        match self {
            Self::Rustfmt => cargo_has("fmt"),
            Self::Clippy => cargo_has("clippy"),
            Self::Target(target) => target_is_there(target),
            Self::Toolchain(name) => Invocation::cargo_of(name, here, &["--version"])
                .output()
                .is_ok(),
            Self::CargoFuzz => cargo_has("fuzz"),
            Self::CargoDeny => cargo_has("deny"),
            Self::CargoMutants => cargo_has("mutants"),
            Self::Miri(name) => {
                Invocation::cargo_of(name, here, &["miri", "--version"])
                    .output()
                    .is_ok()
                    && has_source(name)
            }
            Self::Valgrind => version_of("valgrind").is_some(),
            Self::GungraunRunner(version) => version_of("gungraun-runner")
                .is_some_and(|said| said.split_whitespace().last() == Some(version)),
            // The harness uses what came with 20.
            Self::Node => version_of("node").is_some_and(|version| major(&version) >= 20),
            Self::Npm => version_of("npm").is_some(),
            Self::Chromium => chromium().is_some(),
            Self::Python => Command::new("python3")
                .args(["-c", "import venv, ensurepip"])
                .output()
                .is_ok_and(|output| output.status.success()),
        }
    }

    /// The command that installs it.
    pub(crate) fn remedy(&self) -> String {
        match self {
            Self::Rustfmt => "rustup component add rustfmt".to_owned(),
            Self::Clippy => "rustup component add clippy".to_owned(),
            Self::Target(target) => format!("rustup target add {target}"),
            Self::Toolchain(name) => format!("rustup toolchain install {name} --profile minimal"),
            Self::CargoFuzz => "cargo install --locked cargo-fuzz".to_owned(),
            Self::CargoDeny => "cargo install --locked cargo-deny".to_owned(),
            Self::CargoMutants => "cargo install --locked cargo-mutants".to_owned(),
            Self::Miri(name) => format!("rustup component add miri rust-src --toolchain {name}"),
            Self::Valgrind => "sudo apt-get install valgrind".to_owned(),
            Self::GungraunRunner(version) => {
                format!("cargo install --locked gungraun-runner@{version}")
            }
            Self::Chromium => "sudo apt-get install chromium".to_owned(),
            Self::Python => "sudo apt-get install python3 python3-venv".to_owned(),
            Self::Node | Self::Npm => {
                "your system's package of Node.js, or https://nodejs.org/en/download".to_owned()
            }
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rustfmt => f.write_str("rustfmt"),
            Self::Clippy => f.write_str("clippy"),
            Self::Target(target) => write!(f, "the target {target}"),
            Self::Toolchain(name) => write!(f, "rustup with the toolchain {name}"),
            Self::CargoFuzz => f.write_str("cargo-fuzz"),
            Self::CargoDeny => f.write_str("cargo-deny"),
            Self::CargoMutants => f.write_str("cargo-mutants"),
            Self::Miri(name) => write!(f, "Miri of the toolchain {name}"),
            Self::Valgrind => f.write_str("valgrind"),
            Self::GungraunRunner(version) => write!(f, "gungraun-runner {version}"),
            Self::Node => f.write_str("Node.js 20 or later"),
            Self::Npm => f.write_str("npm"),
            Self::Chromium => f.write_str("Chromium"),
            Self::Python => f.write_str("Python 3 with venv"),
        }
    }
}

/// The name under which Chromium, or Chrome, can be started.
pub(crate) fn chromium() -> Option<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names.into_iter().find(|name| version_of(name).is_some())
}

// Without the source, Miri would ask on the terminal whether to fetch it.
fn has_source(toolchain: &str) -> bool {
    let asked = Command::new("rustup")
        .args(["run", toolchain, "rustc", "--print", "sysroot"])
        .output();
    asked.is_ok_and(|output| {
        let sysroot = String::from_utf8_lossy(&output.stdout);
        let library = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
        output.status.success() && library.is_dir()
    })
}

fn version_of(program: &str) -> Option<String> {
    let asked = Command::new(program).arg("--version").output().ok()?;
    asked
        .status
        .success()
        .then(|| String::from_utf8_lossy(&asked.stdout).into_owned())
}

// Of a version such as `v20.11.1`.
fn major(version: &str) -> u32 {
    let digits = version.trim().trim_start_matches('v').split('.').next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

// rustc is asked and not rustup, since a distribution's Rust has targets and no rustup.
fn target_is_there(target: &str) -> bool {
    let asked = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .output();
    asked.is_ok_and(|output| {
        let directory = String::from_utf8_lossy(&output.stdout);
        output.status.success() && Path::new(directory.trim()).is_dir()
    })
}
