//! The sandbox's page in a real browser: Chromium without a window, driven by Node over Chrome's own
//! protocol. No package of npm is needed for that: the browser speaks it on two pipes.

use crate::invocation::Invocation;
use crate::plan::Step;
use crate::running::{Bakong, Folder, Sandbox};
use crate::tools::{self, Tool};
use crate::workspace::Workspace;

const FILES: [(&str, &str); 2] = [
    ("drive.js", include_str!("page/drive.js")),
    ("devtools.js", include_str!("page/devtools.js")),
];

/// The chore's one step.
pub(crate) fn step(workspace: &Workspace) -> Step {
    let bakong = Bakong::of(workspace);
    Step::function("page", "cargo xtask page", move || {
        bakong.build()?;
        let sandbox = Sandbox::start(&bakong, &["--quota", "off"])?;
        let folder = Folder::with("bakong-page", &FILES)?;
        let profile = folder.path().join("profile");
        Invocation::node(folder.path(), &["drive.js", &sandbox.base_url])
            .with_env("SANDBOX_TOKEN", &sandbox.token)
            .with_env("CHROMIUM", tools::chromium().unwrap_or_default())
            .with_env("CHROMIUM_PROFILE", profile.to_string_lossy())
            .run()
    })
    .needing(Tool::Node)
    .needing(Tool::Chromium)
}
