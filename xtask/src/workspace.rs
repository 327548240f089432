//! The packages of the workspace, from `cargo metadata`.

use anyhow::{Context as _, Result};
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, Target};

pub(crate) struct Workspace {
    metadata: Metadata,
}

/// A package of the workspace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) folder: Utf8PathBuf,
    /// Whether the package is published to a registry.
    pub(crate) published: bool,
    pub(crate) library: bool,
    /// The oldest supported Rust, as rustup names it.
    pub(crate) rust_version: Option<String>,
    /// The metadata of a published crate that its manifest lacks, without the address of the repository.
    pub(crate) missing: Vec<&'static str>,
    pub(crate) has_repository: bool,
    /// The normal and build dependencies in the workspace, including optional ones.
    pub(crate) dependencies: Vec<String>,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        let metadata = MetadataCommand::new().no_deps().exec();
        let metadata = metadata.context("`cargo metadata` cannot read the manifests")?;
        Ok(Self { metadata })
    }

    /// Returns the folder of build results.
    pub(crate) fn target(&self) -> &Utf8Path {
        &self.metadata.target_directory
    }

    /// Returns the version of the published crates.
    pub(crate) fn version(&self) -> String {
        let packages = self.metadata.workspace_packages();
        let published = packages
            .iter()
            .find(|package| package.name == "bakong-khqr-core");
        published.map_or_else(String::new, |package| package.version.to_string())
    }

    /// Returns the exact version that khqr-wasm requires of a dependency.
    pub(crate) fn version_of(&self, dependency: &str) -> Result<String> {
        let packages = self.metadata.workspace_packages();
        let mut dependencies = packages.iter().flat_map(|package| &package.dependencies);
        let found = dependencies.find(|other| other.name == dependency);
        let requirement = found.map(|found| found.req.to_string());
        let version = requirement
            .as_deref()
            .and_then(|text| text.strip_prefix('='));
        version
            .map(str::to_owned)
            .with_context(|| format!("no package requires an exact version of {dependency}"))
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        let packages = self.metadata.workspace_packages();
        packages
            .iter()
            .map(|package| member(package, &packages))
            .collect()
    }
}

/// Returns the keys that a reader of the registry expects, and that the manifest does not have.
fn missing_metadata(package: &Package) -> Vec<&'static str> {
    let docs = package.metadata.pointer("/docs/rs/all-features");
    let keys = [
        ("description", package.description.is_some()),
        ("license", package.license.is_some()),
        ("readme", package.readme.is_some()),
        ("keywords", !package.keywords.is_empty()),
        ("categories", !package.categories.is_empty()),
        // The documentation shows what is behind features.
        (
            "package.metadata.docs.rs.all-features",
            package.features.is_empty() || docs.is_some(),
        ),
    ];
    let missing = keys.into_iter().filter(|(_, present)| !present);
    missing.map(|(key, _)| key).collect()
}

fn member(package: &Package, workspace: &[&Package]) -> Member {
    let in_workspace = |name: &str| workspace.iter().any(|other| other.name.as_str() == name);
    let dependencies = package.dependencies.iter().filter(|dependency| {
        dependency.kind != DependencyKind::Development && in_workspace(&dependency.name)
    });
    Member {
        name: package.name.to_string(),
        version: package.version.to_string(),
        folder: package
            .manifest_path
            .parent()
            .unwrap_or(Utf8Path::new("."))
            .to_owned(),
        published: package
            .publish
            .as_ref()
            .is_none_or(|registries| !registries.is_empty()),
        library: package.targets.iter().any(Target::is_lib),
        rust_version: package
            .rust_version
            .as_ref()
            .map(|version| match version.patch {
                0 => format!("{}.{}", version.major, version.minor),
                _ => version.to_string(),
            }),
        missing: missing_metadata(package),
        has_repository: package
            .repository
            .as_deref()
            .is_some_and(|url| !url.is_empty()),
        dependencies: dependencies
            .map(|dependency| dependency.name.clone())
            .collect(),
    }
}
