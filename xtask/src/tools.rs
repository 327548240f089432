//! Tools that not every Rust installation has: how to detect and install them.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Result, bail};

/// The toolchain for sanitizers, coverage and Miri, which need unstable flags.
pub(crate) const NIGHTLY: &str = "nightly";

/// A tool. The probe is a command that succeeds only if the tool is installed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool<'a> {
    name: &'a str,
    probe: &'a [&'a str],
    install: &'a str,
}

pub(crate) const RUSTFMT: Tool<'static> = Tool {
    name: "rustfmt",
    probe: &["cargo", "fmt", "--version"],
    install: "rustup component add rustfmt",
};
pub(crate) const CLIPPY: Tool<'static> = Tool {
    name: "clippy",
    probe: &["cargo", "clippy", "--version"],
    install: "rustup component add clippy",
};
pub(crate) const CARGO_FUZZ: Tool<'static> = Tool {
    name: "cargo-fuzz",
    probe: &["cargo", "fuzz", "--version"],
    install: "cargo install --locked cargo-fuzz",
};
pub(crate) const CARGO_DENY: Tool<'static> = Tool {
    name: "cargo-deny",
    probe: &["cargo", "deny", "--version"],
    install: "cargo install --locked cargo-deny",
};
pub(crate) const CARGO_MUTANTS: Tool<'static> = Tool {
    name: "cargo-mutants",
    probe: &["cargo", "mutants", "--version"],
    install: "cargo install --locked cargo-mutants",
};
pub(crate) const MIRI: Tool<'static> = Tool {
    name: "Miri",
    probe: &["rustup", "run", NIGHTLY, "cargo", "miri", "--version"],
    install: "rustup component add miri rust-src --toolchain nightly",
};
pub(crate) const VALGRIND: Tool<'static> = Tool {
    name: "valgrind",
    probe: &["valgrind", "--version"],
    install: "sudo apt-get install valgrind",
};
pub(crate) const GUNGRAUN_RUNNER: Tool<'static> = Tool {
    name: "gungraun-runner",
    probe: &["gungraun-runner", "--version"],
    install: "cargo install --locked gungraun-runner@VERSION, with the version in Cargo.toml",
};
pub(crate) const NODE: Tool<'static> = Tool {
    name: "Node.js 20 or later",
    probe: &[
        "node",
        "--eval",
        "process.exit(parseInt(process.versions.node) < 20)",
    ],
    install: "the package of your system, or https://nodejs.org/en/download",
};
pub(crate) const NPM: Tool<'static> = Tool {
    name: "npm",
    probe: &["npm", "--version"],
    install: "the package of your system, or https://nodejs.org/en/download",
};
pub(crate) const PYTHON: Tool<'static> = Tool {
    name: "Python 3 with venv",
    probe: &["python3", "-c", "import venv, ensurepip"],
    install: "sudo apt-get install python3 python3-venv",
};

/// Fails before the first step if a tool is missing.
pub(crate) fn require(tools: &[Tool<'_>]) -> Result<()> {
    let mut missing = String::new();
    for tool in tools.iter().filter(|tool| !succeeds(tool.probe)) {
        let _ = write!(
            missing,
            "\n  {}; install it with: {}",
            tool.name, tool.install
        );
    }
    if missing.is_empty() {
        Ok(())
    } else {
        bail!("missing tools:{missing}");
    }
}

/// Fails if rustup lacks a toolchain.
pub(crate) fn require_toolchain(name: &str) -> Result<()> {
    require(&[Tool {
        name: &format!("the Rust toolchain {name}"),
        probe: &["rustup", "run", name, "cargo", "--version"],
        install: &format!("rustup toolchain install {name} --profile minimal"),
    }])
}

/// Returns the name of the program that starts Chromium or Chrome.
pub(crate) fn chromium() -> Result<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    match names
        .into_iter()
        .find(|name| succeeds(&[name, "--version"]))
    {
        Some(name) => Ok(name),
        None => bail!("missing tools:\n  Chromium; install it with: sudo apt-get install chromium"),
    }
}

fn succeeds(command: &[&str]) -> bool {
    let [program, args @ ..] = command else {
        return false;
    };
    let output = Command::new(program).args(args).output();
    output.is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_reported_with_its_install_command() {
        let missing = Tool {
            name: "no-such-tool",
            probe: &["no-such-tool-at-all"],
            install: "apt-get install no-such-tool",
        };
        let error = require(&[missing]).unwrap_err().to_string();
        assert!(
            error.contains("no-such-tool; install it with: apt-get"),
            "{error}"
        );
        assert!(require(&[]).is_ok());
    }
}
