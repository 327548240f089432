//! A sandbox that is stopped and started again goes on where it was.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bakong_sandbox::{
    Fault, QuotaLimit, Sandbox, SandboxBuilder, SandboxClock, Transfer, TransferStatus,
};
use khqr_core::Currency;
use serde_json::{Value, json};

use crate::client::{check, post};
use crate::control::{get, send, told};
use crate::{NOW, customer, dynamic_code, static_code, usd};

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("state.json")
    }

    fn builder(&self) -> SandboxBuilder {
        Sandbox::builder()
            .clock(SandboxClock::frozen_at(NOW))
            .initial_quota(QuotaLimit::per_day(3))
            .state_file(self.file())
    }

    async fn start(&self) -> std::io::Result<Sandbox> {
        self.builder().start().await
    }

    /// The folder of somebody who is killed now.
    fn killed(&self) -> Self {
        let name = format!("{}-killed", self.0.file_name().unwrap().display());
        let killed = Self::new(&name);
        std::fs::copy(self.file(), killed.file()).unwrap();
        killed
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn nothing_is_lost_between_two_runs() {
    let folder = Folder::new("two-runs");
    let sandbox = folder.start().await.unwrap();
    let token = sandbox.issue_token("dev@example.com");
    let body = r#"{"email":"new@example.com","organization":"a","project":"b"}"#;
    post(&sandbox, "/v1/request_token", None, body)
        .await
        .json(200);
    let code = dynamic_code(usd(100));
    let later = dynamic_code(usd(200));
    let paid = customer(&sandbox).pay(&code).unwrap();
    customer(&sandbox)
        .pay_after(&later, Duration::from_secs(60))
        .unwrap();
    check(&sandbox, &token, &code).await.json(200);
    sandbox.advance(Duration::from_secs(30));
    sandbox.stop_and_save().await.unwrap();

    let sandbox = folder.start().await.unwrap();
    assert_eq!(sandbox.now(), NOW.saturating_add(Duration::from_secs(30)));
    assert!(
        check(&sandbox, &token, &code)
            .await
            .json(200)
            .contains(paid.hash())
    );
    assert_eq!(sandbox.quota_used("dev@example.com"), 2);
    let mailed = sandbox.verification_code("new@example.com").unwrap();
    post(
        &sandbox,
        "/v1/verify",
        None,
        &format!(r#"{{"code":"{mailed}"}}"#),
    )
    .await
    .json(200);
    sandbox.advance(Duration::from_secs(30));
    let statuses: Vec<_> = sandbox.payments().iter().map(Transfer::status).collect();
    assert_eq!(statuses, [TransferStatus::Transferred; 2]);
    let account = r#"{"accountId":"shop@devb"}"#;
    let answer = post(&sandbox, "/v1/check_bakong_account", None, account).await;
    assert!(answer.body.contains("exists"));
    sandbox.stop().await;
}

#[tokio::test]
async fn what_somebody_was_told_is_in_the_file() {
    let folder = Folder::new("at-once");
    let sandbox = folder.start().await.unwrap();
    let token = sandbox.issue_token("dev@example.com");
    let body = r#"{"email":"new@example.com","organization":"a","project":"b"}"#;
    post(&sandbox, "/v1/request_token", None, body)
        .await
        .json(200);
    let code = dynamic_code(usd(100));
    let paid = customer(&sandbox).pay(&code).unwrap();
    let later = Duration::from_secs(60);
    customer(&sandbox)
        .pay_after(&dynamic_code(usd(200)), later)
        .unwrap();
    let fault = json!({"answer": "cut", "on": "verify", "times": 3});
    let quota = json!({"limit": 5, "turnsAt": "00:00"});
    for (path, body) in [
        ("/sandbox/quota", quota),
        ("/sandbox/faults", fault),
        ("/sandbox/accounts", json!({"account": "vanna@devb"})),
    ] {
        told(&sandbox, path, body).await;
    }
    check(&sandbox, &token, &code).await.json(200);
    sandbox.advance(Duration::from_secs(30));

    let again = folder.killed().start().await.unwrap();
    assert_eq!(again.now(), NOW.saturating_add(Duration::from_secs(30)));
    assert_eq!(again.quota_used("dev@example.com"), 1);
    assert_eq!(again.quota(), sandbox.quota());
    assert_eq!(again.fault_count(), 1);
    assert_eq!(
        again.mailbox("new@example.com"),
        sandbox.mailbox("new@example.com")
    );
    let hashes = |sandbox: &Sandbox| -> Vec<_> {
        let payments = sandbox.payments();
        payments.iter().map(|it| it.hash().to_owned()).collect()
    };
    assert_eq!(hashes(&again), hashes(&sandbox));
    let answer = check(&again, &token, &code).await;
    assert!(answer.json(200).contains(paid.hash()));
    let account = r#"{"accountId":"vanna@devb"}"#;
    let answer = post(&again, "/v1/check_bakong_account", None, account).await;
    assert!(answer.body.contains("exists"));
    again.advance(Duration::from_secs(30));
    assert_eq!(again.payments()[1].status(), TransferStatus::Transferred);
    assert_eq!((sandbox.save_error(), again.load_warning()), (None, None));
}

/// What a shop's program and its customers were told of codes, and of their own tokens.
#[tokio::test]
async fn links_codes_and_the_last_token_s_end_are_kept() {
    let folder = Folder::new("codes");
    let sandbox = folder.start().await.unwrap();
    let mut tokens = vec![sandbox.issue_token("dev@example.com")];
    let codes = [1, 2, 3, 4].map(|cents| dynamic_code(usd(cents)));
    let [linked, scanned, asked, paid] = &codes;
    let link = json!({ "qr": linked }).to_string();
    let link = post(&sandbox, "/v1/generate_deeplink_by_qr", None, &link).await;
    let link: Value = serde_json::from_str(link.json(200)).unwrap();
    let link = link["data"]["shortLink"].as_str().unwrap();
    let link = link.strip_prefix(&sandbox.base_url()).unwrap();
    let tried = static_code(Currency::Usd);
    customer(&sandbox).pay(&tried).unwrap_err();
    let shown = static_code(Currency::Khr);
    for code in [scanned, &shown] {
        told(&sandbox, "/sandbox/scan", json!({ "qr": code })).await;
    }
    for code in [scanned, asked, paid] {
        check(&sandbox, &tokens[0], code).await.json(200);
    }
    customer(&sandbox).pay(paid).unwrap();
    let counts = json!({"counts": "checks"});
    told(&sandbox, "/sandbox/quota", counts).await;
    let open = get(&sandbox, "/sandbox/codes").await;
    assert_eq!(open["codes"].as_array().unwrap().len(), 3);

    // By the lines of what happened, and then by a file that was made anew.
    let folder = folder.killed();
    for _ in 0..2 {
        let again = folder.start().await.unwrap();
        assert_eq!(get(&again, "/sandbox/codes").await, open);
        assert!(again.quota() == QuotaLimit::per_day(3).checks_only());
        let answer = send(&again, "GET", link, "", "").await;
        assert_eq!(answer.status, 302, "{answer:?}");
        let token = again.issue_token("dev@example.com");
        assert!(!tokens.contains(&token), "within the second");
        tokens.push(token);
        again.set_quota(again.quota().with_limit(None));
        for code in [&tried, &shown] {
            let answer = check(&again, &tokens[0], code).await;
            assert!(answer.json(200).contains(r#""errorCode":2"#), "{answer:?}");
        }
        again.set_quota(again.quota().with_limit(Some(3)));
        again.stop_and_save().await.unwrap();
    }
}

#[tokio::test]
async fn quota_and_faults_are_kept_unless_others_are_said() {
    let folder = Folder::new("kept");
    let turn = Duration::from_secs(3600);
    let sandbox = folder.start().await.unwrap();
    assert_eq!(sandbox.quota(), QuotaLimit::per_day(3));
    sandbox.set_quota(QuotaLimit::per_day(5).resets_at(turn));
    sandbox.fault(Fault::cut().times(2));
    sandbox.fault(Fault::hang());
    sandbox.stop_and_save().await.unwrap();

    let sandbox = folder.start().await.unwrap();
    assert_eq!(sandbox.quota(), QuotaLimit::per_day(5).resets_at(turn));
    assert_eq!(sandbox.fault_count(), 2);
    sandbox.stop_and_save().await.unwrap();

    let said = folder
        .builder()
        .quota(QuotaLimit::unlimited())
        .fault(Fault::cut());
    let sandbox = said.start().await.unwrap();
    assert_eq!(
        (sandbox.quota(), sandbox.fault_count()),
        (QuotaLimit::unlimited(), 1)
    );
    sandbox.stop_and_save().await.unwrap();

    // What was said is kept in its turn.
    let sandbox = folder.start().await.unwrap();
    assert_eq!(
        (sandbox.quota(), sandbox.fault_count()),
        (QuotaLimit::unlimited(), 1)
    );
    sandbox.stop_and_save().await.unwrap();
    let none = folder.builder().fault(Fault::hang()).faults([]);
    assert_eq!(none.start().await.unwrap().fault_count(), 0);
}

#[tokio::test]
async fn two_sandboxes_do_not_share_a_file() {
    let folder = Folder::new("two");
    let sandbox = folder.start().await.unwrap();
    let customer = customer(&sandbox);
    let error = folder.start().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ResourceBusy);
    let error = error.to_string();
    for part in ["state.json is in use", "stop that one, or name another"] {
        assert!(error.contains(part), "{error}");
    }
    sandbox.stop_and_save().await.unwrap();
    let next = folder.start().await.unwrap();
    // Whoever still has something of the first one is in nobody's way.
    customer.pay(&dynamic_code(usd(1))).unwrap();
    assert_eq!(next.payments().len(), 0);
    next.stop_and_save().await.unwrap();
    assert_eq!(folder.start().await.unwrap().payments().len(), 0);
}

#[tokio::test]
async fn a_last_line_that_is_torn_is_left_out_with_a_word() {
    let folder = Folder::new("torn");
    let sandbox = folder.start().await.unwrap();
    customer(&sandbox).pay(&dynamic_code(usd(100))).unwrap();
    customer(&sandbox).pay(&dynamic_code(usd(200))).unwrap();
    let killed = folder.killed();
    let text = std::fs::read(killed.file()).unwrap();
    std::fs::write(killed.file(), &text[..text.len() - 9]).unwrap();
    let again = killed.start().await.unwrap();
    assert_eq!(again.payments().len(), 1);
    let warning = again.load_warning().unwrap();
    for part in ["state.json ends in the middle of line ", "left out"] {
        assert!(warning.contains(part), "{warning}");
    }
    let state = get(&again, "/sandbox/state").await;
    assert_eq!(state["loadWarning"], warning);
    assert_eq!(state["saveError"], Value::Null);
    let path = state["file"].as_str().unwrap();
    assert!(path.ends_with("state.json"), "{path}");
    again.stop_and_save().await.unwrap();
    let again = killed.start().await.unwrap();
    assert_eq!((again.payments().len(), again.load_warning()), (1, None));
    let state = get(&again, "/sandbox/state").await;
    assert_eq!(state["loadWarning"], Value::Null);
    let none = get(&crate::sandbox().await, "/sandbox/state").await;
    for name in ["file", "loadWarning", "saveError"] {
        assert_eq!(none[name], Value::Null, "{name}");
    }
}

#[tokio::test]
async fn the_key_that_signs_tokens_has_an_id() {
    let folder = Folder::new("key-id");
    let sandbox = folder.start().await.unwrap();
    let id_at = async |sandbox: &Sandbox| get(sandbox, "/sandbox/state").await["keyId"].clone();
    let id = id_at(&sandbox).await;
    let is_hex = |text: &str| text.bytes().all(|it| b"0123456789abcdef".contains(&it));
    assert!(
        id.as_str().is_some_and(|id| id.len() == 16 && is_hex(id)),
        "{id}"
    );
    let _ = sandbox.issue_token("dev@example.com");
    sandbox.stop_and_save().await.unwrap();
    // The tokens of before are good, and so the id is the same.
    let again = folder.start().await.unwrap();
    assert_eq!(id_at(&again).await, id);
    again.revoke_tokens();
    let revoked = id_at(&again).await;
    assert_ne!(revoked, id);
    again.reset();
    assert_ne!(id_at(&again).await, revoked);
    let anew = [Sandbox::start().await, Sandbox::start().await].map(Result::unwrap);
    assert_ne!(id_at(&anew[0]).await, id_at(&anew[1]).await);
}

#[tokio::test]
async fn an_empty_file_is_a_new_one() {
    let folder = Folder::new("empty");
    std::fs::write(folder.file(), "").unwrap();
    let sandbox = folder.start().await.unwrap();
    assert_eq!((sandbox.payments().len(), sandbox.now()), (0, NOW));
    assert!(std::fs::metadata(folder.file()).unwrap().len() > 0);
}

#[tokio::test]
async fn a_broken_file_stops_the_start_and_stays() {
    let folder = Folder::new("broken");
    for text in ["\n", "{", "{}", "null", "not a state"] {
        std::fs::write(folder.file(), text).unwrap();
        let error = folder.start().await.unwrap_err().to_string();
        for part in [
            "state.json cannot be read: line 1, column ",
            "left as it is",
            "name another",
        ] {
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(std::fs::read_to_string(folder.file()).unwrap(), text);
    }
    // Where it cannot be written, that is known at the start, too.
    let nowhere = folder.0.join("no/such/folder/state.json");
    let error = Sandbox::builder()
        .state_file(nowhere)
        .start()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("cannot be written"), "{error}");
}
