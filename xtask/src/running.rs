//! A `bakong sandbox` that runs beside a chore, and ends with it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value as Json;

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::workspace::Workspace;

/// The command as cargo builds it for tests.
#[derive(Debug, Clone)]
pub(crate) struct Bakong {
    root: PathBuf,
    program: PathBuf,
}

impl Bakong {
    pub(crate) fn of(workspace: &Workspace) -> Self {
        let name = format!("bakong{}", std::env::consts::EXE_SUFFIX);
        Self {
            root: workspace.root().to_owned(),
            program: workspace.target_directory().join("debug").join(name),
        }
    }

    pub(crate) fn build(&self) -> Result<(), Failure> {
        Invocation::cargo(
            &self.root,
            &["build", "-p", "bakong-cli", "--bin", "bakong"],
        )
        .run()
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// What the command says.
    pub(crate) fn output(&self, args: &[&str]) -> Result<String, Failure> {
        Invocation::program(self.program.to_string_lossy(), &self.root, args).output()
    }
}

/// A running sandbox, killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Sandbox {
    child: Child,
    pub(crate) base_url: String,
    pub(crate) token: String,
}

impl Sandbox {
    pub(crate) fn start(bakong: &Bakong, more: &[&str]) -> Result<Self, Failure> {
        let failed = |why: String| Failure::new(format!("the sandbox does not start: {why}"));
        let mut child = Command::new(&bakong.program)
            .args(["sandbox", "--json", "--listen", "127.0.0.1:0"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(format!("{}: {error}", bakong.program.display())))?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            // What it says of itself is all that it says.
            let _ = BufReader::new(out).read_line(&mut line);
        }
        let mut sandbox = Self {
            child,
            base_url: String::new(),
            token: String::new(),
        };
        let told: Json = serde_json::from_str(&line)
            .map_err(|error| failed(format!("it says {line:?}: {error}")))?;
        for (name, place) in [
            ("baseUrl", &mut sandbox.base_url),
            ("token", &mut sandbox.token),
        ] {
            let text = told.get(name).and_then(Json::as_str);
            *place = text
                .ok_or_else(|| failed(format!("it does not say its {name}")))?
                .to_owned();
        }
        Ok(sandbox)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder in the system's place for temporary files, gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// With these files in it.
    pub(crate) fn with(name: &str, files: &[(&str, &str)]) -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        let failed = |path: &Path, error: &std::io::Error| {
            Failure::new(format!("{} could not be written: {error}", path.display()))
        };
        let folder = Self(path);
        std::fs::create_dir_all(&folder.0).map_err(|error| failed(&folder.0, &error))?;
        for (name, text) in files {
            let file = folder.0.join(name);
            if let Some(parent) = file.parent() {
                std::fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
            }
            std::fs::write(&file, text).map_err(|error| failed(&file, &error))?;
        }
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
