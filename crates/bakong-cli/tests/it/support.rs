//! Runs the command beside a sandbox in this process.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bakong_sandbox::{Customer, Sandbox};
use khqr_core::{AccountId, Amount, Currency, KhqrBuilder, Timestamp};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::qr_scanner::is_drawing;

/// The MD5 of a code that no sandbox knows.
pub(crate) const MD5: &str = "74c4012a1d65f9f4c7c647fc8f370f07";

/// A well-formed token that no sandbox accepts. It expires in 2027.
pub(crate) const UNKNOWN_TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE4MDMwMDAwMDB9.c2VjcmV0";

/// Variables for empty folders of a user, so that a command does not read the config file, the tokens or the store of the
/// developer.
pub(crate) fn user_folders() -> impl Iterator<Item = (&'static str, PathBuf)> {
    let home = unused_path("home");
    let folder = move |name: &str| home.join(name);
    [
        ("HOME", folder("")),
        ("XDG_CONFIG_HOME", folder("config")),
        ("XDG_DATA_HOME", folder("data")),
    ]
    .into_iter()
}

/// Hides the settings of the developer from a command: the user's folders, and all variables of the command.
pub(crate) fn isolate(command: &mut std::process::Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BAKONG_") {
            command.env_remove(name);
        }
    }
    command.envs(user_folders());
}

/// The command with these arguments, without settings, token, proxy and colours, and with a store of its own.
pub(crate) fn bakong(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bakong"));
    isolate(command.as_std_mut());
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command
        .args(arguments)
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .env_remove("NO_COLOR")
        .env_remove("PGPASSWORD")
        .env("BAKONG_STORE", unused_path("store.db"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// The command in a shell that cannot write files of more than 1 KiB, as on a full disk.
#[cfg(target_os = "linux")]
pub(crate) fn bakong_on_full_disk(arguments: &[&str]) -> Command {
    let program = bakong(&[]).as_std().get_program().to_owned();
    let mut shell = Command::new("bash");
    isolate(shell.as_std_mut());
    shell
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""])
        .arg(program)
        .args(arguments);
    shell
}

/// An output that nobody reads. The processes that other tests start at the same moment have each pipe until they execute
/// their program, so a pipe could still have a reader.
#[cfg(unix)]
pub(crate) fn unread_output() -> Stdio {
    let (ours, output) = std::os::unix::net::UnixStream::pair().unwrap();
    ours.shutdown(std::net::Shutdown::Both).unwrap();
    Stdio::from(std::os::fd::OwnedFd::from(output))
}

/// Splits a command line at spaces. Single quotes keep an argument together.
pub(crate) fn words(line: &str) -> Vec<&str> {
    let quoted = |(index, part): (usize, _)| match index % 2 {
        0 => str::split_whitespace(part).collect(),
        _ => vec![part],
    };
    line.split('\'').enumerate().flat_map(quoted).collect()
}

/// Runs the command to its end.
pub(crate) async fn run(arguments: &[&str]) -> Finished {
    Finished::of(bakong(arguments).output().await.unwrap())
}

/// Like [`run`], with the arguments in one line; see [`words`].
pub(crate) async fn run_line(line: &str) -> Finished {
    run(&words(line)).await
}

/// Like [`run_line`], with a token in the environment, which must not be printed.
pub(crate) async fn run_with_token(line: &str, token: &str) -> Finished {
    let output = bakong(&words(line)).env("BAKONG_TOKEN", token).output();
    let finished = Finished::of(output.await.unwrap());
    finished.hides(token);
    finished
}

/// Like [`run_line`], with the address of this sandbox and a valid token.
pub(crate) async fn ask(sandbox: &Sandbox, line: &str) -> Finished {
    let line = format!("{line} --base-url {}", sandbox.base_url());
    run_with_token(&line, &token(sandbox)).await
}

/// Like [`run`], with this on standard input.
pub(crate) async fn run_with_input(arguments: &[&str], input: &str) -> Finished {
    feed(bakong(arguments), input).await
}

/// Runs a command to its end while writing to its standard input.
pub(crate) async fn feed(mut command: Command, input: impl Into<Vec<u8>>) -> Finished {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.into());
    let writing = tokio::spawn(async move { stdin.write_all(&input).await });
    let finished = Finished::of(child.wait_with_output().await.unwrap());
    writing.await.unwrap().unwrap();
    finished
}

/// A path under the folder for temporary files of tests. Nothing is there.
pub(crate) fn unused_path(what: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("bakong-{what}-{}-{count}", std::process::id());
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A temporary folder, removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = unused_path("folder");
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// The path of a file, which may not exist.
    pub(crate) fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file that only its owner can read.
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

/// The exit code and the output of a finished command.
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

    /// Parses the one JSON object on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }

    /// Parses every line of standard output as JSON.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn exits(self, exit: i32) -> Self {
        assert_eq!(self.exit, exit, "{self:?}");
        self
    }

    /// Checks the exit code and the `status` of the JSON object, and returns the object.
    #[track_caller]
    pub(crate) fn status(self, exit: i32, status: &str) -> Value {
        let json = self.exits(exit).json();
        assert_eq!(json["status"], status, "{json}");
        json
    }

    /// Checks the exit code and the class of the JSON error object, and returns the error object.
    #[track_caller]
    pub(crate) fn error(self, exit: i32, class: &str) -> Value {
        let json = self.exits(exit).json();
        assert_eq!(json["error"]["class"], class, "{json}");
        json["error"].clone()
    }

    /// Checks that standard output or standard error contains a string.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        let shown = self.out.contains(text) || self.err.contains(text);
        assert!(shown, "{text}: {self:?}");
    }

    /// Checks that neither standard output nor standard error contains a string.
    #[track_caller]
    pub(crate) fn hides(&self, text: &str) {
        let shown = self.out.contains(text) || self.err.contains(text);
        assert!(!shown, "{text}: {self:?}");
    }

    /// The value of a row such as `  MD5        …`.
    #[track_caller]
    pub(crate) fn row(&self, name: &str) -> &str {
        row(self.out.lines(), name).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }
}

/// The value of the first row with this name.
pub(crate) fn row<'a>(lines: impl IntoIterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    lines
        .into_iter()
        .find_map(|line| line.strip_prefix("  ")?.strip_prefix(name))
        .map(str::trim)
}

/// A valid token of the sandbox.
pub(crate) fn token(sandbox: &Sandbox) -> String {
    sandbox.issue_token("shop@example.com")
}

/// A customer of the sandbox.
pub(crate) fn dara(sandbox: &Sandbox) -> Customer {
    sandbox.customer(AccountId::new("dara@devb").unwrap())
}

/// The account of the shop.
pub(crate) fn sokha() -> AccountId<'static> {
    AccountId::new("sokha@devb").unwrap()
}

/// A code for one payment to the shop. It expires ten minutes after `now`.
pub(crate) fn dynamic_code(now: Timestamp, bill: &str, amount: Amount) -> String {
    KhqrBuilder::individual(sokha(), "Sokha")
        .bill_number(bill)
        .dynamic_code(amount, now, now.saturating_add(Duration::from_secs(600)))
        .unwrap()
        .to_text()
}

/// A static code of the shop.
pub(crate) fn static_code(name: &str) -> String {
    let builder = KhqrBuilder::individual(sokha(), name);
    builder.static_code(Currency::Khr).unwrap().to_text()
}

/// Sends SIGINT to a child.
#[cfg(unix)]
pub(crate) fn interrupt(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
}

/// A running checkout against a sandbox of the test.
pub(crate) struct Shop {
    pub(crate) child: Child,
    pub(crate) code: String,
    /// The output up to the drawing of the code.
    pub(crate) before: Vec<String>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Shop {
    /// Starts a checkout and reads its output up to the end of the drawing.
    pub(crate) async fn open(sandbox: &Sandbox, options: &str) -> Self {
        Self::open_with(sandbox, &words(options)).await
    }

    /// Like [`Shop::open`], with options that are already split.
    pub(crate) async fn open_with(sandbox: &Sandbox, options: &[&str]) -> Self {
        let base_url = sandbox.base_url();
        let line = [
            &["checkout", "--qr", "light", "--base-url", &base_url],
            options,
        ]
        .concat();
        let mut command = bakong(&line);
        command.env("BAKONG_TOKEN", token(sandbox));
        Self::started(command).await
    }

    /// Starts a checkout that draws its code, and reads its output up to the end of the drawing.
    pub(crate) async fn started(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut before = Vec::new();
        // The drawing is a square. Each line of it has two rows of modules.
        let is_drawn = |before: &[String]| {
            let mut drawing = before.iter().filter(|line| is_drawing(line));
            let width = drawing.next().map(|line| line.chars().count());
            width.is_some_and(|width| 1 + drawing.count() == width.div_ceil(2))
        };
        while !is_drawn(&before) {
            before.push(lines.next_line().await.unwrap().expect("no code drawn"));
        }
        let code = row(before.iter().map(String::as_str), "code").unwrap();
        Self {
            child,
            code: code.to_owned(),
            before,
            lines,
        }
    }

    /// Closes the output, as a reader that ends does.
    pub(crate) fn close_output(self) -> Child {
        self.child
    }

    /// Reads the rest of the output.
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
