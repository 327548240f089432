//! Tools that not every Rust installation has: how to detect and install them.

use std::process::Command;

use anyhow::{Result, ensure};

/// The toolchain for sanitizers, coverage and Miri, which need unstable flags.
pub(crate) const NIGHTLY: &str = "nightly-2026-05-20";

/// A tool. The probe is a command that succeeds only if the tool is installed.
#[derive(Debug, Clone)]
pub(crate) struct Tool {
    name: String,
    probe: String,
    /// A text that the output of the probe must contain.
    expected: Option<String>,
    install: String,
}

fn tool(name: &str, probe: &str, install: &str) -> Tool {
    let [name, probe, install] = [name, probe, install].map(str::to_owned);
    Tool {
        name,
        probe,
        expected: None,
        install,
    }
}

/// A component or subcommand of cargo.
pub(crate) fn cargo(command: &str) -> Tool {
    let install = match command {
        "fmt" => "rustup component add rustfmt".to_owned(),
        "clippy" => "rustup component add clippy".to_owned(),
        _ => format!("cargo install --locked cargo-{command}"),
    };
    let name = format!("cargo {command}");
    tool(&name, &format!("{name} --version"), &install)
}

/// The target for static binaries, and a C compiler for it.
pub(crate) fn musl(target: &str) -> [Tool; 2] {
    let mut installed = tool(
        &format!("the target {target}"),
        "rustup target list --installed",
        &format!("rustup target add {target}"),
    );
    installed.expected = Some(target.to_owned());
    [
        installed,
        tool(
            "musl-gcc",
            "musl-gcc --version",
            "sudo apt-get install musl-tools",
        ),
    ]
}

/// Builds container images, also without permission to start containers.
pub(crate) fn buildah() -> Tool {
    tool(
        "buildah",
        "buildah --version",
        "sudo apt-get install buildah",
    )
}

/// A toolchain of rustup.
pub(crate) fn toolchain(name: &str) -> Tool {
    tool(
        &format!("the Rust toolchain {name}"),
        &format!("rustup run {name} cargo --version"),
        &format!("rustup toolchain install {name} --profile minimal"),
    )
}

pub(crate) fn miri() -> Tool {
    tool(
        "Miri",
        &format!("rustup run {NIGHTLY} cargo miri --version"),
        &format!("rustup component add miri rust-src --toolchain {NIGHTLY}"),
    )
}

pub(crate) fn valgrind() -> Vec<Tool> {
    let runner = "cargo install --locked gungraun-runner@VERSION, with the version in Cargo.toml";
    vec![
        tool(
            "valgrind",
            "valgrind --version",
            "sudo apt-get install valgrind",
        ),
        tool("gungraun-runner", "gungraun-runner --version", runner),
    ]
}

pub(crate) fn node() -> Vec<Tool> {
    let version_check = "process.exit(+(parseInt(process.versions.node)<20))";
    let install = "the package of your system, or https://nodejs.org/en/download";
    vec![
        tool(
            "Node.js 20 or later",
            &format!("node --eval {version_check}"),
            install,
        ),
        tool("npm", "npm --version", install),
    ]
}

pub(crate) fn python() -> Tool {
    let install = "sudo apt-get install python3 python3-venv";
    tool(
        "Python 3 with venv",
        "python3 -m ensurepip --version",
        install,
    )
}

pub(crate) fn php() -> Tool {
    let install = "sudo apt-get install php-cli php-curl";
    tool("PHP with curl", "php --ri curl", install)
}

fn chromium(program: &str) -> Tool {
    let install = "sudo apt-get install chromium";
    tool("Chromium", &format!("{program} --version"), install)
}

/// Returns the name of the installed program, or fails if there is none.
pub(crate) fn require_chromium() -> Result<&'static str> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let installed = names.into_iter().find(|name| chromium(name).is_installed());
    let chromium_name = installed.unwrap_or("chromium");
    require(&[chromium(chromium_name)])?;
    Ok(chromium_name)
}

/// The program that processes the output of the crate wasm-bindgen, in exactly the version of that crate.
pub(crate) fn wasm_bindgen(version: &str) -> Tool {
    Tool {
        expected: Some(version.to_owned()),
        ..tool(
            &format!("wasm-bindgen {version}"),
            "wasm-bindgen --version",
            &format!("cargo install --locked wasm-bindgen-cli --version {version}"),
        )
    }
}

impl Tool {
    pub(crate) fn is_installed(&self) -> bool {
        let mut words = self.probe.split(' ');
        let output = words
            .next()
            .map(|program| Command::new(program).args(words).output());
        output.is_some_and(|output| {
            output.is_ok_and(|output| {
                let text = String::from_utf8_lossy(&output.stdout);
                let is_expected = self
                    .expected
                    .as_deref()
                    .is_none_or(|part| text.contains(part));
                output.status.success() && is_expected
            })
        })
    }
}

/// Fails before the first step if a tool is missing.
pub(crate) fn require(tools: &[Tool]) -> Result<()> {
    let missing = tools.iter().filter(|tool| !tool.is_installed());
    let missing: String = missing
        .map(|tool| format!("\n  {}; install it with: {}", tool.name, tool.install))
        .collect();
    ensure!(missing.is_empty(), "missing tools:{missing}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_reported_with_its_install_command() {
        let error = require(&[cargo("no-such-command")])
            .unwrap_err()
            .to_string();
        let install =
            "cargo no-such-command; install it with: cargo install --locked cargo-no-such-command";
        assert!(error.contains(install), "{error}");
        assert!(require(&[]).is_ok());
    }
}
