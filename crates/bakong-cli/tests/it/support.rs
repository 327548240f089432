//! Running the command, beside a sandbox in this process.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use bakong_sandbox::{Customer, Sandbox};
use khqr_core::AccountId;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::qr_scanner::is_drawing;

/// The command with these arguments, with no token, no proxy and no colours.
pub(crate) fn bakong(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bakong"));
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command
        .args(arguments)
        .env_remove("BAKONG_TOKEN")
        .env_remove("BAKONG_EMAIL")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs it to its end.
pub(crate) async fn run(arguments: &[&str]) -> Finished {
    Finished::of(bakong(arguments).output().await.unwrap())
}

/// Runs it to its end, with this on its standard input.
pub(crate) async fn run_with_input(arguments: &[&str], input: &str) -> Finished {
    let mut child = bakong(arguments).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    Finished::of(child.wait_with_output().await.unwrap())
}

/// A folder of its own, gone with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bakong-{}-{count}", std::process::id());
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// A file in it, which need not be there.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// A file in it that only its owner may read.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.file(name);
        std::fs::write(&path, text).unwrap();
        set_mode(&path, 0o600);
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
pub(crate) fn set_mode(path: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
pub(crate) fn set_mode(_: &str, _: u32) {}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Finished {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            exit: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The one JSON object on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }

    /// That this stands nowhere in what it printed.
    #[track_caller]
    pub(crate) fn hides(&self, secret: &str) {
        let shown = self.out.contains(secret) || self.err.contains(secret);
        assert!(!shown, "{self:?}");
    }

    /// The value of a row such as `  MD5        …`.
    #[track_caller]
    pub(crate) fn row(&self, name: &str) -> &str {
        row(self.out.lines(), name).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }
}

/// The value in the first row with this name.
pub(crate) fn row<'a>(lines: impl IntoIterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    lines
        .into_iter()
        .find_map(|line| line.strip_prefix("  ")?.strip_prefix(name))
        .map(str::trim)
}

/// A checkout against a sandbox that the test holds in its hand.
pub(crate) struct Shop {
    pub(crate) child: Child,
    pub(crate) code: String,
    /// What it printed up to the code.
    pub(crate) before: Vec<String>,
    lines: Lines<BufReader<ChildStdout>>,
}

/// The token that a sandbox takes.
pub(crate) fn token(sandbox: &Sandbox) -> String {
    sandbox.issue_token("shop@example.com")
}

pub(crate) fn dara(sandbox: &Sandbox) -> Customer {
    sandbox.customer(AccountId::new("dara@devb").unwrap())
}

impl Shop {
    /// Starts a checkout and reads on until it has drawn its code.
    pub(crate) async fn open(sandbox: &Sandbox, more: &[&str]) -> Self {
        let base_url = sandbox.base_url();
        let arguments = [&["checkout", "--base-url", &base_url], more].concat();
        let mut child = bakong(&arguments)
            .env("BAKONG_TOKEN", token(sandbox))
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut before = Vec::new();
        // A drawing is a square, and a line of it two rows.
        let is_drawn = |before: &[String]| {
            let mut drawing = before.iter().filter(|line| is_drawing(line));
            let width = drawing.next().map(|line| line.chars().count());
            width.is_some_and(|width| 1 + drawing.count() == width.div_ceil(2))
        };
        while !is_drawn(&before) {
            before.push(lines.next_line().await.unwrap().expect("it draws a code"));
        }
        let code = row(before.iter().map(String::as_str), "code").unwrap();
        Self {
            child,
            code: code.to_owned(),
            before,
            lines,
        }
    }

    /// Reads on to the end.
    pub(crate) async fn finish(mut self) -> Finished {
        let mut out = String::new();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            out.push_str(&line);
            out.push('\n');
        }
        let output = self.child.wait_with_output().await.unwrap();
        Finished {
            out,
            ..Finished::of(output)
        }
    }
}
