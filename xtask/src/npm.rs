//! The npm package `khqr-wasm`: building, testing and measuring it.
//!
//! Everything runs in `target/npm-tools`, where npm installs the packages of the lock file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use xshell::{Shell, cmd};

use crate::runner::Runner;
use crate::tools;
use crate::workspace::Workspace;

const CRATE: &str = "crates/khqr-wasm";

/// Builds the package into `target/npm`.
pub(crate) fn build(runner: &mut Runner, workspace: &Workspace) -> Result<()> {
    let bindgen = workspace.version_of("wasm-bindgen")?;
    tools::require(&[tools::node(), vec![tools::wasm_bindgen(&bindgen)]].concat())?;
    let target = workspace.target();
    runner.step("install the npm packages", |shell| install(shell, target))?;
    runner.step("npm package", |shell| {
        cmd!(
            shell,
            "cargo build -p khqr-wasm --profile wasm --target wasm32-unknown-unknown"
        )
        .env("RUSTFLAGS", remap_registry()?)
        .run()?;
        let wasm = target.join("wasm32-unknown-unknown/wasm/khqr_wasm.wasm");
        let glue = target.join("npm-glue");
        let options = "--target web --omit-default-module-path --no-typescript --out-name glue";
        let options = options.split(' ');
        cmd!(shell, "wasm-bindgen {wasm} {options...} --out-dir {glue}").run()?;
        let (tools, package) = (tools_folder(target), target.join("npm"));
        let version = workspace.version();
        cmd!(
            shell,
            "node {tools}/build.mjs {CRATE} {glue} {package} {version}"
        )
        .run()?;
        Ok(())
    })
}

/// Builds and tests the package.
pub(crate) fn test(runner: &mut Runner, workspace: &Workspace) -> Result<()> {
    let chromium = tools::require_chromium()?;
    build(runner, workspace)?;
    let target = workspace.target();
    let (tools, package) = (tools_folder(target), target.join("npm"));
    for version in ["18", "20", "22"] {
        let node = tools.join(format!("node_modules/node-{version}/bin/node"));
        runner.step(&format!("tests with Node {version}"), |shell| {
            let _folder = shell.push_dir(&tools);
            let files = test_files(shell, &tools)?;
            ensure!(
                shell.path_exists(&node),
                "{CRATE}/tools/package.json has Node {version} for Linux on x64 only"
            );
            cmd!(shell, "{node} --test {files...}").run()?;
            Ok(())
        })?;
    }
    runner.step("types", |shell| {
        let _folder = shell.push_dir(tools.join("tests/types"));
        for resolution in ["node16-esm", "node16-cjs", "bundler", "node10"] {
            cmd!(
                shell,
                "node ../../node_modules/typescript/bin/tsc -p tsconfig.{resolution}.json"
            )
            .run()?;
        }
        Ok(())
    })?;
    runner.step("page in Chromium", |shell| {
        let driver = shell
            .current_dir()
            .join("crates/bakong-sandbox/tests/page/browser.js");
        let _folder = shell.push_dir(&tools);
        cmd!(shell, "node tests/page/run.mjs")
            .env("BROWSER", driver)
            .env("CHROMIUM", chromium)
            .run()?;
        Ok(())
    })?;
    runner.step("conformance of the drop-in", |shell| {
        cmd!(
            shell,
            "cargo run --quiet -p conformance -- --drop-in {package} --generate 3000 --texts 3000"
        )
        .run()?;
        Ok(())
    })
}

/// Compares the speed with NBC's SDK and with ts-khqr, in one process of Node.
pub(crate) fn bench(runner: &mut Runner, workspace: &Workspace) -> Result<()> {
    build(runner, workspace)?;
    let tools = tools_folder(workspace.target());
    runner.step("bench-npm", |shell| {
        let _folder = shell.push_dir(&tools);
        cmd!(shell, "node bench.cjs").run()?;
        Ok(())
    })
}

/// Returns the flag that keeps the path of cargo's registry out of the module: panic messages name source files.
fn remap_registry() -> Result<String> {
    let home = match (std::env::var("CARGO_HOME"), std::env::var("HOME")) {
        (Ok(home), _) => home,
        (_, home) => format!("{}/.cargo", home.context("HOME is not set")?),
    };
    Ok(format!("--remap-path-prefix={home}/registry/src=registry"))
}

fn tools_folder(target: &Utf8Path) -> Utf8PathBuf {
    target.join("npm-tools")
}

/// Installs the packages of the lock file, unless they are installed, and copies the scripts next to them. Links the
/// package under test, so that the scripts load it by its name.
fn install(shell: &Shell, target: &Utf8Path) -> Result<()> {
    let folder = tools_folder(target);
    let lock = format!("{CRATE}/tools/package-lock.json");
    let installed = folder.join("installed-lock.json");
    if shell.read_file(&installed).ok() != Some(shell.read_file(&lock)?) {
        shell.create_dir(&folder)?;
        for name in ["package.json", "package-lock.json"] {
            shell.copy_file(format!("{CRATE}/tools/{name}"), folder.join(name))?;
        }
        let _folder = shell.push_dir(&folder);
        cmd!(
            shell,
            "npm ci --ignore-scripts --no-audit --no-fund --silent"
        )
        .run()?;
        shell.copy_file("package-lock.json", &installed)?;
    }
    shell.remove_path(folder.join("tests"))?;
    copy_folder(shell, format!("{CRATE}/tools").as_ref(), folder.as_ref())?;
    copy_folder(
        shell,
        format!("{CRATE}/tests/npm").as_ref(),
        folder.join("tests").as_ref(),
    )?;
    shell.copy_file(
        "xtask/conformance/node/jest_globals.js",
        folder.join("tests"),
    )?;
    let link = folder.join("node_modules/khqr-wasm");
    if !shell.path_exists(&link) {
        let package = target.join("npm");
        cmd!(shell, "ln -sfn {package} {link}").run()?;
    }
    Ok(())
}

fn copy_folder(shell: &Shell, from: &Path, to: &Path) -> Result<()> {
    shell.create_dir(to)?;
    for path in shell.read_dir(from)? {
        let to = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_folder(shell, &path, &to)?;
        } else {
            shell.copy_file(path, to)?;
        }
    }
    Ok(())
}

fn test_files(shell: &Shell, tools: &Utf8Path) -> Result<Vec<PathBuf>> {
    let mut files = shell.read_dir(tools.join("tests"))?;
    files.retain(|file| file.to_string_lossy().contains(".test."));
    Ok(files)
}
