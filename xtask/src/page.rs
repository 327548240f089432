//! The sandbox's page in a real browser: Chromium without a window, driven by Node over Chrome's own
//! protocol. No package of npm is needed for that: the browser speaks it on two pipes.

use crate::invocation::Invocation;
use crate::plan::Step;
use crate::running::{Bakong, Folder, Sandbox};
use crate::tools::{self, Tool};
use crate::workspace::Workspace;

const STATE_FILE: &str = "kept/state.json";

const FILES: [(&str, &str); 18] = [
    ("drive.js", include_str!("page/drive.js")),
    ("devtools.js", include_str!("page/devtools.js")),
    ("gate.js", include_str!("page/gate.js")),
    ("hands.js", include_str!("page/hands.js")),
    ("shop.js", include_str!("page/shop.js")),
    ("steps/first.js", include_str!("page/steps/first.js")),
    ("steps/phone.js", include_str!("page/steps/phone.js")),
    ("steps/scanning.js", include_str!("page/steps/scanning.js")),
    ("steps/codes.js", include_str!("page/steps/codes.js")),
    ("steps/tokens.js", include_str!("page/steps/tokens.js")),
    ("steps/clock.js", include_str!("page/steps/clock.js")),
    ("steps/quota.js", include_str!("page/steps/quota.js")),
    ("steps/faults.js", include_str!("page/steps/faults.js")),
    ("steps/requests.js", include_str!("page/steps/requests.js")),
    ("steps/stream.js", include_str!("page/steps/stream.js")),
    ("steps/looks.js", include_str!("page/steps/looks.js")),
    ("steps/reset.js", include_str!("page/steps/reset.js")),
    // The other sandbox's state file, empty, in a folder that can be taken away.
    (STATE_FILE, ""),
];

/// The chore's one step.
pub(crate) fn step(workspace: &Workspace) -> Step {
    let bakong = Bakong::of(workspace);
    Step::function("page", "cargo xtask page", move || {
        bakong.build()?;
        let sandbox = Sandbox::start(&bakong, &["--quota", "off"])?;
        let folder = Folder::with("bakong-page", &FILES)?;
        // What the page finds where the first was, as if that had been started anew, after it was killed in the midst
        // of a line of its state file.
        let state = folder.path().join(STATE_FILE);
        let more = ["--quota", "off", "--state", &state.to_string_lossy()];
        drop(Sandbox::start(&bakong, &more)?);
        folder.append(STATE_FILE, "[{")?;
        let other = Sandbox::start(&bakong, &more)?;
        let profile = folder.path().join("profile");
        Invocation::node(
            folder.path(),
            &["drive.js", &sandbox.base_url, &other.base_url],
        )
        .with_env("SANDBOX_TOKEN", &sandbox.token)
        .with_env("CHROMIUM", tools::chromium().unwrap_or_default())
        .with_env("CHROMIUM_PROFILE", profile.to_string_lossy())
        .run()
    })
    .needing(Tool::Node)
    .needing(Tool::Chromium)
}
