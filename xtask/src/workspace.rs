//! What this program knows of the workspace, all of it read from the manifests through `cargo
//! metadata`, so that no list of crates has to be kept here.

use std::path::Path;

use cargo_metadata::semver::Version;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use crate::failure::Failure;

/// The workspace's manifests.
#[derive(Debug)]
pub(crate) struct Workspace {
    metadata: Metadata,
}

/// A crate of the workspace and the crates of the workspace that its manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// Whether it goes to a registry; `publish = false` says that it does not.
    pub(crate) published: bool,
    /// Whether it has a library, beside whatever binaries.
    pub(crate) library: bool,
    pub(crate) rust_version: Option<Version>,
    /// Its normal and build dependencies inside the workspace, optional ones included, whatever the
    /// platform.
    pub(crate) knows: Vec<String>,
}

impl Workspace {
    /// The workspace of the current directory.
    pub(crate) fn load() -> Result<Self, Failure> {
        let metadata = MetadataCommand::new().no_deps().exec().map_err(|error| {
            Failure::new(format!(
                "the workspace's manifests could not be read: {error}. `cargo metadata` says where."
            ))
        })?;
        Ok(Self { metadata })
    }

    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// Where build results are.
    pub(crate) fn target_directory(&self) -> &Path {
        self.metadata.target_directory.as_std_path()
    }

    /// A folder for build results of its own below `target/`, written relative to the root where it
    /// lies in it.
    pub(crate) fn target_folder(&self, name: &str) -> String {
        let folder = self.metadata.target_directory.join(name);
        folder
            .strip_prefix(&self.metadata.workspace_root)
            .unwrap_or(&folder)
            .to_string()
    }

    /// The workspace's crates, by name.
    pub(crate) fn members(&self) -> Vec<Member> {
        let packages = self.metadata.workspace_packages();
        let mut members: Vec<Member> = packages
            .iter()
            .map(|package| member(package, &packages))
            .collect();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        members
    }
}

fn member(package: &Package, workspace: &[&Package]) -> Member {
    let inside = |name: &str| workspace.iter().any(|other| other.name.as_str() == name);
    let mut knows: Vec<String> = package
        .dependencies
        .iter()
        .filter(|dependency| {
            dependency.kind != DependencyKind::Development && inside(&dependency.name)
        })
        .map(|dependency| dependency.name.clone())
        .collect();
    knows.sort();
    knows.dedup();
    Member {
        name: package.name.to_string(),
        published: package
            .publish
            .as_ref()
            .is_none_or(|registries| !registries.is_empty()),
        library: package.targets.iter().any(cargo_metadata::Target::is_lib),
        rust_version: package.rust_version.clone(),
        knows,
    }
}
