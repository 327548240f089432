//! Readers of standard output that end or stall.

use std::process::Stdio;
use std::time::Duration;

use bakong_sandbox::Sandbox;
use khqr_core::{Amount, Currency, Md5Handle};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Child;

use crate::support::{Finished, Shop, bakong, dynamic_code, interrupt, token, words};

const LIMIT: Duration = Duration::from_secs(60);

fn spawn(sandbox: &Sandbox, line: &str) -> Child {
    let line = format!("{line} --base-url {}", sandbox.base_url());
    let mut command = bakong(&words(&line));
    command.env("BAKONG_TOKEN", token(sandbox));
    command.stdin(Stdio::piped()).spawn().unwrap()
}

/// Waits for the end of a command.
async fn end(child: Child) -> Finished {
    let output = tokio::time::timeout(LIMIT, child.wait_with_output());
    Finished::of(output.await.expect("it ends").unwrap())
}

fn code(sandbox: &Sandbox) -> String {
    dynamic_code(
        sandbox.now(),
        "A-1",
        Amount::from_minor_units(10_000, Currency::Khr),
    )
}

#[tokio::test]
async fn watch_stops_when_its_reader_ends() {
    for json in ["", "--json"] {
        let sandbox = Sandbox::start().await.unwrap();
        let code = code(&sandbox);
        let mut child = spawn(&sandbox, &format!("watch {json}"));
        let mut stdin = child.stdin.take().unwrap();
        let input = format!("{code}\n");
        stdin.write_all(input.as_bytes()).await.unwrap();
        // As `bakong watch | head -1` does. The input stays open.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines.next_line().await.unwrap().unwrap();
        drop(lines);
        let finished = end(child).await.exits(1);
        finished.shows("standard output is closed");
        finished.shows(&Md5Handle::of(&code).to_string());
        drop(stdin);
    }
}

#[tokio::test]
async fn checkout_stops_when_its_reader_ends() {
    // As `bakong checkout --json | true` does.
    let sandbox = Sandbox::start().await.unwrap();
    let mut child = spawn(&sandbox, "checkout --json");
    drop(child.stdout.take());
    end(child).await.exits(1).shows("standard output is closed");

    let sandbox = Sandbox::start().await.unwrap();
    let shop = Shop::open(&sandbox, "").await;
    let md5 = Md5Handle::of(&shop.code).to_string();
    let finished = end(shop.close_output()).await.exits(1);
    finished.shows("STOPPED: standard output is closed");
    finished.shows(&format!("bakong tx check --md5 {md5}"));
}

#[tokio::test]
async fn output_that_nothing_reads_is_not_a_success() {
    let sandbox = Sandbox::start().await.unwrap();
    let text = code(&sandbox);
    for line in [
        "--help".to_owned(),
        "qr generate --account a@b --name A".to_owned(),
        "qr generate --account a@b --name A --json".to_owned(),
        format!("qr decode '{text}'"),
        format!("qr verify '{text}' --json"),
        format!("qr inspect '{text}'"),
        format!("deeplink '{text}' --base-url {}", sandbox.base_url()),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = bakong(&words(&line)).stdout(writer).spawn().unwrap();
        let finished = end(child).await;
        assert_eq!((finished.exit, finished.err.as_str()), (1, ""), "{line}");
    }
}

/// Starts `watch` with one code, and fills the pipe of its output, which is not read after that.
async fn stalled(sandbox: &Sandbox) -> Child {
    let mut child = spawn(sandbox, "watch --json");
    let mut stdin = child.stdin.take().unwrap();
    let input = format!("{}\n{}", code(sandbox), "x\n".repeat(200_000));
    tokio::spawn(async move { stdin.write_all(input.as_bytes()).await });
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first["event"], "watching");
    child.stdout = Some(lines.into_inner().into_inner());
    child
}

#[tokio::test]
async fn a_stalled_reader_does_not_stop_the_checks_and_a_second_signal_ends_the_command() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut child = stalled(&sandbox).await;
    let asked = async {
        while sandbox.requests().len() < 2 {
            assert!(child.try_wait().unwrap().is_none());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, asked).await.expect("it asks");
    let ended = async {
        loop {
            interrupt(&child);
            let wait = tokio::time::timeout(Duration::from_millis(50), child.wait());
            if let Ok(status) = wait.await {
                return status.unwrap().code();
            }
        }
    };
    let ended = tokio::time::timeout(LIMIT, ended).await;
    assert_eq!(ended.expect("it ends"), Some(130));
}
