//! The dependency rule as tables and functions. A change here changes the architecture.

use crate::workspace::Member;

/// The features with which a package is resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Features {
    Default,
    All,
}

impl Features {
    /// Returns the flags for cargo.
    pub(super) fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Default => &[],
            Self::All => &["--all-features"],
        }
    }
}

/// Each crate that users get, and the crates of the workspace that it may depend on directly. `None` allows all.
const LAYERS: &[(&str, Option<&[&str]>)] = &[
    ("bakong-khqr-core", Some(&[])),
    ("khqr-card", Some(&["bakong-khqr-core"])),
    ("bakong-api", Some(&["bakong-khqr-core"])),
    ("bakong-http", Some(&["bakong-api"])),
    ("bakong-flow", Some(&["bakong-api"])),
    ("bakong-store", Some(&["bakong-flow"])),
    // The sandbox must not use bakong-api, so that client and server cannot share a mistake in the wire format.
    ("bakong-sandbox", Some(&["bakong-khqr-core"])),
    // Published to npm.
    ("khqr-wasm", Some(&["bakong-khqr-core"])),
    (
        "bakong-server",
        Some(&[
            "bakong-khqr-core",
            "khqr-card",
            "bakong-api",
            "bakong-http",
            "bakong-flow",
            "bakong-store",
            "bakong-sandbox",
        ]),
    ),
    // Re-exports the libraries.
    (
        "bakong",
        Some(&[
            "khqr-card",
            "bakong-api",
            "bakong-http",
            "bakong-flow",
            "bakong-store",
            "bakong-sandbox",
        ]),
    ),
    ("bakong-cli", None),
];

/// The direct dependencies of khqr-core with default features.
const CORE_DEPENDENCIES: &[&str] = &["crc", "md-5"];

/// Crates for sockets, HTTP and TLS.
const NETWORK: &[&str] = &[
    "hyper",
    "hyper-util",
    "hyper-rustls",
    "h2",
    "mio",
    "socket2",
    "rustls",
    "tokio-rustls",
    "ring",
    "aws-lc-rs",
];
const RUNTIME: &[&str] = &["tokio"];
/// Crates that no package may use.
const BANNED: &[&str] = &["reqwest", "openssl", "openssl-sys", "native-tls"];
/// The framework of the server. Clients plug in through the `Transport` trait instead. The separate crate
/// `tower-service`, a single trait, is allowed everywhere.
const SERVER_ONLY: &[&str] = &["axum", "tower", "tower-http"];
/// The packages that may use [`SERVER_ONLY`].
const SERVERS: &[&str] = &["bakong-server", "bakong-cli"];

/// Packages, and the crates that they must not depend on even indirectly.
const UNREACHABLE: &[(&str, Features, &[&[&str]])] = &[
    ("bakong-khqr-core", Features::All, &[NETWORK, RUNTIME]),
    ("khqr-card", Features::All, &[NETWORK, RUNTIME]),
    ("bakong-api", Features::All, &[NETWORK, RUNTIME]),
    ("khqr-wasm", Features::All, &[NETWORK, RUNTIME]),
    ("bakong-flow", Features::Default, &[NETWORK, RUNTIME]),
    // SQLite needs channels of tokio, but no runtime and no network.
    ("bakong-store", Features::Default, &[NETWORK]),
    // The watcher uses the timers of tokio.
    ("bakong-flow", Features::All, &[NETWORK]),
];

/// Checks the direct dependencies of published crates and of other crates with a layer.
pub(super) fn check_dependencies(members: &[Member]) -> Vec<String> {
    let mut violations = Vec::new();
    for member in members {
        let name = &member.name;
        match LAYERS.iter().find(|(layer, _)| layer == name) {
            None if !member.published => {}
            None => violations.push(format!(
                "{name} has no layer. Add it to LAYERS in xtask/src/layers/rules.rs, or set `publish = false`."
            )),
            Some((_, None)) => {}
            Some((_, Some(allowed))) => {
                let dependencies = member.dependencies.iter();
                let forbidden = dependencies.filter(|name| !allowed.contains(&name.as_str()));
                violations.extend(forbidden.map(|dependency| {
                    format!("{name} depends on {dependency}, but may depend on {allowed:?} only.")
                }));
            }
        }
    }
    violations
}

/// A package in a dependency tree.
#[derive(Debug, Clone)]
pub(super) struct Dependency {
    /// 0 for the root of the tree, 1 for a direct dependency.
    pub(super) depth: usize,
    pub(super) name: String,
}

/// Checks the direct and indirect dependencies of a package.
pub(super) fn check_tree(package: &str, features: Features, tree: &[Dependency]) -> Vec<String> {
    let mut forbidden: Vec<&str> = Vec::new();
    for (rule, rule_features, lists) in UNREACHABLE {
        if *rule == package && *rule_features == features {
            forbidden.extend(lists.iter().copied().flatten());
        }
    }
    if features == Features::All {
        forbidden.extend(BANNED);
        if !SERVERS.contains(&package) {
            forbidden.extend(SERVER_ONLY);
        }
    }
    forbidden.retain(|name| tree.iter().any(|dependency| dependency.name == *name));
    let flags = features.flags().concat();
    let mut violations: Vec<String> = forbidden
        .iter()
        .map(|name| {
            format!("{package} must not depend on {name}. To see why it does: cargo tree -p {package} -i {name} {flags}")
        })
        .collect();
    if package == "bakong-khqr-core" && features == Features::Default {
        let direct = tree.iter().filter(|dependency| dependency.depth == 1);
        let names = direct.map(|dependency| dependency.name.as_str());
        violations.extend(names.filter(|name| !CORE_DEPENDENCIES.contains(name)).map(|name| {
            format!("bakong-khqr-core depends on {name} by default, but may depend on {CORE_DEPENDENCIES:?} only.")
        }));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, dependencies: &[&str]) -> Member {
        Member {
            name: name.to_owned(),
            published: true,
            library: true,
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
            ..Member::default()
        }
    }

    fn tree(names: &[&str]) -> Vec<Dependency> {
        let dependency = |(depth, name): (usize, &&str)| Dependency {
            depth,
            name: (*name).to_owned(),
        };
        names.iter().enumerate().map(dependency).collect()
    }

    #[test]
    fn a_dependency_against_the_layers_is_a_violation() {
        for (from, to) in [
            ("bakong-khqr-core", "bakong-api"),
            ("bakong-api", "bakong-http"),
            ("bakong-http", "bakong-flow"),
            ("bakong-flow", "bakong-http"),
            ("bakong-sandbox", "bakong-api"),
            ("khqr-wasm", "bakong-api"),
            ("khqr-card", "bakong-api"),
        ] {
            let violations = check_dependencies(&[member(from, &[to])]);
            assert!(
                violations.len() == 1 && violations[0].contains(to),
                "{violations:?}"
            );
        }
        let allowed = [
            member("bakong-api", &["bakong-khqr-core"]),
            member("bakong-cli", &["bakong-sandbox", "bakong-http"]),
            member("bakong-server", &["bakong-store", "bakong-sandbox"]),
        ];
        assert_eq!(check_dependencies(&allowed), [""; 0]);
    }

    #[test]
    fn a_new_published_crate_needs_a_layer() {
        let mut new = member("bakong-wallet", &["bakong-api"]);
        assert!(check_dependencies(std::slice::from_ref(&new))[0].contains("has no layer"));
        new.published = false;
        assert_eq!(check_dependencies(&[new]), [""; 0]);
    }

    #[test]
    fn forbidden_indirect_dependencies_are_violations() {
        for (package, features, name, count) in [
            ("bakong-khqr-core", Features::All, "hyper", 1),
            ("bakong-khqr-core", Features::All, "serde", 0),
            ("bakong-khqr-core", Features::Default, "crc", 0),
            ("bakong-khqr-core", Features::Default, "serde", 1),
            ("bakong-api", Features::All, "tokio", 1),
            ("bakong-flow", Features::Default, "tokio", 1),
            ("bakong-flow", Features::All, "tokio", 0),
            ("bakong-flow", Features::All, "mio", 1),
            ("bakong-http", Features::All, "hyper", 0),
            ("bakong-cli", Features::All, "reqwest", 1),
            ("bakong-cli", Features::All, "tower", 0),
            ("bakong-http", Features::All, "tower", 1),
        ] {
            let violations = check_tree(package, features, &tree(&[package, name, "helper"]));
            assert_eq!(
                violations.len(),
                count,
                "{package} and {name}: {violations:?}"
            );
        }
    }
}
