//! `bakong sandbox --state`: what a sandbox still knows after it was stopped or killed.

use khqr_core::{Amount, Md5Handle, Timestamp};
use rustix::process::Signal;
use serde_json::json;

use crate::sandbox_process::{SandboxProcess, exchange};
use crate::support::{Folder, dynamic_code, run};

/// A code that can be paid now, and its MD5.
fn code(cents: u64) -> (String, String) {
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap();
    let now = Timestamp::from_millis(0).saturating_add(since_1970);
    let code = dynamic_code(now, "1", Amount::us_cents(cents));
    let md5 = Md5Handle::of(&code).to_string();
    (code, md5)
}

/// Gets a short link to a code.
async fn link(sandbox: &SandboxProcess, code: &str) -> String {
    let body = json!({ "qr": code });
    let path = "/v1/generate_deeplink_by_qr";
    let response = sandbox.post(path, &body).await;
    response["data"]["shortLink"].as_str().unwrap().to_owned()
}

/// Starts a sandbox that fails. Returns the message.
async fn start_error(state: &str) -> String {
    let arguments = [
        "sandbox",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--state",
        state,
    ];
    let json = run(&arguments).await.exits(1).json();
    json["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn acknowledged_changes_survive_a_kill_and_a_stop() {
    let folder = Folder::new();
    let file = folder.file("state.json");
    // The first run is killed and the second one stopped. The second run must also keep what it loaded.
    let mut paid = Vec::new();
    let mut links = Vec::new();
    let mut token = None;
    for cents in [150, 250] {
        let mut sandbox = SandboxProcess::start(&["--state", &file]).await;
        let (code, md5) = code(cents);
        links.push(link(&sandbox, &code).await);
        let answer = sandbox.post("/sandbox/pay", &json!({ "qr": code })).await;
        let hash = answer["payments"][0]["hash"].as_str().unwrap().to_owned();
        paid.push((md5, hash));
        // The token of the first run is valid in all runs.
        let token = token.get_or_insert_with(|| sandbox.info["token"].clone());
        sandbox.info["token"] = token.clone();
        for (md5, hash) in &paid {
            let found = sandbox.ask(&format!("tx check --md5 {md5}")).await.json();
            assert_eq!(found["transaction"]["hash"], hash.as_str(), "{found}");
        }
        for link in &links {
            assert!(sandbox.link_target(link).await.is_some(), "{link}");
        }
        if cents == 150 {
            assert_eq!(sandbox.kill().await, "");
        } else {
            sandbox.stop(Signal::TERM).await.exits(0);
        }
    }
    let fault = json!({"on": "check_bakong_account", "answer": "forbidden"});
    let sandbox = SandboxProcess::start(&["--state", &file]).await;
    sandbox.post("/sandbox/faults", &fault).await;
    sandbox.kill().await;
    let mut again = SandboxProcess::start(&["--state", &file]).await;
    again.info["token"] = token.unwrap();
    for (md5, hash) in &paid {
        let found = again.ask(&format!("tx check --md5 {md5}")).await.json();
        assert_eq!(found["transaction"]["hash"], hash.as_str(), "{found}");
    }
    for link in &links {
        let target = again.link_target(link).await;
        assert!(target.is_some_and(|it| it.starts_with("/?code=0002")));
    }
    // Three checks in the earlier runs, and two in this one.
    let quota = again.post("/sandbox/quota", &json!({})).await;
    assert_eq!(quota["addresses"][0]["used"], 5, "{quota}");
    again
        .ask("account check dara@devb")
        .await
        .error(1, "blocked");
    assert_eq!(again.stop(Signal::INT).await.exit, 0);
}

/// Unlike in the test above, the process is killed while it handles requests.
#[tokio::test]
async fn acknowledged_changes_survive_a_kill_under_load() {
    let folder = Folder::new();
    let file = folder.file("state.json");
    let sandbox = SandboxProcess::start(&["--state", &file]).await;
    let address = sandbox.address();
    let (answered, mut paid) = tokio::sync::mpsc::unbounded_channel();
    let (linked, mut links) = tokio::sync::mpsc::unbounded_channel();
    let (linking, body) = (address.to_owned(), json!({ "qr": code(100).0 }).to_string());
    tokio::spawn(async move {
        let path = "/v1/generate_deeplink_by_qr";
        let link = || exchange(&linking, "POST", path, &body);
        while let Some(answer) = link().await {
            let link = answer["data"]["shortLink"].as_str().unwrap();
            linked.send(link.to_owned()).unwrap();
        }
    });
    for payer in 0..4 {
        let (address, answered) = (address.to_owned(), answered.clone());
        let body = json!({"qr": code(100).0, "again": true, "from": format!("p{payer}@devb")});
        tokio::spawn(async move {
            let body = body.to_string();
            let pay = || exchange(&address, "POST", "/sandbox/pay", &body);
            while let Some(answer) = pay().await {
                let hash = answer["payments"][0]["hash"].as_str().unwrap();
                answered.send(hash.to_owned()).unwrap();
            }
        });
    }
    drop(answered);
    let mut hashes = Vec::new();
    for _ in 0..100 {
        hashes.push(paid.recv().await.unwrap());
    }
    sandbox.kill().await;
    // Reads the responses that arrived before the kill.
    while let Some(hash) = paid.recv().await {
        hashes.push(hash);
    }
    let again = SandboxProcess::start(&["--state", &file]).await;
    let kept = again.get("/sandbox/payments?limit=10000").await.to_string();
    for hash in hashes {
        assert!(kept.contains(&hash), "{hash}");
    }
    // The sandbox keeps the last 1,000 links.
    let mut received = Vec::new();
    while let Some(link) = links.recv().await {
        received.push(link);
    }
    assert!(!received.is_empty());
    for link in received.iter().rev().take(1_000) {
        assert!(again.link_target(link).await.is_some(), "{link}");
    }
    again.stop(Signal::INT).await;
}

#[tokio::test]
async fn an_unreadable_state_file_is_not_changed() {
    let folder = Folder::new();
    let broken = folder.write("broken.json", "{");
    let error = start_error(&broken).await;
    for part in [
        "broken.json cannot be read: line 1, column 1: ",
        "The file was not changed",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(std::fs::read_to_string(broken).unwrap(), "{");
    // An empty file, such as mktemp creates, is accepted.
    let empty = folder.write("empty.json", "");
    let sandbox = SandboxProcess::start(&["--state", &empty]).await;
    sandbox.stop(Signal::INT).await;
}

#[tokio::test]
async fn two_sandboxes_cannot_use_the_same_file() {
    let folder = Folder::new();
    let file = folder.file("state.json");
    let first = SandboxProcess::start(&["--state", &file]).await;
    let error = start_error(&file).await;
    for part in [
        "state.json is in use by another sandbox",
        "stop that sandbox",
    ] {
        assert!(error.contains(part), "{error}");
    }
    let (code, md5) = code(100);
    first.post("/sandbox/pay", &json!({ "qr": code })).await;
    // The lock is released when the process is killed.
    first.kill().await;
    let next = SandboxProcess::start(&["--state", &file]).await;
    next.ask(&format!("tx check --md5 {md5}"))
        .await
        .status(0, "paid");
    next.stop(Signal::INT).await;
}

#[tokio::test]
async fn quota_and_faults_are_saved_unless_options_replace_them() {
    let folder = Folder::new();
    let file = folder.file("state.json");
    let start =
        async |more: &[&str]| SandboxProcess::start(&[&["--state", &file], more].concat()).await;
    let rules = r#"[{"on":"verify","answer":"cut","times":9},{"answer":"hang","after":99}]"#;
    let sandbox = start(&["--quota", "7", "--fault", rules]).await;
    let reset = json!({"resetsAt": "03:00", "counts": "checks"});
    sandbox.post("/sandbox/quota", &reset).await;
    sandbox.kill().await;
    for (more, quota, faults) in [
        (&[][..], json!(7), 2),
        (
            &[
                "--quota",
                "8",
                "--fault",
                r#"{"on":"verify","answer":"hang"}"#,
            ],
            json!(8),
            1,
        ),
        (&[], json!(8), 1),
        (&["--quota", "off", "--fault", "[]"], json!(null), 0),
        (&[], json!(null), 0),
    ] {
        let sandbox = start(more).await;
        assert_eq!(sandbox.info["quota"], quota, "{more:?}");
        assert_eq!(sandbox.info["faults"], faults, "{more:?}");
        // The options do not change the reset time or which requests count.
        let quota = sandbox.post("/sandbox/quota", &json!({})).await;
        assert_eq!(quota["resetsAt"], "03:00");
        assert_eq!(quota["counts"], "checks");
        sandbox.kill().await;
    }
}

#[tokio::test]
async fn an_incomplete_last_line_is_dropped_with_a_warning() {
    let folder = Folder::new();
    let file = folder.file("state.json");
    let sandbox = SandboxProcess::start(&["--state", &file]).await;
    sandbox.kill().await;
    let mut text = std::fs::read(&file).unwrap();
    text.extend_from_slice(b"[{\"account\":\"da");
    std::fs::write(&file, text).unwrap();
    let again = SandboxProcess::start(&["--state", &file]).await;
    let finished = again.stop(Signal::INT).await.exits(0);
    assert!(finished.err.starts_with("warning: "), "{finished:?}");
    finished.shows("ends in the middle of line ");
}
