//! Clients that nobody here wrote ask the sandbox: if they read its answers, others will.
//!
//! Where one misreads a right answer, its script says so and fails once that changes; the crate's page has
//! the list.

use std::path::Path;

use serde_json::Value as Json;

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::plan::Step;
use crate::running::{Bakong, Folder, Sandbox};
use crate::tools::Tool;
use crate::workspace::Workspace;

/// What is put into a folder of its own, where npm and pip install beside it.
const FILES: [(&str, &str); 5] = [
    ("package.json", include_str!("foreign/package.json")),
    (
        "package-lock.json",
        include_str!("foreign/package-lock.json"),
    ),
    ("sdk.js", include_str!("foreign/sdk.js")),
    ("requirements.txt", include_str!("foreign/requirements.txt")),
    ("check.py", include_str!("foreign/check.py")),
];

/// The project that asks by khqr-api, which lies outside the workspace.
const PROJECT: &str = "benches/foreign-khqr-api/Cargo.toml";

/// The chore's one step.
pub(crate) fn step(workspace: &Workspace) -> Step {
    let bakong = Bakong::of(workspace);
    let root = workspace.root().to_owned();
    let target = workspace.target_directory().to_owned();
    Step::function(
        "foreign-clients",
        "cargo xtask foreign-clients",
        move || {
            bakong.build()?;
            let sandbox = Sandbox::start(&bakong, &["--quota", "off"])?;
            let folder = Folder::with("bakong-foreign", &FILES)?;
            npm(folder.path(), &sandbox)?;
            python(folder.path(), &sandbox)?;
            khqr_api(&root, &target, &bakong, &sandbox)
        },
    )
    .needing(Tool::Node)
    .needing(Tool::Npm)
    .needing(Tool::Python)
}

fn npm(folder: &Path, sandbox: &Sandbox) -> Result<(), Failure> {
    let args = [
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--silent",
    ];
    Invocation::program("npm", folder, &args).run()?;
    direct(Invocation::node(folder, &["sdk.js", &sandbox.base_url])).run()
}

fn python(folder: &Path, sandbox: &Sandbox) -> Result<(), Failure> {
    Invocation::program("python3", folder, &["-m", "venv", "venv"]).run()?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "-r",
        "requirements.txt",
    ];
    let python = folder.join("venv/bin/python");
    let python = python.to_string_lossy();
    Invocation::program(&*python, folder, &install).run()?;
    let check = ["check.py", &sandbox.base_url, &sandbox.token];
    direct(Invocation::program(&*python, folder, &check)).run()
}

fn khqr_api(root: &Path, target: &Path, bakong: &Bakong, sandbox: &Sandbox) -> Result<(), Failure> {
    let order = [
        ["qr", "generate", "--account", "sokha@devb"],
        ["--name", "Sokha Coffee", "--amount", "1.50"],
        ["--currency", "USD", "--bill", "FOREIGN-1"],
    ];
    let code = bakong.output(&[&order.concat()[..], &["--json"]].concat())?;
    let code: Json = serde_json::from_str(&code)
        .map_err(|error| Failure::new(format!("bakong qr generate --json: {error}")))?;
    let code = code.get("qr").and_then(Json::as_str).unwrap_or_default();
    let args = [
        "run",
        "--quiet",
        "--locked",
        "--manifest-path",
        PROJECT,
        "--",
    ];
    let run = Invocation::cargo(root, &args)
        .also(&[&sandbox.base_url, &sandbox.token])
        .with_env("CARGO_TARGET_DIR", target.to_string_lossy())
        .with_env("FOREIGN_QR", code);
    direct(run).run()
}

/// Nothing here leaves the machine, whatever the surroundings say of proxies.
fn direct(invocation: Invocation) -> Invocation {
    invocation
        .with_env("NO_PROXY", "127.0.0.1")
        .with_env("no_proxy", "127.0.0.1")
}
