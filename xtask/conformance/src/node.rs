//! The official SDK and its port, installed from npm and run in one process of Node.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;

use super::peer::Peer;

/// What is put into the folder where they are installed, so that `require` finds them.
const FILES: [(&str, &str); 8] = [
    ("package.json", include_str!("node/package.json")),
    ("package-lock.json", include_str!("node/package-lock.json")),
    ("harness.js", include_str!("node/harness.js")),
    ("guard.js", include_str!("node/guard.js")),
    ("clock.js", include_str!("node/clock.js")),
    ("official.js", include_str!("node/official.js")),
    ("other.js", include_str!("node/other.js")),
    ("jest.js", include_str!("node/jest.js")),
];

/// The running process, and the folder that goes with it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) peer: Peer,
    // Dropped after the process that runs in it.
    _folder: Folder,
}

impl Node {
    /// Installs both, in the versions of the lock file, and starts them.
    pub(super) fn start() -> Result<Self, Failure> {
        let folder = Folder::make()?;
        for (name, text) in FILES {
            let file = folder.0.join(name);
            fs::write(&file, text).map_err(|error| {
                Failure::new(format!("{} could not be written: {error}", file.display()))
            })?;
        }
        install(&folder.0)?;
        let mut node = Command::new("node");
        node.arg("harness.js").current_dir(&folder.0);
        Ok(Self {
            peer: Peer::start("node with the SDKs", node)?,
            _folder: folder,
        })
    }
}

fn install(folder: &Path) -> Result<(), Failure> {
    println!(
        "$ npm ci  # bakong-khqr and ts-khqr, in {}",
        folder.display()
    );
    let asked = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .output();
    let why = match asked {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr)
            .trim_end()
            .to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Failure::new(format!(
        "the SDKs could not be installed, so nothing was compared: {why}"
    )))
}

#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Failure> {
        let name = format!("khqr-conformance-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).map_err(|error| {
            Failure::new(format!("{} could not be made: {error}", path.display()))
        })?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
