//! A `bakong sandbox` that runs during a step.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::Value as Json;
use xshell::{Shell, cmd};

use crate::workspace::Workspace;

/// Builds the command and returns its path.
pub(crate) fn build_bakong(shell: &Shell, workspace: &Workspace) -> Result<String> {
    cmd!(shell, "cargo build -p bakong-cli --bin bakong").run()?;
    let name = format!("bakong{}", std::env::consts::EXE_SUFFIX);
    Ok(workspace.target().join("debug").join(name).into_string())
}

/// A running sandbox. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Sandbox {
    child: Child,
    pub(crate) base_url: String,
    pub(crate) token: String,
}

impl Sandbox {
    /// Starts a sandbox without a quota on a free port.
    pub(crate) fn start(bakong: &str) -> Result<Self> {
        let mut child = Command::new(bakong)
            .args([
                "sandbox",
                "--json",
                "--listen",
                "127.0.0.1:0",
                "--quota",
                "off",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {bakong} sandbox"))?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let mut sandbox = Self {
            child,
            base_url: String::new(),
            token: String::new(),
        };
        let started: Json = serde_json::from_str(&line).context("the sandbox printed no JSON")?;
        let field = |name: &str| -> Result<String> {
            let text = started[name]
                .as_str()
                .with_context(|| format!("the sandbox printed no {name}"))?;
            Ok(text.to_owned())
        };
        sandbox.base_url = field("baseUrl")?;
        sandbox.token = field("token")?;
        Ok(sandbox)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
