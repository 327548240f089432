//! Fuzzing in short bursts: long enough to catch what a change broke, short enough for every push.
//! What a burst adds to the corpus stays on the machine; only the seeds are kept in the repository.

use std::path::Path;

use cargo_metadata::MetadataCommand;

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::plan::Step;
use crate::tools::Tool;
use crate::workspace::Workspace;

/// How long a target runs unless told otherwise.
pub(crate) const DEFAULT_SECONDS: u32 = 60;

// Sanitizers and coverage are unstable flags of rustc.
const TOOLCHAIN: &str = "nightly";

/// A step for each target that was named, or for each there is.
pub(crate) fn steps(
    workspace: &Workspace,
    seconds: u32,
    named: &[String],
) -> Result<Vec<Step>, Failure> {
    let targets = selected(all_targets(workspace.root())?, named)?;
    Ok(targets
        .iter()
        .map(|target| step(workspace.root(), target, seconds))
        .collect())
}

fn step(root: &Path, target: &str, seconds: u32) -> Step {
    let options = [
        format!("-max_total_time={seconds}"),
        // A reader of some hundred bytes that takes ten seconds hangs.
        "-timeout=10".to_owned(),
        // Twice what the longest code has, and more than most answers.
        "-max_len=2000".to_owned(),
        "-print_final_stats=1".to_owned(),
        format!("-dict={}", dictionary(root, target)),
    ];
    // Without unsafe code there is nothing for a sanitizer to find, and without one it is twice as fast.
    let run = ["fuzz", "run", "--sanitizer", "none", target, "--"];
    let run = Invocation::cargo_of(TOOLCHAIN, root, &run).also(&options);
    Step::command(format!("fuzz {target}"), run)
        .needing(Tool::Toolchain(TOOLCHAIN.to_owned()))
        .needing(Tool::CargoFuzz)
}

// The words of the target's own subject, or else what a code is made of.
fn dictionary(root: &Path, target: &str) -> String {
    let own = format!("fuzz/{target}.dict");
    if root.join(&own).exists() {
        own
    } else {
        "fuzz/khqr.dict".to_owned()
    }
}

// From the manifest and not from `cargo fuzz list`, so that a wrong name is told even where
// cargo-fuzz is missing.
fn all_targets(root: &Path) -> Result<Vec<String>, Failure> {
    let manifest = root.join("fuzz/Cargo.toml");
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .map_err(|error| {
            Failure::new(format!(
                "the fuzz targets could not be read from fuzz/Cargo.toml: {error}"
            ))
        })?;
    let targets = metadata
        .packages
        .iter()
        .flat_map(|package| &package.targets);
    Ok(targets
        .filter(|target| target.is_bin())
        .map(|target| target.name.clone())
        .collect())
}

fn selected(all: Vec<String>, named: &[String]) -> Result<Vec<String>, Failure> {
    if all.is_empty() {
        return Err(Failure::new(
            "fuzz/Cargo.toml has no `[[bin]]`, so there is nothing to fuzz",
        ));
    }
    if let Some(unknown) = named.iter().find(|name| !all.contains(name)) {
        return Err(Failure::new(format!(
            "there is no fuzz target `{unknown}`; there are: {}",
            all.join(", ")
        )));
    }
    Ok(if named.is_empty() {
        all
    } else {
        named.to_vec()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_all_or_those_named_and_an_unknown_name_lists_what_there_is() {
        let all = || vec!["read".to_owned(), "write".to_owned()];
        assert_eq!(selected(all(), &[]), Ok(all()));
        assert_eq!(
            selected(all(), &["write".to_owned()]),
            Ok(vec!["write".to_owned()])
        );
        let unknown = selected(all(), &["raed".to_owned()])
            .expect_err("no such target")
            .to_string();
        assert_eq!(
            unknown,
            "there is no fuzz target `raed`; there are: read, write"
        );
        assert!(selected(Vec::new(), &[]).is_err());
    }
}
