//! Our HTTP client beside a bare hyper and beside the crate khqr-api: processor time, throughput and
//! memory, as `benches/peers-http` measures them, and what each costs to compile.
//!
//! A goal that is missed is told and is no failure: on a busy machine times say little by themselves.

mod builds;
mod figures;
mod table;

use std::path::Path;

use crate::invocation::Invocation;
use crate::plan::Step;
use crate::tools::Tool;
use crate::workspace::Workspace;
use builds::Minimal;
use figures::Figures;

/// The project, which lies outside the workspace.
const PROJECT: &str = "benches/peers-http";

/// Downloads and lints, then the runs and the builds, then the table. The lints are not part of `test`: what
/// the peer is built on takes minutes to compile.
pub(crate) fn steps(workspace: &Workspace) -> Vec<Step> {
    let root = workspace.root().to_owned();
    let target = workspace.target_directory().to_owned();
    let manifests = [PROJECT.to_owned()]
        .into_iter()
        .chain(Minimal::ALL.iter().map(|program| program.project()));
    let mut steps: Vec<Step> = manifests
        .map(|project| {
            let manifest = format!("{project}/Cargo.toml");
            let fetch = Invocation::cargo(&root, &["fetch", "--manifest-path", &manifest]);
            Step::command(format!("fetch for {project}"), fetch)
        })
        .collect();
    let clippy = cargo(&root, &target, "clippy").also(&["--", "-D", "warnings"]);
    steps.push(Step::command("clippy", clippy).needing(Tool::Clippy));
    let build = cargo(&root, &target, "build").also(&["--release"]);
    steps.push(Step::command("build", build));
    let again = "cargo xtask bench-http";
    steps.push(Step::function("comparison", again, move || {
        println!("the rounds, some three minutes:");
        let run = cargo(&root, &target, "run").also(&["--release", "--quiet"]);
        let figures = Figures::parse(&run.output()?)?;
        println!("{}", table::rounds(&figures)?);
        let builds = builds::measure(&root, &target)?;
        println!("{}", table::goals(&figures, &builds)?);
        Ok(())
    }));
    steps
}

fn cargo(root: &Path, target: &Path, command: &str) -> Invocation {
    let manifest = format!("{PROJECT}/Cargo.toml");
    Invocation::cargo(root, &[command, "--manifest-path", &manifest])
        .with_env("CARGO_TARGET_DIR", target.to_string_lossy())
}
