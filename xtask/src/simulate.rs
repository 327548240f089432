//! Days of a shop in virtual time, by the program in `benches/simulation`.

use crate::invocation::Invocation;
use crate::plan::Step;
use crate::workspace::Workspace;

/// Where the comparison goes.
const PAGES: &str = "crates/bakong-flow";

/// Plays as `args` say, as fast as the compiler can make it. A bare `--report` writes beside the crate.
pub(crate) fn step(workspace: &Workspace, args: &[String]) -> Step {
    let mut given = Vec::new();
    let mut rest = args.iter().peekable();
    while let Some(arg) = rest.next() {
        given.push(arg.clone());
        let is_bare = rest.peek().is_none_or(|next| next.starts_with("--"));
        if arg == "--report" && is_bare {
            given.push(PAGES.to_owned());
        }
    }
    let run = ["run", "--release", "-p", "bakong-simulation", "--"];
    let simulate = Invocation::cargo(workspace.root(), &run).also(&given);
    Step::command("simulate", simulate)
}
