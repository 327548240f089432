//! What a crate reaches and by which path, as `cargo tree --prefix depth` prints it: one crate a
//! line, each line led by its depth, so that the lines above hold its path.

use crate::failure::Failure;

/// The `--format` that [`DependencyTree::parse`] reads; the space parts the depth from the name.
pub(crate) const FORMAT: &str = " {p}";

/// A crate with all it depends on, directly or not.
#[derive(Debug)]
pub(crate) struct DependencyTree {
    /// In the order printed; never empty, and the first is the only one of depth 0.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    depth: usize,
    name: String,
}

impl DependencyTree {
    /// Reads what `cargo tree` printed.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let mut entries: Vec<Entry> = Vec::new();
        // Build dependencies come below a heading in brackets.
        for line in text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('['))
        {
            let entry = entry(line).ok_or_else(|| {
                Failure::new(format!(
                    "`cargo tree` printed `{line}`, which xtask/src/layers/tree.rs cannot read"
                ))
            })?;
            let expected = match entries.last() {
                None => entry.depth == 0,
                Some(above) => (1..=above.depth + 1).contains(&entry.depth),
            };
            if !expected {
                return Err(Failure::new(format!(
                    "`cargo tree` printed the line `{line}` at a depth that fits no tree"
                )));
            }
            entries.push(entry);
        }
        if entries.is_empty() {
            return Err(Failure::new("`cargo tree` printed no crate at all"));
        }
        Ok(Self { entries })
    }

    /// The crate whose tree it is.
    pub(crate) fn root(&self) -> &str {
        self.entries.first().map_or("", |entry| &entry.name)
    }

    /// The crates that the root names itself.
    pub(crate) fn direct(&self) -> impl Iterator<Item = &str> {
        self.entries
            .iter()
            .filter(|entry| entry.depth == 1)
            .map(|entry| entry.name.as_str())
    }

    /// A shortest path from the root to the crate `name`, both included, or `None` where it is not
    /// reached.
    pub(crate) fn path_to(&self, name: &str) -> Option<Vec<&str>> {
        let found = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.name == name);
        let (at, entry) = found.min_by_key(|(_, entry)| entry.depth)?;
        let mut path = vec![entry.name.as_str()];
        let mut depth = entry.depth;
        for above in self.entries.iter().take(at).rev() {
            if above.depth < depth {
                path.push(&above.name);
                depth = above.depth;
            }
        }
        path.reverse();
        Some(path)
    }
}

fn entry(line: &str) -> Option<Entry> {
    let (depth, package) = line.split_once(' ')?;
    let name = package.split_whitespace().next()?;
    Some(Entry {
        depth: depth.parse().ok()?,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "\
0 app v0.1.0 (/somewhere/app)
1 client v1.0.0
2 socket v3.2.1
3 libc v0.2.0
2 bytes v1.0.0
1 libc v0.2.0 (*)
[build-dependencies]
1 generator v2.0.0 (proc-macro)
";

    #[test]
    fn paths_lead_from_the_root_by_the_shortest_way() {
        let tree = DependencyTree::parse(TREE).expect("a tree");
        assert_eq!(tree.root(), "app");
        assert_eq!(
            tree.path_to("socket"),
            Some(vec!["app", "client", "socket"])
        );
        assert_eq!(tree.path_to("libc"), Some(vec!["app", "libc"]));
        assert_eq!(tree.path_to("sock"), None);
        assert_eq!(
            tree.direct().collect::<Vec<_>>(),
            ["client", "libc", "generator"]
        );
    }

    // Silence would pass for a kept rule.
    #[test]
    fn what_is_not_a_tree_is_refused() {
        for text in [
            "",
            "app v0.1.0",
            "1 app v0.1.0",
            "0 app v0.1.0\n2 far v1.0.0",
            "0 app v0.1.0\n0 app2 v1.0.0",
        ] {
            assert!(DependencyTree::parse(text).is_err(), "{text:?}");
        }
    }
}
