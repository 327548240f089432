//! A sandbox that runs as a child process.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout};

use crate::support::{Finished, bakong, run_with_token};

/// A running `bakong sandbox --json`.
pub(crate) struct SandboxProcess {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// The JSON object that it printed.
    pub(crate) info: Value,
}

impl SandboxProcess {
    pub(crate) async fn start(options: &[&str]) -> Self {
        let free_port = ["--listen", "127.0.0.1:0"];
        let listen = if options.contains(&"--listen") {
            &[][..]
        } else {
            &free_port
        };
        let mut child = bakong(&[&["sandbox", "--json"], listen, options].concat())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let info = lines.next_line().await.unwrap().expect("no JSON object");
        let info = serde_json::from_str(&info).unwrap();
        Self { child, lines, info }
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.info[name].as_str().unwrap()
    }

    /// The host and the port.
    pub(crate) fn address(&self) -> &str {
        self.text("baseUrl").strip_prefix("http://").unwrap()
    }

    /// Runs another command against the sandbox, with `--json`.
    pub(crate) async fn ask(&self, line: &str) -> Finished {
        let line = format!("{line} --json --base-url {}", self.text("baseUrl"));
        run_with_token(&line, self.text("token")).await
    }

    pub(crate) async fn stop(mut self, signal: Signal) -> Finished {
        let pid = Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        assert_eq!(self.lines.next_line().await.unwrap(), None);
        Finished::of(self.child.wait_with_output().await.unwrap())
    }

    /// Kills the process. Returns its standard error.
    pub(crate) async fn kill(mut self) -> String {
        self.child.start_kill().unwrap();
        let output = self.child.wait_with_output().await.unwrap();
        String::from_utf8(output.stderr).unwrap()
    }

    /// Posts JSON and returns the response.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let response = exchange(self.address(), "POST", path, &body.to_string()).await;
        response.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        exchange(self.address(), "GET", path, "").await.unwrap()
    }

    /// The target of a short link, or `None` if the sandbox does not know the link. The link may come from an earlier
    /// process with another port.
    pub(crate) async fn link_target(&self, link: &str) -> Option<String> {
        let (_, id) = link.rsplit_once('/').unwrap();
        let response = exchange_text(self.address(), "GET", &format!("/l/{id}"), "").await;
        let response = response.unwrap();
        let target = response
            .lines()
            .find_map(|line| line.strip_prefix("location: "));
        target.map(str::to_owned)
    }
}

/// Sends a request and returns the JSON of the response, or `None` if there is no complete response.
pub(crate) async fn exchange(address: &str, method: &str, path: &str, body: &str) -> Option<Value> {
    let response = exchange_text(address, method, path, body).await?;
    let (head, body) = response.split_once("\r\n\r\n")?;
    assert!(head.starts_with("HTTP/1.1 200"), "{response}");
    serde_json::from_str(body).ok()
}

/// Sends a request and returns the response with its head, or `None` without a connection.
async fn exchange_text(address: &str, method: &str, path: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nUser-Agent: test\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await.ok()?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await.ok()?;
    Some(response)
}
