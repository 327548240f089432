//! A Bakong that runs until it is stopped.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::{Finished, Folder, bakong, run};
use crate::sandbox_process::Running;

const MD5: &str = "d60f3db96913029a2af979a1662c1e72";

#[tokio::test]
async fn it_answers_until_it_is_stopped() {
    for signal in [Signal::INT, Signal::TERM] {
        let sandbox = Running::start(&[]).await;
        assert_eq!(
            (&sandbox.told["quota"], &sandbox.told["state"]),
            (&100.into(), &Value::Null)
        );
        let finished = sandbox.ask(&["tx", "check", "--md5", MD5]).await;
        assert_eq!(finished.json()["status"], "not_found", "{finished:?}");
        let finished = sandbox.stop(signal).await;
        assert_eq!((finished.exit, &finished.err[..]), (0, ""));
    }
}

#[tokio::test]
async fn quota_faults_and_seed_are_as_said() {
    let folder = Folder::new();
    let rules = folder.write(
        "rules.json",
        r#"[{"on":"check_bakong_account","answer":"forbidden"},{"on":"verify","answer":"cut"}]"#,
    );
    let file = format!("@{rules}");
    let more = [
        "--quota",
        "1",
        "--seed",
        "coffee",
        "--fault",
        r#"{"on":"check_transaction_by_md5","answer":{"status":503},"times":"always","after":100}"#,
        "--fault",
        &file,
    ];
    let sandbox = Running::start(&more).await;
    let check = ["tx", "check", "--md5", MD5];
    assert_eq!(sandbox.ask(&check).await.json()["status"], "not_found");
    let spent = sandbox.ask(&check).await;
    assert_eq!(
        spent.json()["error"]["class"],
        "quota_exhausted",
        "{spent:?}"
    );
    let account = ["account", "check", "a@devb"];
    assert_eq!(
        sandbox.ask(&account).await.json()["error"]["class"],
        "blocked"
    );
    // Whose token comes along has no request left for this either.
    assert_eq!(
        sandbox.ask(&account).await.json()["error"]["class"],
        "quota_exhausted"
    );
    sandbox.stop(Signal::INT).await;
    let list = r#" [{"answer":"cut"}, {"on":"verify","answer":"hang"}]"#;
    let listed = Running::start(&["--fault", list]).await;
    assert_eq!(listed.told["faults"], 2);
    listed.stop(Signal::INT).await;
    let unlimited = Running::start(&["--quota", "off", "--seed", "coffee"]).await;
    assert_eq!(unlimited.told["quota"], Value::Null);
    unlimited.stop(Signal::INT).await;
}

#[tokio::test]
async fn a_clock_that_is_ahead_is_told_at_the_start() {
    let folder = Folder::new();
    let file = folder.file("state.json");
    let hours = std::time::Duration::from_secs(2 * 3_600);
    let ahead = bakong_sandbox::SandboxClock::ahead_of_system(hours);
    let before = bakong_sandbox::Sandbox::builder().state_file(&file);
    before
        .clock(ahead)
        .start()
        .await
        .unwrap()
        .stop_and_save()
        .await
        .unwrap();
    let sandbox = Running::start(&["--state", &file, "--allow-host", "bakong.example.com"]).await;
    let finished = sandbox.stop(Signal::INT).await;
    assert!(
        finished.err.contains("2 h ahead") && finished.err.contains(r#"{"aheadMs":0}"#),
        "{finished:?}"
    );
}

#[tokio::test]
async fn what_is_wrong_is_told_before_it_starts() {
    let folder = Folder::new();
    let empty = format!("@{}", folder.write("empty.json", "[null]"));
    let sandbox = Running::start(&[]).await;
    let taken = sandbox
        .text("baseUrl")
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let example = r#"An example: --fault '{"on":"verify","times":2,"answer":{"status":502}}'"#;
    for (arguments, exit, told) in [
        (&["--listen", &taken][..], 1, "is taken"),
        (&["--listen", "localhost"], 2, "localhost:4717 or 4717"),
        (&["--quota", "lots"], 2, "from 0 to 4294967295, or off"),
        (&["--quota", "4294967296"], 2, "from 0 to 4294967295"),
        (&["--fault", r#"{"answer":"explode"}"#], 2, "rule.answer"),
        (&["--fault", "{answer:cut}"], 2, example),
        (
            &["--fault", r#"[{"answer":"cut"},{"answer":"hang"}, 7]"#],
            2,
            "rule 3 of 3: ",
        ),
        (&["--fault", "[{}"], 2, "no list of rules"),
        (&["--fault", "@/no/such/file"], 2, "/no/such/file"),
        (&["--fault", &empty], 2, "empty.json: rule 1 of 1: "),
        (&["--seed", &"x".repeat(33)], 2, "32 bytes"),
    ] {
        let finished = run(&[&["sandbox"], arguments].concat()).await;
        assert_eq!(finished.exit, exit, "{finished:?}");
        assert!(finished.err.contains(told), "{finished:?}");
    }
    sandbox.stop(Signal::INT).await;
}

#[tokio::test]
async fn a_port_is_enough() {
    for listen in ["0", "localhost:0"] {
        let sandbox = Running::start(&["--listen", listen]).await;
        let base_url = sandbox.text("baseUrl");
        assert!(base_url.starts_with("http://127.0.0.1:"), "{base_url}");
        sandbox.stop(Signal::INT).await;
    }
}

#[tokio::test]
async fn elsewhere_than_on_loopback_it_warns() {
    let mut child = bakong(&["sandbox", "--listen", "0.0.0.0:0"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        said.push(line);
        if said.last().is_some_and(|line| line.starts_with("Ctrl-C")) {
            break;
        }
    }
    let said = said.join("\n");
    for part in [
        "base URL     http://127.0.0.1:",
        "export BAKONG_TOKEN=eyJ",
        "bakong checkout --base-url",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let finished = Finished::of(child.wait_with_output().await.unwrap());
    for part in [
        "warning: whoever can reach 0.0.0.0:",
        "\n  on another machine: bakong checkout --base-url http://",
        " --allow-plain-http\n",
    ] {
        assert!(finished.err.contains(part), "{finished:?}");
    }
    // An address of this machine, if it has any but its own.
    assert!(!finished.err.contains("--base-url http://0.0.0.0"));
}
