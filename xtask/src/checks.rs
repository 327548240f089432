//! The chores as lists of steps: each says once, here, which commands it is.

use cargo_metadata::semver::Version;

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::layers;
use crate::peers;
use crate::plan::Step;
use crate::tools::Tool;
use crate::workspace::{Member, Workspace};

/// What bakong-http cannot do without: somebody who does TLS's cryptography, and somebody to trust.
const LEAN_HTTP: &str = "ring,webpki-roots";

/// Projects that the workspace excludes, so that `--workspace` and `--all` do not come by.
const OUTSIDE: [&str; 8] = [
    "fuzz",
    "no-std",
    "benches/peers",
    "benches/peers-http",
    "benches/peers-http/minimal-ours",
    "benches/peers-http/minimal-ours-lean",
    "benches/peers-http/minimal-khqr-api",
    "benches/foreign-khqr-api",
];

/// Everything that must pass before a change is accepted, the quick first.
pub(crate) fn test(workspace: &Workspace) -> Vec<Step> {
    let cargo = |args: &[&str]| Invocation::cargo(workspace.root(), args);
    let clippy = |name: String, selection: &[&str]| {
        let invocation = cargo(&["clippy"])
            .also(selection)
            .also(&["--", "-D", "warnings"]);
        Step::command(name, invocation).needing(Tool::Clippy)
    };
    // Together, cargo turns on in one what only another asks for: what each gets when somebody depends on
    // it shows only alone, and without its tests' dependencies.
    let members = workspace.members();
    let alone = members
        .iter()
        .filter(|member| member.published)
        .map(|member| {
            let mut selection = vec!["-p", &member.name, "--no-default-features"];
            if member.name == "bakong-http" {
                selection.extend(["--features", LEAN_HTTP]);
            }
            clippy(format!("clippy of {} alone", member.name), &selection)
        });
    let formatted = OUTSIDE.map(|project| {
        let manifest = format!("{project}/Cargo.toml");
        let fmt = cargo(&["fmt", "--check", "--manifest-path", &manifest]);
        Step::command(format!("fmt of {project}"), fmt).needing(Tool::Rustfmt)
    });
    let mut steps = vec![
        layers(workspace),
        Step::command("fmt", cargo(&["fmt", "--all", "--check"])).needing(Tool::Rustfmt),
        clippy(
            "clippy".to_owned(),
            &["--workspace", "--all-features", "--all-targets"],
        ),
    ];
    steps.splice(2..2, formatted);
    steps.extend(alone);
    steps.extend([
        peers::clippy(workspace),
        Step::command("tests", cargo(&["test", "--workspace", "--all-features"])),
        Step::command(
            "tests of khqr-core alone",
            cargo(&["test", "-p", "khqr-core", "--no-default-features"]),
        ),
        // The machine without its driver, as those have it who bring a runtime of their own.
        Step::command(
            "tests of bakong-flow alone",
            cargo(&["test", "-p", "bakong-flow"]),
        ),
        Step::command(
            "docs",
            cargo(&["doc", "--workspace", "--all-features", "--no-deps"])
                .with_env("RUSTDOCFLAGS", "-D warnings"),
        ),
    ]);
    steps
}

/// The dependency rule.
pub(crate) fn layers(workspace: &Workspace) -> Step {
    let root = workspace.root().to_owned();
    let members = workspace.members();
    Step::function("layers", "cargo xtask layers", move || {
        layers::check(&root, &members)
    })
}

/// The libraries on the oldest Rust that they promise. Build results of two compilers in one folder
/// would replace each other, so these have a folder of their own.
pub(crate) fn msrv(workspace: &Workspace) -> Result<Vec<Step>, Failure> {
    let members = workspace.members();
    let libraries: Vec<&Member> = members
        .iter()
        .filter(|member| member.published && member.library)
        .collect();
    let toolchain = oldest_toolchain(&libraries)?;
    let folder = workspace.target_folder("msrv");
    let packages: Vec<&str> = libraries
        .iter()
        .flat_map(|library| ["-p", library.name.as_str()])
        .collect();
    let check = Invocation::cargo_of(&toolchain, workspace.root(), &["check", "--all-features"])
        .also(&["--target-dir", &folder])
        .also(&packages);
    Ok(vec![
        Step::command(format!("msrv {toolchain}"), check).needing(Tool::Toolchain(toolchain)),
    ])
}

// As rustup names it: `1.88`, or `1.88.1` where a patch release is asked for.
fn oldest_toolchain(libraries: &[&Member]) -> Result<String, Failure> {
    let mut promised: Option<&Version> = None;
    for library in libraries {
        let Some(version) = &library.rust_version else {
            return Err(Failure::new(format!(
                "{} promises no Rust version; \
                 write `rust-version.workspace = true` into its Cargo.toml",
                library.name
            )));
        };
        if promised.is_some_and(|other| other != version) {
            return Err(Failure::new(format!(
                "{} promises another Rust version, {version}, than the libraries before it; \
                 write `rust-version.workspace = true` into its Cargo.toml",
                library.name
            )));
        }
        promised = Some(version);
    }
    match promised {
        None => Err(Failure::new(
            "no published library was found in the workspace; look at `members` in Cargo.toml",
        )),
        Some(Version {
            major,
            minor,
            patch: 0,
            ..
        }) => Ok(format!("{major}.{minor}")),
        Some(version) => Ok(version.to_string()),
    }
}

/// The criterion benches, those whose names contain `filter` if one is given.
pub(crate) fn bench(workspace: &Workspace, filter: Option<&str>) -> Step {
    let args = [
        "bench",
        "-p",
        "bakong-benches",
        "--bench",
        "khqr",
        "--bench",
        "flow",
    ];
    let mut bench = Invocation::cargo(workspace.root(), &args);
    if let Some(filter) = filter {
        bench = bench.also(&["--", filter]);
    }
    Step::command("bench", bench)
}

/// The checks of cargo-deny that need no network; its advisories need one.
pub(crate) fn deny(workspace: &Workspace) -> Step {
    let args = [
        "deny",
        "--all-features",
        "--offline",
        "check",
        "licenses",
        "bans",
        "sources",
    ];
    Step::command("deny", Invocation::cargo(workspace.root(), &args)).needing(Tool::CargoDeny)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(name: &str, rust_version: Option<Version>) -> Member {
        Member {
            name: name.to_owned(),
            published: true,
            library: true,
            rust_version,
            knows: Vec::new(),
        }
    }

    #[test]
    fn the_toolchain_is_the_one_that_all_libraries_promise() {
        let [a, b] = ["a", "b"].map(|name| library(name, Some(Version::new(1, 88, 0))));
        assert_eq!(oldest_toolchain(&[&a, &b]).as_deref(), Ok("1.88"));
        let patched = library("c", Some(Version::new(1, 88, 1)));
        assert_eq!(oldest_toolchain(&[&patched]).as_deref(), Ok("1.88.1"));

        let mixed = oldest_toolchain(&[&a, &patched])
            .expect_err("two promises")
            .to_string();
        assert!(
            mixed.starts_with("c promises another Rust version, 1.88.1"),
            "{mixed}"
        );
        let silent = library("d", None);
        let unsaid = oldest_toolchain(&[&a, &silent])
            .expect_err("no promise")
            .to_string();
        assert!(unsaid.starts_with("d promises no Rust version"), "{unsaid}");
        assert!(oldest_toolchain(&[]).is_err());
    }
}
