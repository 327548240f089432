//! A `bakong sandbox` that runs during a step.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::Value as Json;
use xshell::{Shell, cmd};

use crate::workspace::Workspace;

/// Names a command that is built already, and so does the folder `examples` next to it. CI sets it: the tests of the
/// workspace have built all programs, and a build of one package has other features and takes minutes.
const BUILT: &str = "XTASK_BAKONG";

/// Returns the command that the variable `XTASK_BAKONG` names, if it is set.
pub(crate) fn built_bakong() -> Option<String> {
    std::env::var(BUILT).ok().filter(|path| !path.is_empty())
}

/// Builds the command, unless [`built_bakong`] has it, and returns its path.
pub(crate) fn build_bakong(shell: &Shell, workspace: &Workspace) -> Result<String> {
    if let Some(path) = built_bakong() {
        return Ok(path);
    }
    cmd!(shell, "cargo build -p bakong-cli --bin bakong").run()?;
    let name = format!("bakong{}", std::env::consts::EXE_SUFFIX);
    Ok(workspace.target().join("debug").join(name).into_string())
}

/// A running sandbox without a quota. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Sandbox {
    child: Child,
    started: Json,
}

impl Sandbox {
    pub(crate) fn start(bakong: &str) -> Result<Self> {
        let child = Command::new(bakong)
            .args("sandbox --json --listen 127.0.0.1:0 --quota off".split(' '))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {bakong} sandbox"))?;
        let started = Json::Null;
        let mut sandbox = Self { child, started };
        let output = sandbox
            .child
            .stdout
            .take()
            .context("the sandbox has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        sandbox.started = serde_json::from_str(&line).context("the sandbox printed no JSON")?;
        Ok(sandbox)
    }

    /// Returns a field of the line that the sandbox printed at its start.
    pub(crate) fn field(&self, name: &str) -> Result<&str> {
        let text = self.started[name].as_str();
        text.with_context(|| format!("the sandbox printed no {name}"))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
