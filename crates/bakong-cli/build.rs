//! Sets `BAKONG_VERSION`: the version, and the commit and its date if the sources are in a repository or in a tarball
//! that names the commit.

use std::path::Path;
use std::process::Command;

fn main() {
    let version = env!("CARGO_PKG_VERSION");
    let details = commit_of_repository().or_else(commit_of_tarball);
    let version = details.map_or_else(
        || version.to_owned(),
        |details| format!("{version} ({details})"),
    );
    println!("cargo::rustc-env=BAKONG_VERSION={version}");
}

/// Returns the commit and its date, which is the same for each build.
fn commit_of_repository() -> Option<String> {
    let places =
        git(&["rev-parse", "--show-prefix", "--git-path", "logs/HEAD"]).unwrap_or_default();
    let (folder, log) = places.split_once('\n').unwrap_or_default();
    // Not another repository that contains these sources.
    if folder != "crates/bakong-cli/" || !Path::new(log).exists() {
        println!("cargo::rerun-if-changed=build.rs");
        return None;
    }
    // The log changes with each commit.
    println!("cargo::rerun-if-changed={log}");
    git(&[
        "show",
        "--no-patch",
        "--format=%h %cs",
        "--abbrev=12",
        "HEAD",
    ])
}

/// Returns what git prints; `None` if it fails or prints nothing.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim_end();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}

/// `cargo package` writes the commit to a file.
fn commit_of_tarball() -> Option<String> {
    let text = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = text.split_once("\"sha1\": \"")?;
    let (commit, _) = rest.split_once('"')?;
    commit.get(..12).map(str::to_owned)
}
