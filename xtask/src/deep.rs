//! Checks of khqr-core that take minutes: its tests under an interpreter that sees undefined
//! behaviour, and its tests against mistakes made on purpose.
//!
//! proptest's cases are cut down in both. What they find, they find by looking closer and not by
//! looking often; the usual tests do that.

use crate::invocation::Invocation;
use crate::plan::Step;
use crate::tools::Tool;
use crate::workspace::Workspace;

// Miri comes with nightly alone.
const TOOLCHAIN: &str = "nightly";

/// All tests but the documentation's under Miri. khqr-core forbids unsafe code; the crates below it
/// do not.
pub(crate) fn miri(workspace: &Workspace) -> Step {
    let args = ["miri", "test", "-p", "khqr-core", "--all-features"];
    let miri = Invocation::cargo_of(TOOLCHAIN, workspace.root(), &args)
        .also(&["--lib", "--tests"])
        // Another compiler's results.
        .also(&["--target-dir", &workspace.target_folder("miri")])
        // An interpreted case takes as long as ten thousand compiled ones.
        .with_env("PROPTEST_CASES", "2")
        // proptest asks for entropy and keeps what failed in a file.
        .with_env("MIRIFLAGS", "-Zmiri-disable-isolation");
    Step::command("miri", miri)
        .needing(Tool::Toolchain(TOOLCHAIN.to_owned()))
        .needing(Tool::Miri(TOOLCHAIN))
}

/// Each line of a crate changed in turn: a change that no test notices is a test that is missing. The crate is
/// the first of `args`, or khqr-core; `.cargo/mutants.toml` says how, the other `args` what else.
pub(crate) fn mutants(workspace: &Workspace, args: &[String]) -> Step {
    let (package, args) = match args.split_first() {
        Some((package, args)) if !package.starts_with('-') => (package.as_str(), args),
        _ => ("khqr-core", args),
    };
    let mutants = Invocation::cargo(workspace.root(), &["mutants", "-p", package])
        .also(args)
        .with_env("PROPTEST_CASES", "64");
    Step::command("mutants", mutants).needing(Tool::CargoMutants)
}
