//! The dependency rule, checked: an architecture that nothing enforces lasts until the first
//! hurried import.
//!
//! Who names whom comes from the manifests. What is reached in the end comes from `cargo tree`,
//! asked anew for each crate and set of features: the graph in `cargo metadata` holds one feature
//! set a crate, joined over the whole workspace, in which khqr-core has whatever the command-line
//! program turns on, and crates seem reachable that a user of one library never compiles. `cargo
//! tree -p` resolves features for that crate alone, without its dev-dependencies.

mod rules;
mod tree;

use std::path::Path;

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::workspace::Member;
use rules::Features;
use tree::DependencyTree;

/// Checks every rule and prints each violation.
pub(crate) fn check(root: &Path, members: &[Member]) -> Result<(), Failure> {
    let mut violations = rules::who_knows_whom(members);
    let mut trees = 0_usize;
    for member in members {
        for features in [Features::Default, Features::All] {
            let tree = DependencyTree::parse(&ask(root, &member.name, features)?)?;
            violations.extend(rules::who_reaches_what(&member.name, features, &tree));
            trees += 1;
        }
    }
    for violation in &violations {
        println!("  {violation}");
    }
    if violations.is_empty() {
        println!(
            "{} crates keep the dependency rule ({trees} dependency trees read)",
            members.len()
        );
        Ok(())
    } else {
        let count = violations.len();
        Err(Failure::new(format!(
            "the dependency rule is broken {count} times, listed above; \
             the rule is in xtask/src/layers/rules.rs"
        )))
    }
}

// Every platform counts: a rule that holds on Linux only is not held.
fn ask(root: &Path, package: &str, features: Features) -> Result<String, Failure> {
    let args = [
        "tree",
        "--package",
        package,
        "--edges",
        "normal,build",
        "--target",
        "all",
    ];
    let format = ["--prefix", "depth", "--format", tree::FORMAT];
    Invocation::cargo(root, &args)
        .also(&format)
        .also(features.flags())
        .output()
}
