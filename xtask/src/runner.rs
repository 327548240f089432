//! Runs the steps of a task and reports how long each took.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use xshell::{Cmd, Shell};

/// A shell in the root of the workspace, and the steps that it ran.
pub(crate) struct Runner {
    shell: Shell,
    steps: Vec<Step>,
}

struct Step {
    name: String,
    duration: Duration,
    passed: bool,
}

impl Runner {
    pub(crate) fn new() -> Result<Self> {
        let shell = Shell::new()?;
        shell.change_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        Ok(Self {
            shell,
            steps: Vec::new(),
        })
    }

    /// Runs a step and records its duration.
    pub(crate) fn step(
        &mut self,
        name: &str,
        action: impl FnOnce(&Shell) -> Result<()>,
    ) -> Result<()> {
        println!("\n== {name}");
        let start = Instant::now();
        let result = action(&self.shell).with_context(|| format!("step `{name}` failed"));
        self.steps.push(Step {
            name: name.to_owned(),
            duration: start.elapsed(),
            passed: result.is_ok(),
        });
        result
    }

    /// Runs one command as a step.
    pub(crate) fn command(
        &mut self,
        name: &str,
        command: impl FnOnce(&Shell) -> Cmd<'_>,
    ) -> Result<()> {
        self.step(name, |shell| Ok(command(shell).run()?))
    }
}

impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| {
            let status = if step.passed { "ok" } else { "FAILED" };
            let duration = format!("{:.1?}", step.duration);
            writeln!(f, "{status:>8} {duration:>8}  {}", step.name)
        })
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_failed_step_is_named_in_the_error_and_in_the_report() {
        let mut runner = Runner::new().unwrap();
        runner.step("one", |_| Ok(())).unwrap();
        let error = runner.step("two", |_| bail!("no network")).unwrap_err();
        assert_eq!(format!("{error:#}"), "step `two` failed: no network");
        let report = runner.to_string();
        assert!(
            report.contains("ok") && report.contains("FAILED"),
            "{report}"
        );
    }
}
