//! Steps in their order: what they need is looked for before the first one runs, the first failure
//! ends the run, and the end is a summary that says what ran, how long it took, and what never ran.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::tools::Tool;

type Action = Box<dyn FnOnce() -> Result<(), Failure>>;

/// One step of a chore.
pub(crate) struct Step {
    name: String,
    rerun: String,
    needs: Vec<Tool>,
    action: Action,
}

impl Step {
    /// A step that is one command.
    pub(crate) fn command(name: impl Into<String>, invocation: Invocation) -> Self {
        let rerun = invocation.to_string();
        Self::function(name, rerun, move || invocation.run())
    }

    /// A step that this program does by itself; `rerun` is the command that does it alone.
    pub(crate) fn function(
        name: impl Into<String>,
        rerun: impl Into<String>,
        action: impl FnOnce() -> Result<(), Failure> + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            rerun: rerun.into(),
            needs: Vec::new(),
            action: Box::new(action),
        }
    }

    /// The same, which cannot run without `tool`.
    pub(crate) fn needing(mut self, tool: Tool) -> Self {
        self.needs.push(tool);
        self
    }
}

/// Runs the steps until one fails.
pub(crate) fn run(steps: Vec<Step>) -> Result<(), Failure> {
    run_with(steps, Tool::is_there)
}

fn run_with(steps: Vec<Step>, is_there: impl Fn(&Tool) -> bool) -> Result<(), Failure> {
    // First of all, so that nobody waits ten minutes to learn what to install.
    missing_tools(&steps, is_there)?;
    let mut report = Report::default();
    let mut steps = steps.into_iter();
    let mut outcome = Ok(());
    for step in steps.by_ref() {
        println!("\n== {}", step.name);
        let start = Instant::now();
        let ended = (step.action)();
        report.push(&step.name, start.elapsed(), ended.is_ok());
        if let Err(failure) = ended {
            outcome = Err(Failure::new(format!(
                "{failure}\nStep `{}` failed; to run only that step again: {}",
                step.name, step.rerun
            )));
            break;
        }
    }
    steps.for_each(|step| report.push_unrun(&step.name));
    println!("\n{}", report.0);
    outcome
}

fn missing_tools(steps: &[Step], is_there: impl Fn(&Tool) -> bool) -> Result<(), Failure> {
    let mut asked: Vec<&Tool> = Vec::new();
    let mut missing = String::new();
    for step in steps {
        for tool in &step.needs {
            if asked.contains(&tool) {
                continue;
            }
            asked.push(tool);
            if !is_there(tool) {
                let _ = write!(
                    missing,
                    "\n  step `{}` needs {tool}; install it with: {}",
                    step.name,
                    tool.remedy()
                );
            }
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!(
            "nothing was run, as a tool is missing:{missing}"
        )))
    }
}

#[derive(Default)]
struct Report(String);

impl Report {
    fn push(&mut self, name: &str, took: Duration, passed: bool) {
        let verdict = if passed { "ok" } else { "FAILED" };
        let took = format!("{took:.1?}");
        let _ = writeln!(self.0, "{verdict:>8} {took:>8}  {name}");
    }

    fn push_unrun(&mut self, name: &str) {
        let _ = writeln!(self.0, "{:>8} {:>8}  {name}", "not run", "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    #[test]
    fn the_first_failure_ends_the_run_and_says_how_to_run_it_again() {
        let ran = Rc::new(RefCell::new(Vec::new()));
        let step = |name: &'static str, ends: Result<(), Failure>| {
            let ran = Rc::clone(&ran);
            Step::function(name, format!("cargo xtask {name}"), move || {
                ran.borrow_mut().push(name);
                ends
            })
        };
        let steps = vec![
            step("one", Ok(())),
            step("two", Err(Failure::new("no good"))),
            step("three", Ok(())),
        ];
        let failure = run_with(steps, |_| true)
            .expect_err("step two fails")
            .to_string();
        assert_eq!(*ran.borrow(), ["one", "two"]);
        assert_eq!(
            failure,
            "no good\nStep `two` failed; to run only that step again: cargo xtask two"
        );
    }

    #[test]
    fn a_missing_tool_fails_before_anything_runs_and_names_every_remedy() {
        let steps = vec![
            Step::function("first", "", || Err(Failure::new("ran"))),
            Step::function("fmt", "", || Ok(())).needing(Tool::Rustfmt),
            Step::function("fmt again", "", || Ok(())).needing(Tool::Rustfmt),
            Step::function("clippy", "", || Ok(())).needing(Tool::Clippy),
        ];
        let failure = run_with(steps, |_| false)
            .expect_err("tools are missing")
            .to_string();
        assert_eq!(
            failure.matches("rustup component add rustfmt").count(),
            1,
            "{failure}"
        );
        assert!(
            failure.contains(
                "step `clippy` needs clippy; install it with: rustup component add clippy"
            )
        );
    }
}
