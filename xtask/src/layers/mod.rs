//! The dependency rule between crates, and import cycles between the modules of a crate.
//!
//! `cargo metadata` names the direct dependencies. `cargo tree` names all indirect ones. It resolves the features of one
//! package at a time, without dev-dependencies: the graph in `cargo metadata` joins the features of all packages, so it
//! also reaches crates that a user of one library never compiles.

mod rules;

use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

use crate::workspace::Member;
use rules::{Dependency, Features};

/// Checks all rules and prints each violation.
pub(crate) fn check(shell: &Shell, members: &[Member]) -> Result<()> {
    let mut violations = rules::check_dependencies(members);
    for member in members {
        for features in [Features::Default, Features::All] {
            let tree = dependency_tree(shell, &member.name, features)?;
            violations.extend(rules::check_tree(&member.name, features, &tree));
        }
        if !member.folder.as_str().contains("/benches") {
            let folder = member.folder.as_std_path();
            for root in import_cycles::roots(folder) {
                let describe = |cycle| format!("{} has an import cycle of {cycle}", member.name);
                violations.extend(import_cycles::find(&root)?.into_iter().map(describe));
            }
        }
    }
    for violation in &violations {
        println!("  {violation}");
    }
    ensure!(
        violations.is_empty(),
        "{} violations, listed above; the rules are in xtask/src/layers",
        violations.len()
    );
    println!(
        "{} packages follow the dependency rule and have no import cycle",
        members.len()
    );
    Ok(())
}

/// Returns all packages that a package depends on, on any platform.
fn dependency_tree(shell: &Shell, package: &str, features: Features) -> Result<Vec<Dependency>> {
    let flags = features.flags();
    let output = cmd!(
        shell,
        "cargo tree --package {package} --edges normal,build --target all --prefix depth"
    )
    .args(["--format", " {p}"])
    .args(flags)
    .quiet()
    .read()?;
    // A line such as `1 crc v3.4.0`. The other lines are headings.
    let dependency = |line: &str| {
        let mut words = line.split_whitespace();
        let depth = words.next()?.parse().ok()?;
        let name = words.next()?.to_owned();
        Some(Dependency { depth, name })
    };
    let tree: Vec<Dependency> = output.lines().filter_map(dependency).collect();
    let is_root = |root: &Dependency| root.depth == 0 && root.name == package;
    ensure!(
        tree.first().is_some_and(is_root),
        "`cargo tree` printed no tree of {package}"
    );
    Ok(tree)
}
