//! A program to run and how it is written: what is printed before it runs can be pasted to run it
//! again.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// A program with its arguments, to be run in the workspace's root.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    program: String,
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
    directory: PathBuf,
}

impl Invocation {
    /// `cargo`, of the toolchain that runs this program.
    pub(crate) fn cargo(root: &Path, args: &[&str]) -> Self {
        Self {
            program: "cargo".to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            env: Vec::new(),
            directory: root.to_owned(),
        }
    }

    /// `cargo` of another toolchain. Not `cargo +toolchain`: inside `cargo run`, the first `cargo`
    /// on the path need not be rustup's, and only rustup's knows the plus sign.
    pub(crate) fn cargo_of(toolchain: &str, root: &Path, args: &[&str]) -> Self {
        let mut invocation = Self::cargo(root, &["run", toolchain, "cargo"]).also(args);
        invocation.program = "rustup".to_owned();
        invocation
    }

    /// A script for Node, run in `directory`.
    pub(crate) fn node(directory: &Path, args: &[&str]) -> Self {
        Self::program("node", directory, args)
    }

    /// Any other program, run in `directory`.
    pub(crate) fn program(program: impl Into<String>, directory: &Path, args: &[&str]) -> Self {
        let mut invocation = Self::cargo(directory, args);
        invocation.program = program.into();
        invocation
    }

    /// The same with further arguments.
    pub(crate) fn also<S: AsRef<str>>(mut self, args: &[S]) -> Self {
        self.args
            .extend(args.iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// The same with an environment variable set.
    pub(crate) fn with_env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// Prints the command, runs it with this program's standard streams, and reports anything but
    /// success.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        println!("$ {self}");
        let status = self
            .command()
            .stdin(Stdio::null())
            .status()
            .map_err(|error| self.unstartable(&error))?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::new(format!("`{self}` ended with {status}")))
        }
    }

    /// Runs the command quietly and returns what it wrote to its standard output.
    pub(crate) fn output(&self) -> Result<String, Failure> {
        let output = self
            .command()
            .stdin(Stdio::null())
            .output()
            .map_err(|error| self.unstartable(&error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!(
                "`{self}` ended with {}:\n{}",
                output.status,
                said.trim_end()
            )));
        }
        String::from_utf8(output.stdout)
            .map_err(|_| Failure::new(format!("`{self}` wrote text that is not UTF-8")))
    }

    fn command(&self) -> Command {
        // Cargo names itself to what it runs; taking that one keeps every step on one toolchain.
        let program = match (self.program.as_str(), std::env::var_os("CARGO")) {
            ("cargo", Some(cargo)) => cargo,
            (program, _) => program.into(),
        };
        let mut command = Command::new(program);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.directory);
        command
    }

    fn unstartable(&self, error: &std::io::Error) -> Failure {
        Failure::new(format!(
            "`{}` could not be started for `{self}`: {error}",
            self.program
        ))
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str(&quoted(&self.program))?;
        self.args
            .iter()
            .try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

// As a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./,:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_printed_as_a_shell_reads_it() {
        let doc = Invocation::cargo(Path::new("."), &["doc", "--no-deps"])
            .with_env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            doc.to_string(),
            "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps"
        );
        let bench = Invocation::cargo(Path::new("."), &["bench", "--", "it's", ""]);
        assert_eq!(bench.to_string(), r"cargo bench -- 'it'\''s' ''");
        let check = Invocation::cargo_of("1.88", Path::new("."), &["check"]);
        assert_eq!(check.to_string(), "rustup run 1.88 cargo check");
    }

    #[test]
    fn an_unsuccessful_command_is_a_failure_that_names_it() {
        let failure = Invocation::cargo(Path::new("."), &["no-such-command-at-all"])
            .output()
            .expect_err("unknown");
        assert!(
            failure
                .to_string()
                .starts_with("`cargo no-such-command-at-all` ended with"),
            "{failure}"
        );
    }
}
