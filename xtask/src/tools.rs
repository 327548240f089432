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
    Node,
    Npm,
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
            // The harness uses what came with 20.
            Self::Node => says("node", |version| major(version) >= 20),
            Self::Npm => says("npm", |_| true),
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
            Self::Node => f.write_str("Node.js 20 or later"),
            Self::Npm => f.write_str("npm"),
        }
    }
}

// What is there on the path answers `--version`, and with one that will do.
fn says(program: &str, will_do: impl Fn(&str) -> bool) -> bool {
    let asked = Command::new(program).arg("--version").output();
    asked.is_ok_and(|output| {
        output.status.success() && will_do(&String::from_utf8_lossy(&output.stdout))
    })
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
