//! What a sandbox knows, after it was stopped or killed.

use khqr_core::{AccountId, Amount, KhqrBuilder, Md5Handle, Timestamp};
use rustix::process::Signal;
use serde_json::json;

use crate::support::{Finished, Folder, run};
use crate::sandbox_process::{Running, exchange};

const MD5: &str = "d60f3db96913029a2af979a1662c1e72";

/// A code that may be paid for the next ten minutes, and its MD5.
fn code(cents: u64) -> (String, String) {
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap();
    let now = Timestamp::from_millis(0).saturating_add(since_1970);
    let expires_at = now.saturating_add(std::time::Duration::from_secs(600));
    let code = KhqrBuilder::individual(AccountId::new("sokha@devb").unwrap(), "Sokha")
        .dynamic_code(Amount::us_cents(cents), now, expires_at)
        .unwrap()
        .to_text();
    let md5 = Md5Handle::of(&code).to_string();
    (code, md5)
}

/// A short link to a code.
async fn link(sandbox: &Running, code: &str) -> String {
    let body = json!({ "qr": code });
    let path = "/v1/generate_deeplink_by_qr";
    let told = sandbox.post(path, &body).await;
    told["data"]["shortLink"].as_str().unwrap().to_owned()
}

/// Tries to start one that is refused; why it is.
async fn refused(more: &[&str]) -> String {
    let start = ["sandbox", "--json", "--listen", "127.0.0.1:0"];
    let finished = run(&[&start, more].concat()).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    let message = &finished.json()["error"]["message"];
    message.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_was_answered_outlives_a_kill() {
    let folder = Folder::new();
    let file = folder.file("state.json");
    // Two kills: what the second run read counts as much as what it wrote.
    let mut paid = Vec::new();
    let mut links = Vec::new();
    let mut token = None;
    for cents in [150, 250] {
        let mut sandbox = Running::start(&["--state", &file]).await;
        let (code, md5) = code(cents);
        links.push(link(&sandbox, &code).await);
        let answer = sandbox.post("/sandbox/pay", &json!({ "qr": code })).await;
        let hash = answer["payments"][0]["hash"].as_str().unwrap().to_owned();
        paid.push((md5, hash));
        // A token of the first run is good in all.
        let token = token.get_or_insert_with(|| sandbox.told["token"].clone());
        sandbox.told["token"] = token.clone();
        for (md5, hash) in &paid {
            let found = sandbox.ask(&["tx", "check", "--md5", md5]).await.json();
            assert_eq!(found["transaction"]["hash"], hash.as_str(), "{found}");
        }
        for link in &links {
            assert!(sandbox.link_target(link).await.is_some(), "{link}");
        }
        assert_eq!(sandbox.kill().await, "");
    }
    let fault = json!({"on": "check_bakong_account", "answer": "forbidden"});
    let sandbox = Running::start(&["--state", &file]).await;
    sandbox.post("/sandbox/faults", &fault).await;
    sandbox.kill().await;
    let mut again = Running::start(&["--state", &file]).await;
    again.told["token"] = token.unwrap();
    for (md5, hash) in &paid {
        let found = again.ask(&["tx", "check", "--md5", md5]).await.json();
        assert_eq!(found["transaction"]["hash"], hash.as_str(), "{found}");
    }
    for link in &links {
        let target = again.link_target(link).await;
        assert!(target.is_some_and(|it| it.starts_with("/?code=0002")));
    }
    // Three checks before, and the two of now.
    let quota = again.post("/sandbox/quota", &json!({})).await;
    assert_eq!(quota["addresses"][0]["used"], 5, "{quota}");
    let account = ["account", "check", "dara@devb"];
    let struck = again.ask(&account).await;
    assert_eq!(struck.json()["error"]["class"], "blocked", "{struck:?}");
    assert_eq!(again.stop(Signal::INT).await.exit, 0);
}

/// It is killed in the midst of whatever it does then, and not between two requests.
#[tokio::test]
async fn nothing_that_was_answered_is_missing_after_a_kill_under_load() {
    let folder = Folder::new();
    let file = folder.file("state.json");
    let sandbox = Running::start(&["--state", &file]).await;
    let address = sandbox.text("baseUrl").strip_prefix("http://").unwrap();
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
    // What was answered until then, too.
    while let Some(hash) = paid.recv().await {
        hashes.push(hash);
    }
    let again = Running::start(&["--state", &file]).await;
    let kept = again.get("/sandbox/payments?limit=10000").await.to_string();
    for hash in hashes {
        assert!(kept.contains(&hash), "{hash}");
    }
    // The last 1,000 of them are kept.
    let mut given = Vec::new();
    while let Some(link) = links.recv().await {
        given.push(link);
    }
    assert!(!given.is_empty());
    for link in given.iter().rev().take(1_000) {
        assert!(again.link_target(link).await.is_some(), "{link}");
    }
    again.stop(Signal::INT).await;
}

#[tokio::test]
async fn its_state_outlives_it() {
    let folder = Folder::new();
    let file = folder.file("state.json");
    let sandbox = Running::start(&["--state", &file]).await;
    let token = sandbox.text("token").to_owned();
    let finished = sandbox.stop(Signal::TERM).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    let mut again = Running::start(&["--state", &file]).await;
    // The token of the first run is good in the second.
    again.told["token"] = token.into();
    let finished = again.ask(&["tx", "check", "--md5", MD5]).await;
    assert_eq!(finished.json()["status"], "not_found", "{finished:?}");
    again.stop(Signal::INT).await;
}

#[tokio::test]
async fn what_is_no_state_is_left_as_it_is() {
    let folder = Folder::new();
    let broken = folder.write("broken.json", "{");
    let error = refused(&["--state", &broken]).await;
    for part in [
        "broken.json cannot be read: line 1, column 1: ",
        "left as it is",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(std::fs::read_to_string(broken).unwrap(), "{");
    // As mktemp makes it.
    let empty = folder.write("empty.json", "");
    let sandbox = Running::start(&["--state", &empty]).await;
    sandbox.stop(Signal::INT).await;
}

#[tokio::test]
async fn a_file_is_one_sandbox_s_at_a_time() {
    let folder = Folder::new();
    let file = folder.file("state.json");
    let first = Running::start(&["--state", &file]).await;
    let error = refused(&["--state", &file]).await;
    for part in ["state.json is in use by another sandbox", "stop that one"] {
        assert!(error.contains(part), "{error}");
    }
    let (code, md5) = code(100);
    first.post("/sandbox/pay", &json!({ "qr": code })).await;
    // The lock goes with the process, whatever ends it.
    first.kill().await;
    let next = Running::start(&["--state", &file]).await;
    let found = next.ask(&["tx", "check", "--md5", &md5]).await;
    assert_eq!(found.json()["status"], "paid", "{found:?}");
    next.stop(Signal::INT).await;
}

#[tokio::test]
async fn limit_and_faults_are_kept_unless_others_are_said() {
    let folder = Folder::new();
    let file = folder.file("state.json");
    let start = async |more: &[&str]| Running::start(&[&["--state", &file], more].concat()).await;
    let rules = r#"[{"on":"verify","answer":"cut","times":9},{"answer":"hang","after":99}]"#;
    let sandbox = start(&["--quota", "7", "--fault", rules]).await;
    let turn = json!({"turnsAt": "03:00", "counts": "checks"});
    sandbox.post("/sandbox/quota", &turn).await;
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
        assert_eq!(sandbox.told["quota"], quota, "{more:?}");
        assert_eq!(sandbox.told["faults"], faults, "{more:?}");
        // Neither the turn nor what counts was said.
        let quota = sandbox.post("/sandbox/quota", &json!({})).await;
        assert_eq!(quota["turnsAt"], "03:00");
        assert_eq!(quota["counts"], "checks");
        sandbox.kill().await;
    }
}

#[tokio::test]
async fn half_a_line_is_left_out_with_a_word() {
    let folder = Folder::new();
    let file = folder.file("state.json");
    let sandbox = Running::start(&["--state", &file]).await;
    sandbox.kill().await;
    let mut text = std::fs::read(&file).unwrap();
    text.extend_from_slice(b"[{\"account\":\"da");
    std::fs::write(&file, text).unwrap();
    let again = Running::start(&["--state", &file]).await;
    let Finished { err, exit, .. } = again.stop(Signal::INT).await;
    assert_eq!(exit, 0, "{err}");
    assert!(err.starts_with("warning: the state file "), "{err}");
    assert!(err.contains("ends in the middle of line "), "{err}");
}
