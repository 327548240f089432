//! placeholder
use crate::plan::Step;
use crate::workspace::Workspace;
pub(crate) fn step(_: &Workspace) -> Step {
    Step::function("foreign-clients", "cargo xtask foreign-clients", || Ok(()))
}
