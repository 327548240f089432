//! A sandbox that runs as the command, apart from the test.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout};

use crate::support::{Finished, bakong};

/// A running sandbox.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it said of itself.
    pub(crate) told: Value,
}

impl Running {
    pub(crate) async fn start(more: &[&str]) -> Self {
        let anywhere = if more.contains(&"--listen") {
            &[][..]
        } else {
            &["--listen", "127.0.0.1:0"]
        };
        let arguments = [&["sandbox", "--json"], anywhere, more].concat();
        let mut child = bakong(&arguments).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = lines
            .next_line()
            .await
            .unwrap()
            .expect("it tells of itself");
        let told = serde_json::from_str(&told).unwrap();
        Self { child, lines, told }
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.told[name].as_str().unwrap()
    }

    /// Runs another command against it.
    pub(crate) async fn ask(&self, arguments: &[&str]) -> Finished {
        let target = ["--base-url", self.text("baseUrl"), "--json"];
        let output = bakong(&[arguments, &target].concat())
            .env("BAKONG_TOKEN", self.text("token"))
            .output();
        Finished::of(output.await.unwrap())
    }

    pub(crate) async fn stop(mut self, signal: Signal) -> Finished {
        let pid = Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        assert_eq!(self.lines.next_line().await.unwrap(), None);
        Finished::of(self.child.wait_with_output().await.unwrap())
    }

    /// Kills it, so that it can do nothing more; what it wrote to standard error.
    pub(crate) async fn kill(mut self) -> String {
        self.child.start_kill().unwrap();
        let output = self.child.wait_with_output().await.unwrap();
        String::from_utf8(output.stderr).unwrap()
    }

    /// Posts JSON to it; the answer.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        let address = self.text("baseUrl").strip_prefix("http://").unwrap();
        let answer = exchange(address, "POST", path, &body.to_string()).await;
        answer.unwrap()
    }

    /// Where a short link leads that this sandbox or one before it gave; `None` if it is not known.
    pub(crate) async fn link_target(&self, link: &str) -> Option<String> {
        let address = self.text("baseUrl").strip_prefix("http://").unwrap();
        let (_, id) = link.rsplit_once('/').unwrap();
        let answer = exchange_text(address, "GET", &format!("/l/{id}"), "").await;
        let answer = answer.unwrap();
        let target = answer
            .lines()
            .find_map(|line| line.strip_prefix("location: "));
        target.map(str::to_owned)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let address = self.text("baseUrl").strip_prefix("http://").unwrap();
        exchange(address, "GET", path, "").await.unwrap()
    }
}

/// Asks the sandbox at `address` for JSON; `None` if there is no whole answer.
pub(crate) async fn exchange(address: &str, method: &str, path: &str, body: &str) -> Option<Value> {
    let answer = exchange_text(address, method, path, body).await?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(body).ok()
}

/// The answer with its head; `None` if there is no connection.
async fn exchange_text(address: &str, method: &str, path: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nUser-Agent: test\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}
