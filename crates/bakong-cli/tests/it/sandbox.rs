//! `bakong sandbox`.

use std::time::Duration;

use bakong_sandbox::{Sandbox, SandboxClock, TransferStatus};
use khqr_core::Amount;
use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::sandbox_process::SandboxProcess;
use crate::support::{
    Finished, Folder, MD5, UNKNOWN_TOKEN, bakong, dynamic_code, interrupt, run, run_with_token,
    words,
};

#[tokio::test]
async fn it_runs_until_a_signal() {
    for signal in [Signal::INT, Signal::TERM] {
        let sandbox = SandboxProcess::start(&[]).await;
        assert_eq!(sandbox.info["quota"], 100);
        assert_eq!(sandbox.info["state"], Value::Null);
        let check = format!("tx check --md5 {MD5}");
        sandbox.ask(&check).await.status(3, "not_found");
        let finished = sandbox.stop(signal).await.exits(0);
        assert_eq!(finished.err, "");
    }
}

#[tokio::test]
async fn quota_faults_and_seed_come_from_the_options() {
    let folder = Folder::new();
    let rules = folder.write(
        "rules.json",
        r#"[{"on":"check_bakong_account","answer":"forbidden"},{"on":"verify","answer":"cut"}]"#,
    );
    let rule =
        r#"{"on":"check_transaction_by_md5","answer":{"status":503},"times":"always","after":100}"#;
    let options = format!("--quota 1 --seed coffee --fault '{rule}' --fault @{rules}");
    let sandbox = SandboxProcess::start(&words(&options)).await;
    let check = format!("tx check --md5 {MD5}");
    sandbox.ask(&check).await.status(3, "not_found");
    sandbox.ask(&check).await.error(1, "quota_exhausted");
    let account = "account check a@devb";
    sandbox.ask(account).await.error(1, "blocked");
    // A request with a token counts against the quota even if it needs no token.
    sandbox.ask(account).await.error(1, "quota_exhausted");
    sandbox.stop(Signal::INT).await;
    let list = r#" [{"answer":"cut"}, {"on":"verify","answer":"hang"}]"#;
    let sandbox = SandboxProcess::start(&["--fault", list, "--quota", "off"]).await;
    assert_eq!(sandbox.info["faults"], 2);
    assert_eq!(sandbox.info["quota"], Value::Null);
    sandbox.stop(Signal::INT).await;
}

/// PHP's and Node's plain clients send no User-Agent, and get a page that does not name the cause.
#[tokio::test]
async fn the_terminal_says_why_a_request_was_refused() {
    let mut child = bakong(&["sandbox", "--json", "--listen", "127.0.0.1:0"])
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let info = output.next_line().await.unwrap().unwrap();
    let info: Value = serde_json::from_str(&info).unwrap();
    let address = info["baseUrl"].as_str().unwrap().replace("http://", "");
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    for (headers, expected) in [
        (
            "",
            "request 1: POST /v1/verify: 403: the header User-Agent is missing",
        ),
        (
            "User-Agent: x\r\n",
            "request 2: POST /v1/verify: 400: the header Content-Type is missing",
        ),
    ] {
        let mut connection = TcpStream::connect(&address).await.unwrap();
        let text =
            format!("POST /v1/verify HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 0\r\n\r\n");
        connection.write_all(text.as_bytes()).await.unwrap();
        let line = log.next_line().await.unwrap().unwrap();
        assert!(line.starts_with(expected), "{line}");
    }
    child.kill().await.unwrap();
}

/// Runs a sandbox with these options, sends it a check without and one with a token, and returns its standard error.
async fn log_of(options: &str) -> String {
    let line = format!("sandbox --listen 127.0.0.1:0 {options}");
    let mut child = bakong(&words(&line)).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut url = None;
    let mut token = None;
    while url.is_none() || token.is_none() {
        let line = output
            .next_line()
            .await
            .unwrap()
            .expect("a URL and a token");
        if let Ok(info) = serde_json::from_str::<Value>(&line) {
            url = info["baseUrl"].as_str().map(str::to_owned);
            token = info["token"].as_str().map(str::to_owned);
        }
        url = line
            .split_once("  base URL     ")
            .map(|it| it.1.to_owned())
            .or(url);
        token = line
            .split_once("BAKONG_TOKEN=")
            .map(|it| it.1.to_owned())
            .or(token);
    }
    let (url, token) = (url.unwrap(), token.unwrap());
    let check = format!("tx check --md5 {MD5} --base-url {url}");
    run_with_token(&check, UNKNOWN_TOKEN).await.exits(1);
    run_with_token(&check, &token).await.exits(3);
    interrupt(&child);
    // The rest of the output, so that the sandbox can print it.
    while output.next_line().await.unwrap().is_some() {}
    Finished::of(child.wait_with_output().await.unwrap())
        .exits(0)
        .err
}

#[tokio::test]
async fn each_request_is_printed_with_its_result() {
    let refused = "request 1: POST /v1/check_transaction_by_md5: 401, error 6: ";
    let found = "request 2: POST /v1/check_transaction_by_md5: 200, not found (error 1)\n";
    let log = log_of("").await;
    assert!(log.contains(refused) && log.contains(found), "{log}");
    assert!(!log.contains("eyJ"), "{log}");
    let log = log_of("--json").await;
    assert!(log.contains(refused) && !log.contains(found), "{log}");
    assert_eq!(log_of("--quiet").await, "");
    assert_eq!(log_of("--json --quiet").await, "");
}

#[tokio::test]
async fn a_clock_that_is_ahead_gives_a_warning() {
    let folder = Folder::new();
    let file = folder.file("state.json");
    let ahead = SandboxClock::ahead_of_system(Duration::from_secs(2 * 3_600));
    let builder = Sandbox::builder().state_file(&file).clock(ahead);
    let before = builder.start().await.unwrap();
    before.stop_and_save().await.unwrap();
    let options = ["--state", &file, "--allow-host", "bakong.example.com"];
    let sandbox = SandboxProcess::start(&options).await;
    let finished = sandbox.stop(Signal::INT).await;
    finished.shows("2 h ahead");
    finished.shows(r#"{"aheadMs":0}"#);
}

#[tokio::test]
async fn errors_are_reported_before_it_starts() {
    let folder = Folder::new();
    let empty = format!("@{}", folder.write("empty.json", "[null]"));
    let sandbox = SandboxProcess::start(&[]).await;
    let example = r#"Example: --fault '{"on":"verify","times":2,"answer":{"status":502}}'"#;
    for (option, value, exit, message) in [
        ("--listen", sandbox.address(), 1, "is in use"),
        ("--listen", "localhost", 2, "localhost:4717 or 4717"),
        ("--quota", "lots", 2, "from 0 to 4294967295, or off"),
        ("--quota", "4294967296", 2, "from 0 to 4294967295"),
        ("--fault", r#"{"answer":"explode"}"#, 2, "answer"),
        ("--fault", "{answer:cut}", 2, example),
        (
            "--fault",
            r#"[{"answer":"cut"},{"answer":"hang"}, 7]"#,
            2,
            "rule 3 of 3: ",
        ),
        ("--fault", "[{}", 2, "not a list of rules"),
        ("--fault", "{\"answer\":\"\u{202e}x\"}", 2, "\\u{202e}x"),
        ("--fault", "@/dev/zero", 2, "not a regular file"),
        (
            "--fault",
            r#"{"times":1,"answer":"cut","times":2}"#,
            2,
            "rule.times: the field is repeated",
        ),
        ("--fault", "@/no/such/file", 2, "/no/such/file"),
        ("--fault", &empty, 2, "empty.json: rule 1 of 1: "),
        ("--seed", &"x".repeat(33), 2, "32 bytes"),
    ] {
        let finished = run(&["sandbox", option, value]).await.exits(exit);
        assert!(finished.err.contains(message), "{finished:?}");
    }
    sandbox.stop(Signal::INT).await;
}

#[tokio::test]
async fn a_port_alone_listens_on_this_machine() {
    for listen in ["0", "localhost:0"] {
        let sandbox = SandboxProcess::start(&["--listen", listen]).await;
        assert!(sandbox.address().starts_with("127.0.0.1:"), "{listen}");
        sandbox.stop(Signal::INT).await;
    }
}

#[tokio::test]
async fn an_address_that_others_can_reach_gives_a_warning() {
    let mut command = bakong(&["sandbox", "--listen", "0.0.0.0:0"]);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut printed = String::new();
    while !printed.contains("Ctrl-C") {
        printed += &lines.next_line().await.unwrap().expect("no last line");
        printed += "\n";
    }
    for part in [
        "base URL     http://127.0.0.1:",
        "export BAKONG_TOKEN=eyJ",
        "bakong checkout --base-url",
    ] {
        assert!(printed.contains(part), "{printed}");
    }
    interrupt(&child);
    let finished = Finished::of(child.wait_with_output().await.unwrap());
    for part in [
        "warning: everyone who can reach 0.0.0.0:",
        "\n  on another machine: bakong checkout --base-url http://",
        " --allow-plain-http\n",
    ] {
        assert!(finished.err.contains(part), "{finished:?}");
    }
    // The command names an address that other machines can use.
    assert!(!finished.err.contains("--base-url http://0.0.0.0"));
}

#[tokio::test]
async fn a_running_sandbox_is_controlled_from_the_command_line() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url();
    let control = async |line: &str| {
        let line = format!("sandbox {line} --url {url}");
        let finished = run(&words(&line)).await;
        (finished.exit, finished.out, finished.err)
    };
    let code = dynamic_code(sandbox.now(), "1", Amount::us_cents(150));
    let (exit, out, _) = control(&format!("pay '{code}' --after 5s")).await;
    assert_eq!(exit, 0, "{out}");
    assert!(out.contains(r#""status":"scheduled""#), "{out}");
    let (exit, out, _) = control("clock --advance 5s").await;
    assert_eq!(exit, 0);
    assert!(out.contains(r#""mode":"running""#), "{out}");
    assert!(sandbox.clock().lead() >= Duration::from_secs(5));
    assert_eq!(sandbox.payments()[0].status(), TransferStatus::Transferred);
    assert_eq!(control("clock --reset --mode frozen").await.0, 0);
    assert_eq!(sandbox.clock().lead(), Duration::ZERO);

    // A code is paid once.
    let (exit, out, err) = control(&format!("pay '{code}'")).await;
    assert_eq!((exit, out.as_str()), (1, ""));
    assert!(err.contains("paid"), "{err}");

    let rule = r#"'{"on":"verify","answer":"cut"}'"#;
    assert_eq!(control(&format!("fault {rule} {rule}")).await.0, 0);
    assert_eq!(sandbox.fault_count(), 2);
    let (exit, out, _) = control(&format!("fault --clear {rule}")).await;
    assert_eq!((exit, sandbox.fault_count()), (0, 1));
    assert_eq!(control("fault").await.1, out);
    assert_eq!(control("fault '{'").await.0, 2);

    let request = "token request --email till+1@example.com --organization O --project P";
    let request = format!("{request} --base-url {url}");
    run(&words(&request)).await.exits(0);
    let (exit, out, _) = control("mailbox --email till+1@example.com").await;
    let mails: Value = serde_json::from_str(&out).unwrap();
    let mails = mails["mails"].as_array().unwrap();
    assert_eq!((exit, mails.len()), (0, 1));
    assert_eq!(mails[0]["email"], "till+1@example.com");
    sandbox.stop().await;
    let (exit, _, err) = control("clock").await;
    assert_eq!(exit, 1);
    assert!(err.contains("Start one with bakong sandbox"), "{err}");
}
