//! The official SDK and ts-khqr, installed from npm and run by Node.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value as Json;
use xshell::{Shell, TempDir, cmd};

use crate::parse_answers;

/// The files of the folder in which npm installs the packages.
const FILES: [(&str, &str); 10] = [
    ("package.json", include_str!("../node/package.json")),
    (
        "package-lock.json",
        include_str!("../node/package-lock.json"),
    ),
    ("harness.js", include_str!("../node/harness.js")),
    ("guard.js", include_str!("../node/guard.js")),
    ("clock.js", include_str!("../node/clock.js")),
    ("official.js", include_str!("../node/official.js")),
    ("other.js", include_str!("../node/other.js")),
    ("drop_in.js", include_str!("../node/drop_in.js")),
    ("jest.js", include_str!("../node/jest.js")),
    ("jest_globals.js", include_str!("../node/jest_globals.js")),
];

/// A temporary folder with the packages.
#[derive(Debug)]
pub(crate) struct Node {
    shell: Shell,
    _folder: TempDir,
}

impl Node {
    /// Installs the versions of the lock file.
    pub(crate) fn install() -> Result<Self> {
        let shell = Shell::new()?;
        let folder = shell.create_temp_dir()?;
        shell.change_dir(folder.path());
        for (name, text) in FILES {
            shell.write_file(name, text)?;
        }
        cmd!(
            shell,
            "npm ci --ignore-scripts --no-audit --no-fund --silent"
        )
        .run()
        .context("npm could not install bakong-khqr and ts-khqr")?;
        Ok(Self {
            shell,
            _folder: folder,
        })
    }

    /// Makes the npm package khqr-wasm in `package` available to the harness.
    pub(crate) fn link(&self, package: &Path) -> Result<()> {
        let package = package.canonicalize()?;
        cmd!(self.shell, "ln -s {package} node_modules/khqr-wasm").run()?;
        Ok(())
    }

    /// Answers requests, each on one line of JSON, in their order.
    pub(crate) fn ask(&self, requests: &[String]) -> Result<Vec<Json>> {
        let shell = &self.shell;
        let answers = cmd!(shell, "node harness.js")
            .quiet()
            .stdin(requests.join("\n") + "\n")
            .read()?;
        parse_answers(&answers, requests.len())
    }
}
