//! Instructions counted under valgrind by gungraun: the one measure that does not change with the
//! machine's mood. gungraun compares with the last run by itself.

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::plan::Step;
use crate::tools::Tool;
use crate::workspace::Workspace;

/// The counts, and how they differ from the last run's.
pub(crate) fn step(workspace: &Workspace) -> Result<Step, Failure> {
    // The runner and the library talk in a form that changes with every version.
    let id = Invocation::cargo(workspace.root(), &["pkgid", "gungraun"]).output()?;
    let version = version_in(&id).ok_or_else(|| {
        Failure::new(format!(
            "`cargo pkgid gungraun` names no version: {}",
            id.trim_end()
        ))
    })?;
    let bench = Invocation::cargo(workspace.root(), &["bench", "-p", "bakong-benches"])
        .also(&["--bench", "instructions"])
        .also(&["--", "--callgrind-metrics=ir"]);
    Ok(Step::command("instructions", bench)
        .needing(Tool::Valgrind)
        .needing(Tool::GungraunRunner(version.to_owned())))
}

// In `registry+https://…#gungraun@0.20.0`, or `…#0.20.0` where the name is the folder's.
fn version_in(package_id: &str) -> Option<&str> {
    let (_, fragment) = package_id.trim_end().rsplit_once('#')?;
    let version = fragment
        .rsplit_once('@')
        .map_or(fragment, |(_, version)| version);
    version
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_what_ends_a_package_id() {
        let id = "registry+https://github.com/rust-lang/crates.io-index#gungraun@0.20.0\n";
        assert_eq!(version_in(id), Some("0.20.0"));
        assert_eq!(version_in("path+file:///gungraun#0.20.0"), Some("0.20.0"));
        assert_eq!(version_in("gungraun"), None);
        assert_eq!(version_in("a#gungraun"), None);
    }
}
