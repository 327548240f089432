//! Runs the browser tests of the sandbox's page, `crates/bakong-sandbox/tests/page`, with Node and Chromium.

use crate::invocation::Invocation;
use crate::plan::Step;
use crate::running::Bakong;
use crate::tools::{self, Tool};
use crate::workspace::Workspace;

/// The single step of `cargo xtask page`.
pub(crate) fn step(workspace: &Workspace) -> Step {
    let bakong = Bakong::of(workspace);
    let directory = workspace.root().join("crates/bakong-sandbox/tests/page");
    Step::function("page", "cargo xtask page", move || {
        bakong.build()?;
        Invocation::node(&directory, &["run.js"])
            .with_env("BAKONG", bakong.program().to_string_lossy())
            .with_env("CHROMIUM", tools::chromium().unwrap_or_default())
            .run()
    })
    .needing(Tool::Node)
    .needing(Tool::Chromium)
}
