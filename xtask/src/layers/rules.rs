//! The dependency rule itself, as tables and pure functions. A change here is a change of the
//! architecture.

use super::tree::DependencyTree;
use crate::workspace::Member;

/// Which features a crate is looked at with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Features {
    Default,
    All,
}

impl Features {
    /// As cargo takes them.
    pub(crate) fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Default => &[],
            Self::All => &["--all-features"],
        }
    }
}

/// The crates of the workspace that a published crate may name as a normal or build dependency.
enum Knows {
    Only(&'static [&'static str]),
    Everyone,
}

const LAYERS: &[(&str, Knows)] = &[
    ("khqr-core", Knows::Only(&[])),
    ("bakong-api", Knows::Only(&["khqr-core"])),
    ("bakong-http", Knows::Only(&["bakong-api"])),
    ("bakong-flow", Knows::Only(&["bakong-api"])),
    // What bakong-flow shows in its own signatures comes with it.
    (
        "bakong-store",
        Knows::Only(&["bakong-flow", "bakong-api", "khqr-core"]),
    ),
    // Not bakong-api: client and server must not share a mistake about the wire.
    ("bakong-sandbox", Knows::Only(&["khqr-core"])),
    ("bakong-cli", Knows::Everyone),
];

/// All that khqr-core may name with its default features.
const CORE_NEEDS: &[&str] = &["crc", "md-5"];

/// Crates that open sockets, speak HTTP or TLS, or exist for those that do.
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
/// Crates with no place in the workspace at all. `tower` is not `tower-service`, a lone trait that
/// hyper-util implements.
const BANNED: &[&str] = &["reqwest", "tower", "openssl", "openssl-sys", "native-tls"];

/// What a crate must not reach over any number of steps.
struct Reach {
    package: &'static str,
    features: Features,
    never: &'static [&'static [&'static str]],
    because: &'static str,
}

const PURE: &str = "it must build without a socket, a TLS stack or an async runtime";
const REACHES: &[Reach] = &[
    Reach {
        package: "khqr-core",
        features: Features::All,
        never: &[NETWORK, RUNTIME],
        because: PURE,
    },
    Reach {
        package: "bakong-api",
        features: Features::All,
        never: &[NETWORK, RUNTIME],
        because: PURE,
    },
    Reach {
        package: "bakong-flow",
        features: Features::Default,
        never: &[NETWORK, RUNTIME],
        because: PURE,
    },
    Reach {
        package: "bakong-flow",
        features: Features::All,
        never: &[NETWORK],
        because: "its driver takes timers from tokio and leaves every socket to the transport",
    },
];

/// What the manifests break: dependencies between the workspace's crates, and crates the table does
/// not know.
pub(crate) fn who_knows_whom(members: &[Member]) -> Vec<String> {
    let mut violations = Vec::new();
    for member in members.iter().filter(|member| member.published) {
        let name = &member.name;
        let Some((_, knows)) = LAYERS.iter().find(|(layer, _)| layer == name) else {
            violations.push(format!(
                "{name} has no layer. Enter it into LAYERS in xtask/src/layers/rules.rs, \
                 or write `publish = false` into its Cargo.toml if it is a tool."
            ));
            continue;
        };
        let Knows::Only(allowed) = knows else {
            continue;
        };
        for known in member
            .knows
            .iter()
            .filter(|known| !allowed.contains(&known.as_str()))
        {
            let allowed = if allowed.is_empty() {
                "no crate of the workspace".to_owned()
            } else {
                allowed.join(", ")
            };
            violations.push(format!(
                "{name} names {known} ({name} → {known}), and may know {allowed} only. \
                 Take {known} out of its Cargo.toml."
            ));
        }
    }
    violations
}

/// What the tree of `package` breaks, as resolved with `features`.
pub(crate) fn who_reaches_what(
    package: &str,
    features: Features,
    tree: &DependencyTree,
) -> Vec<String> {
    let mut violations = Vec::new();
    if tree.root() != package {
        violations.push(format!(
            "the dependency tree read for {package} is that of {}.",
            tree.root()
        ));
    }
    if package == "khqr-core" && features == Features::Default {
        for direct in tree.direct().filter(|direct| !CORE_NEEDS.contains(direct)) {
            violations.push(format!(
                "khqr-core names {direct} with its default features \
                 (khqr-core → {direct}), and may name {} only. \
                 Put {direct} behind a feature.",
                CORE_NEEDS.join(" and ")
            ));
        }
    }
    let rules = REACHES
        .iter()
        .filter(|rule| rule.package == package && rule.features == features);
    for rule in rules {
        for &never in rule.never {
            violations.extend(reached(package, features, tree, never, rule.because));
        }
    }
    // With all features on is where the most is reached.
    if features == Features::All {
        let because = "no crate here may: hyper and rustls do that work";
        violations.extend(reached(package, features, tree, BANNED, because));
    }
    violations
}

fn reached(
    package: &str,
    features: Features,
    tree: &DependencyTree,
    never: &[&str],
    because: &str,
) -> Vec<String> {
    let with = match features {
        Features::Default => "its default features",
        Features::All => "all features",
    };
    never
        .iter()
        .filter_map(|never| Some((never, tree.path_to(never)?)))
        .map(|(never, path)| {
            format!(
                "{package} with {with} reaches {never} by {}, but {because}.",
                path.join(" → ")
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, knows: &[&str]) -> Member {
        Member {
            name: name.to_owned(),
            published: true,
            library: true,
            rust_version: None,
            knows: knows.iter().map(|&known| known.to_owned()).collect(),
        }
    }

    fn reaching(package: &str, features: Features, below: &str) -> Vec<String> {
        let tree =
            DependencyTree::parse(&format!("0 {package} v0.1.0 (/here)\n{below}")).expect("a tree");
        who_reaches_what(package, features, &tree)
    }

    #[test]
    fn the_workspace_as_designed_is_clean() {
        let members = [
            member("khqr-core", &[]),
            member("bakong-api", &["khqr-core"]),
            member("bakong-http", &["bakong-api"]),
            member("bakong-flow", &["bakong-api"]),
            member("bakong-store", &["bakong-api", "bakong-flow", "khqr-core"]),
            member("bakong-sandbox", &["khqr-core"]),
            member(
                "bakong-cli",
                &[
                    "bakong-api",
                    "bakong-flow",
                    "bakong-http",
                    "bakong-sandbox",
                    "khqr-core",
                ],
            ),
        ];
        assert_eq!(who_knows_whom(&members), [""; 0]);
    }

    #[test]
    fn a_dependency_against_the_layers_is_named_with_its_path() {
        for (who, whom) in [
            ("khqr-core", "bakong-api"),
            ("bakong-api", "bakong-http"),
            ("bakong-http", "bakong-flow"),
            ("bakong-flow", "bakong-http"),
            ("bakong-sandbox", "bakong-api"),
            ("bakong-store", "bakong-http"),
        ] {
            let violations = who_knows_whom(&[member(who, &[whom])]);
            assert_eq!(violations.len(), 1, "{who}");
            assert!(
                violations
                    .iter()
                    .all(|said| said.contains(&format!("({who} → {whom})"))),
                "{violations:?}"
            );
        }
    }

    #[test]
    fn a_new_crate_must_be_entered_unless_it_is_a_tool() {
        let mut tool = member("bakong-wallet", &["bakong-api"]);
        assert!(
            who_knows_whom(std::slice::from_ref(&tool))
                .iter()
                .any(|said| said.contains("has no layer"))
        );
        tool.published = false;
        assert_eq!(who_knows_whom(&[tool]), [""; 0]);
    }

    #[test]
    fn the_core_names_crc_and_md5_only() {
        let clean = "1 crc v3.0.0\n2 crc-catalog v2.0.0\n1 md-5 v0.11.0\n";
        assert_eq!(reaching("khqr-core", Features::Default, clean), [""; 0]);
        let more = format!("{clean}1 serde v1.0.0\n");
        let violations = reaching("khqr-core", Features::Default, &more);
        assert!(
            violations
                .iter()
                .any(|said| said.contains("khqr-core → serde")),
            "{violations:?}"
        );
        // Behind a feature it may.
        assert_eq!(reaching("khqr-core", Features::All, &more), [""; 0]);
    }

    #[test]
    fn a_socket_below_the_transport_is_named_with_its_path() {
        let below = "1 bakong-api v0.1.0\n2 helper v1.0.0\n3 hyper v1.0.0\n";
        let wanted = "bakong-flow → bakong-api → helper → hyper";
        for features in [Features::Default, Features::All] {
            let violations = reaching("bakong-flow", features, below);
            assert!(
                violations.iter().any(|said| said.contains(wanted)),
                "{violations:?}"
            );
        }
        for package in ["khqr-core", "bakong-api"] {
            for crate_name in NETWORK.iter().chain(RUNTIME).chain(BANNED) {
                let violations =
                    reaching(package, Features::All, &format!("1 {crate_name} v1.0.0\n"));
                assert_eq!(
                    violations.len(),
                    1,
                    "{package} → {crate_name}: {violations:?}"
                );
            }
        }
        assert_eq!(
            reaching(
                "bakong-http",
                Features::All,
                "1 hyper v1.0.0\n1 rustls v0.23.0\n"
            ),
            [""; 0]
        );
    }

    #[test]
    fn the_driver_takes_timers_from_tokio_and_no_sockets() {
        let timers = "1 tokio v1.0.0\n2 pin-project-lite v0.2.0\n";
        assert_eq!(reaching("bakong-flow", Features::All, timers), [""; 0]);
        assert_eq!(reaching("bakong-flow", Features::Default, timers).len(), 1);
        let net = format!("{timers}2 mio v1.0.0\n2 socket2 v0.6.0\n");
        assert_eq!(reaching("bakong-flow", Features::All, &net).len(), 2);
    }

    #[test]
    fn some_crates_have_no_place_anywhere() {
        for package in ["bakong-cli", "bakong-http", "xtask"] {
            for crate_name in BANNED {
                let violations =
                    reaching(package, Features::All, &format!("1 {crate_name} v1.0.0\n"));
                assert_eq!(
                    violations.len(),
                    1,
                    "{package} → {crate_name}: {violations:?}"
                );
            }
        }
    }

    #[test]
    fn the_tree_of_another_crate_proves_nothing() {
        let tree = DependencyTree::parse("0 xtask v0.1.0").expect("a tree");
        assert_eq!(who_reaches_what("khqr-core", Features::All, &tree).len(), 1);
    }
}
