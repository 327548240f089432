//! Import cycles between the modules of a crate.
//!
//! The modules of a cycle cannot be understood, moved or tested independently. The rule applies to the siblings
//! at each level of the module tree: an import between two modules counts for their ancestors that are siblings. A child
//! may use the items of its parent, and a parent may use and re-export the items of its children. A path to a re-export
//! counts as an import of the parent that re-exports the item. Modules for tests do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, UseTree};

/// The path of a module: the module names from the root of the crate.
type ModulePath = Vec<String>;

/// Imports between siblings: importing module, imported module, and an example of a path that imports it.
type Imports = BTreeMap<(ModulePath, ModulePath), String>;

/// Returns a description of each cycle in the crate whose root module is `root`, such as `src/lib.rs`.
///
/// # Errors
/// If a module file is missing or cannot be parsed.
pub fn find(root: &Path) -> Result<Vec<String>> {
    let mut tree = ModuleTree::default();
    let folder = root.parent().unwrap_or(Path::new("."));
    tree.read_file(root, folder, &Vec::new())?;
    Ok(describe_cycles(&tree.imports()))
}

/// All modules of a crate and the paths that they contain.
#[derive(Debug, Default)]
struct ModuleTree {
    modules: BTreeMap<ModulePath, BTreeSet<Vec<String>>>,
}

impl ModuleTree {
    /// Reads a module and its children. `folder` contains the files of the children.
    fn read_file(&mut self, file: &Path, folder: &Path, module: &ModulePath) -> Result<()> {
        let name = || file.display().to_string();
        let text = fs::read_to_string(file).with_context(name)?;
        let parsed = syn::parse_file(&text).with_context(name)?;
        self.read_items(&parsed.items, folder, module)
    }

    fn read_items(&mut self, items: &[Item], folder: &Path, module: &ModulePath) -> Result<()> {
        let mut paths = PathCollector::default();
        items.iter().for_each(|item| paths.visit_item(item));
        self.modules.insert(module.clone(), paths.found);
        for item in items {
            let Item::Mod(ItemMod {
                attrs,
                ident,
                content,
                ..
            }) = item
            else {
                continue;
            };
            if is_for_tests(attrs) {
                continue;
            }
            let name = ident.to_string();
            let child = [&module[..], std::slice::from_ref(&name)].concat();
            let child_folder = folder.join(&name);
            match content {
                Some((_, items)) => self.read_items(items, &child_folder, &child)?,
                None => {
                    let file = folder.join(format!("{name}.rs"));
                    let file = if file.exists() {
                        file
                    } else {
                        child_folder.join("mod.rs")
                    };
                    self.read_file(&file, &child_folder, &child)?;
                }
            }
        }
        Ok(())
    }

    fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (module, paths) in &self.modules {
            for path in paths {
                let Some(target) = self.target(module, path) else {
                    continue;
                };
                let common = module
                    .iter()
                    .zip(&target)
                    .take_while(|(a, b)| a == b)
                    .count();
                if common < module.len() && common < target.len() {
                    let siblings = (module[..=common].to_vec(), target[..=common].to_vec());
                    let example = || format!("{} uses {}", display(module), path.join("::"));
                    imports.entry(siblings).or_insert_with(example);
                }
            }
        }
        imports
    }

    /// Returns the innermost module that `path` names, resolved from `module`.
    fn target(&self, module: &ModulePath, path: &[String]) -> Option<ModulePath> {
        let mut target = module.clone();
        for name in path {
            match name.as_str() {
                "crate" => target.clear(),
                "self" => {}
                "super" => drop(target.pop()?),
                _ => {
                    target.push(name.clone());
                    if !self.modules.contains_key(&target) {
                        target.pop();
                        break;
                    }
                }
            }
        }
        Some(target)
    }
}

/// Collects the paths that start with `crate`, `self` or `super`, except in modules and items for tests.
#[derive(Debug, Default)]
struct PathCollector {
    found: BTreeSet<Vec<String>>,
}

impl PathCollector {
    fn add(&mut self, path: Vec<String>) {
        if matches!(
            path.first().map(String::as_str),
            Some("crate" | "self" | "super")
        ) {
            self.found.insert(path);
        }
    }

    fn add_use(&mut self, tree: &UseTree, mut path: Vec<String>) {
        match tree {
            UseTree::Path(node) => {
                path.push(node.ident.to_string());
                self.add_use(&node.tree, path);
            }
            UseTree::Name(node) => {
                path.push(node.ident.to_string());
                self.add(path);
            }
            UseTree::Rename(node) => {
                path.push(node.ident.to_string());
                self.add(path);
            }
            UseTree::Glob(_) => self.add(path),
            UseTree::Group(group) => {
                group
                    .items
                    .iter()
                    .for_each(|tree| self.add_use(tree, path.clone()));
            }
        }
    }
}

impl<'ast> Visit<'ast> for PathCollector {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            // A nested module is collected separately.
            Item::Mod(_) => {}
            Item::Fn(item) if is_for_tests(&item.attrs) => {}
            Item::Impl(item) if is_for_tests(&item.attrs) => {}
            Item::Use(item) if is_for_tests(&item.attrs) => {}
            Item::Use(item) => self.add_use(&item.tree, Vec::new()),
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(
            path.segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect(),
        );
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        // The arguments of most macros are expressions.
        let parser = syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
        if let Ok(arguments) = item.parse_body_with(parser) {
            let paths = arguments.iter().map(|argument| {
                let mut inner = Self::default();
                inner.visit_expr(argument);
                inner.found
            });
            self.found.extend(paths.flatten());
        }
        visit::visit_macro(self, item);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|condition| condition.is_ident("test"))
    })
}

/// Describes each set of modules that reach each other, with one import for each pair.
fn describe_cycles(imports: &Imports) -> Vec<String> {
    let modules: BTreeSet<&ModulePath> = imports.keys().map(|(importing, _)| importing).collect();
    let reach: BTreeMap<&ModulePath, _> = modules
        .into_iter()
        .map(|module| (module, reachable(imports, module)))
        .collect();
    let reaches = |from: &ModulePath, to: &ModulePath| {
        reach.get(from).is_some_and(|found| found.contains(to))
    };
    let mut cycles: BTreeSet<Vec<&ModulePath>> = BTreeSet::new();
    for module in reach.keys().filter(|module| reaches(module, module)) {
        let cycle = reach
            .keys()
            .filter(|other| reaches(module, other) && reaches(other, module));
        cycles.insert(cycle.copied().collect());
    }
    let describe = |cycle: Vec<&ModulePath>| {
        let names: Vec<String> = cycle.iter().map(|module| display(module)).collect();
        let inside = imports
            .iter()
            .filter(|((from, to), _)| cycle.contains(&from) && cycle.contains(&to));
        let examples: String = inside
            .map(|(_, example)| format!("\n    {example}"))
            .collect();
        format!("{}:{examples}", names.join(", "))
    };
    cycles.into_iter().map(describe).collect()
}

/// Returns all modules that `from` imports directly or indirectly.
fn reachable<'i>(imports: &'i Imports, from: &'i ModulePath) -> BTreeSet<&'i ModulePath> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        for (_, imported) in imports.keys().filter(|(importing, _)| importing == module) {
            if found.insert(imported) {
                open.push(imported);
            }
        }
    }
    found
}

fn display(module: &[String]) -> String {
    if module.is_empty() {
        "crate".to_owned()
    } else {
        module.join("::")
    }
}

/// Returns the root modules of the package in `folder`.
#[must_use]
pub fn roots(folder: &Path) -> Vec<PathBuf> {
    let roots = ["lib.rs", "main.rs"].map(|name| folder.join("src").join(name));
    roots.into_iter().filter(|root| root.exists()).collect()
}

#[cfg(test)]
mod tests {
    use xshell::Shell;

    use super::*;

    /// Returns the cycles of a crate with these files, without the example imports.
    fn cycles(files: &[(&str, &str)]) -> Vec<String> {
        let shell = Shell::new().unwrap();
        let folder = shell.create_temp_dir().unwrap();
        for (name, text) in files {
            shell
                .write_file(folder.path().join("src").join(name), text)
                .unwrap();
        }
        let roots = roots(folder.path());
        let cycles = roots.iter().flat_map(|root| find(root).unwrap());
        let names = |cycle: String| cycle.split(':').next().map(str::to_owned);
        cycles.filter_map(names).collect()
    }

    #[test]
    fn imports_in_one_direction_are_no_cycle() {
        let found = cycles(&[
            (
                "lib.rs",
                "mod a; mod b { use crate::a::Error; } mod c; pub use a::Error; pub struct Root;",
            ),
            ("a.rs", "use crate::Root; pub struct Error;"),
            (
                "c/mod.rs",
                "mod d; pub use d::Deep; use super::b; use crate::a::*; pub struct Own;",
            ),
            (
                "c/d.rs",
                "use super::Own; use crate::Error; pub struct Deep;",
            ),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn use_declarations_inline_paths_and_macro_arguments_form_a_cycle() {
        let found = cycles(&[
            ("main.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::{d::Leaf, b::{self, Inner as Other}};"),
            ("b.rs", "fn f() -> super::c::T { todo!() }"),
            ("c.rs", "fn f() { println!(\"{}\", crate::a::NAME) }"),
            ("d.rs", "pub struct Leaf;"),
        ]);
        assert_eq!(found, ["a, b, c"]);
    }

    #[test]
    fn an_import_between_descendants_counts_for_the_siblings_above() {
        let found = cycles(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "mod inner;"),
            ("a/inner.rs", "use crate::b::inner::X;"),
            ("b.rs", "pub mod inner; mod other;"),
            ("b/inner.rs", "use super::other; pub struct X;"),
            ("b/other.rs", "use super::inner::X; use crate::a::A;"),
        ]);
        assert_eq!(found, ["a, b", "b"]);
    }

    #[test]
    fn imports_of_tests_do_not_count() {
        let found = cycles(&[
            ("lib.rs", "mod a; mod b;"),
            (
                "a.rs",
                "use crate::b; #[cfg(test)] mod tests { use crate::b::B; }",
            ),
            (
                "b.rs",
                "#[cfg(test)] use crate::a; #[cfg(test)] mod tests { use crate::a::A; }",
            ),
        ]);
        assert_eq!(found, [""; 0]);
    }
}
