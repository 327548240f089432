//! `cargo xtask package`: checks the published crates as another project gets them, from their tarballs.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use xshell::{Shell, cmd};

use crate::runner::Runner;
use crate::tools::{self, NIGHTLY};
use crate::workspace::{Member, Workspace};

/// The files that each tarball must contain.
const FILES: [&str; 4] = ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"];
/// The files of the scratch projects, one for each library: `NAME.rs`.
const CONSUMERS: &str = "xtask/consumers";

/// The features with which a scratch project depends on a crate, if not the default features.
const CONSUMER_FEATURES: &[(&str, &[&str])] = &[
    ("bakong", &["http", "sqlite", "watch"]),
    ("bakong-flow", &["tokio"]),
];

/// Packs the published crates, unpacks the tarballs into a workspace of their own, and checks them there:
/// with the oldest Rust, with the oldest versions of their direct dependencies, with each feature, their docs, and each in
/// a scratch project that depends on that crate alone.
pub(crate) fn check(runner: &mut Runner, workspace: &Workspace, release: bool) -> Result<()> {
    let mut members = workspace.members();
    members.retain(|member| member.published);
    let oldest = oldest_rust(&members)?;
    tools::require(&[
        tools::toolchain(oldest),
        tools::toolchain(NIGHTLY),
        tools::cargo("hack"),
    ])?;
    let folder = workspace.target().join("package-check");
    let target = workspace.target().join("msrv");

    runner.step("metadata", |shell| metadata(shell, &members, release))?;
    runner.step("pack", |shell| {
        let packages = members.iter().flat_map(|member| ["-p", &member.name]);
        // The changes of a working copy are packed too. A release is packed from a clean one.
        let dirty = if release { None } else { Some("--allow-dirty") };
        cmd!(
            shell,
            "cargo package --quiet --no-verify {dirty...} {packages...}"
        )
        .run()?;
        unpack(shell, &members, workspace.target(), &folder)
    })?;
    runner.step("oldest versions of direct dependencies", |shell| {
        let _folder = shell.push_dir(&folder);
        // Users do not resolve them.
        cmd!(shell, "cargo hack --remove-dev-deps --workspace").run()?;
        // Only this command needs the unstable option. It writes the Cargo.lock of the scratch workspace.
        cmd!(
            shell,
            "rustup run {NIGHTLY} cargo update --quiet -Z direct-minimal-versions"
        )
        .run()?;
        Ok(())
    })?;
    let manifest = folder.join("Cargo.toml");
    let libraries = members.iter().filter(|member| member.library);
    // All checks share a target folder, so that each dependency is checked once.
    let strict = [
        ("CARGO_TARGET_DIR", target.as_str()),
        ("RUSTFLAGS", "-D warnings"),
    ];
    for Member { name, .. } in libraries.clone() {
        let features = match name.as_str() {
            // Its features only choose what it re-exports. Each would compile most dependencies again.
            "bakong" => &["--all-features"][..],
            // It needs a crypto provider and root certificates. aws-lc-rs takes minutes to build; clippy has checked it.
            "bakong-http" => &[
                "--each-feature",
                "--features=ring,webpki-roots",
                "--exclude-features=aws-lc-rs",
            ],
            _ => &["--each-feature"],
        };
        runner.command(&format!("features of {name}"), |shell| {
            cmd!(
                shell,
                "rustup run {oldest} cargo hack check --quiet --no-dev-deps {features...} --manifest-path {manifest} -p {name}"
            )
            .envs(strict)
        })?;
    }
    for Member { name, .. } in libraries.clone() {
        // As for its features: aws-lc-rs is not built.
        let features = match name.as_str() {
            "bakong-http" => "--features=native-roots",
            _ => "--all-features",
        };
        runner.command(&format!("docs of {name}"), |shell| {
            cmd!(
                shell,
                "rustup run {oldest} cargo doc --quiet --no-deps {features} --manifest-path {manifest} -p {name}"
            )
            .envs(strict)
            .env("RUSTDOCFLAGS", "-D warnings")
        })?;
    }
    for Member { name, .. } in libraries {
        runner.command(&format!("{name} alone"), |shell| {
            cmd!(
                shell,
                "rustup run {oldest} cargo check --quiet --manifest-path {manifest} -p consumer-of-{name}"
            )
            .envs(strict)
        })?;
    }
    Ok(())
}

/// Compares the public items of the libraries with those of a release: by default, with the newest tag.
pub(crate) fn semver(
    runner: &mut Runner,
    workspace: &Workspace,
    baseline: Option<&str>,
) -> Result<()> {
    let mut libraries = workspace.members();
    libraries.retain(|member| member.published && member.library);
    runner.step("semver", |shell| {
        let baseline = match baseline {
            Some(baseline) => baseline.to_owned(),
            None => cmd!(shell, "git tag --list v* --sort=-version:refname").read()?,
        };
        let Some(baseline) = baseline.lines().next() else {
            println!("No tag v* exists, so there is no release to compare with.");
            return Ok(());
        };
        tools::require(&[tools::cargo("semver-checks")])?;
        let packages = libraries.iter().flat_map(|member| ["-p", &member.name]);
        cmd!(
            shell,
            "cargo semver-checks --baseline-rev {baseline} {packages...}"
        )
        .run()?;
        Ok(())
    })
}

fn oldest_rust(members: &[Member]) -> Result<&str> {
    let mut versions = members.iter().map(|member| member.rust_version.as_deref());
    let first = versions
        .next()
        .flatten()
        .context("a published crate has no `rust-version`")?;
    ensure!(
        versions.all(|version| version == Some(first)),
        "the published crates must all have `rust-version.workspace = true`"
    );
    Ok(first)
}

/// Checks what the registry shows of a crate.
fn metadata(shell: &Shell, members: &[Member], release: bool) -> Result<()> {
    for Member {
        name,
        missing,
        folder,
        ..
    } in members
    {
        ensure!(
            missing.is_empty(),
            "{name}: Cargo.toml has no {}",
            missing.join(", ")
        );
        for file in FILES {
            ensure!(
                shell.path_exists(folder.join(file)),
                "{name}: {file} is missing"
            );
        }
    }
    let without = members.iter().find(|member| !member.has_repository);
    if let Some(member) = without {
        ensure!(
            !release,
            "{}: set `repository` in the Cargo.toml of the workspace",
            member.name
        );
        println!("`repository` is empty. RELEASING.md says when to set it.");
    }
    Ok(())
}

/// Makes a workspace of the unpacked tarballs and of a scratch project for each library.
fn unpack(shell: &Shell, members: &[Member], target: &Utf8Path, folder: &Utf8Path) -> Result<()> {
    shell.remove_path(folder)?;
    let crates = shell.create_dir(folder.join("crates"))?;
    let mut patches = String::new();
    let mut commands = Vec::new();
    for Member {
        name,
        version,
        library,
        ..
    } in members
    {
        let tarball = target
            .join("package")
            .join(format!("{name}-{version}.crate"));
        cmd!(shell, "tar -xzf {tarball} -C {crates}")
            .quiet()
            .run()?;
        for file in FILES {
            let path = crates.join(format!("{name}-{version}")).join(file);
            ensure!(
                shell.path_exists(&path),
                "the tarball of {name} has no {file}"
            );
        }
        if *library {
            writeln!(patches, "{name} = {{ path = \"crates/{name}-{version}\" }}")?;
            consumer(shell, name, version, folder)?;
        } else {
            commands.push(format!("crates/{name}-{version}"));
        }
    }
    let root = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\", \"consumers/*\"]\nexclude = {commands:?}\n\n\
         [patch.crates-io]\n{patches}"
    );
    shell.write_file(folder.join("Cargo.toml"), root)?;
    Ok(())
}

fn consumer(shell: &Shell, name: &str, version: &str, folder: &Utf8Path) -> Result<()> {
    let source: Utf8PathBuf = Utf8Path::new(CONSUMERS).join(format!("{name}.rs"));
    let folder = folder.join("consumers").join(name);
    let features = CONSUMER_FEATURES.iter().find(|(other, _)| *other == name);
    let features = features.map_or(&[][..], |(_, features)| features);
    let text = shell
        .read_file(&source)
        .with_context(|| format!("each published library has a scratch project: write {source}"))?;
    shell.write_file(folder.join("src/lib.rs"), text)?;
    shell.write_file(
        folder.join("Cargo.toml"),
        format!(
            "[package]\nname = \"consumer-of-{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\n{name} = {{ version = \"{version}\", features = {features:?} }}\n"
        ),
    )?;
    Ok(())
}
