//! State files: a restarted sandbox continues where it stopped or was killed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bakong_sandbox::{
    Fault, QuotaLimit, Sandbox, SandboxBuilder, SandboxClock, Transfer, TransferStatus,
};
use khqr_core::Currency;
use serde_json::{Value, json};

use crate::client::{check, post};
use crate::control::{command, get, send};
use crate::{
    EMAIL, NOW, REGISTRATION, assert_contains, assert_has, customer, dynamic_code, static_code, usd,
};

const HALF_MINUTE: Duration = Duration::from_secs(30);

/// A directory with a state file, removed at the end of the test.
struct Directory(PathBuf);

impl Directory {
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

    /// Copies the state file as it is now, as if the sandbox were killed.
    fn copy(&self) -> Self {
        let name = format!("{}-killed", self.0.file_name().unwrap().display());
        let copy = Self::new(&name);
        std::fs::copy(self.file(), copy.file()).unwrap();
        copy
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn statuses(sandbox: &Sandbox) -> Vec<TransferStatus> {
    sandbox.payments().iter().map(Transfer::status).collect()
}

/// Both kinds of restart: after a regular stop, and after a kill.
#[tokio::test]
async fn a_restart_loses_nothing() {
    for is_killed in [false, true] {
        let directory = Directory::new(&format!("restart-{is_killed}"));
        let sandbox = directory.start().await.unwrap();
        let token = sandbox.issue_token(EMAIL);
        post(&sandbox, "/v1/request_token", None, REGISTRATION).await;
        let code = dynamic_code(usd(100));
        let customer = customer(&sandbox);
        let paid = customer.pay(&code).unwrap();
        let later = dynamic_code(usd(200));
        let scheduled = customer.pay_after(&later, 2 * HALF_MINUTE).unwrap();
        let fault = json!({"answer": "cut", "on": "generate_deeplink_by_qr", "times": 3});
        for (path, body) in [
            ("quota", json!({"limit": 5, "resetsAt": "00:00"})),
            ("faults", fault),
            ("accounts", json!({"account": "vanna@devb"})),
        ] {
            command(&sandbox, path, body).await;
        }
        check(&sandbox, &token, &code).await.json(200);
        sandbox.advance(HALF_MINUTE);
        let quota = sandbox.quota();
        let mailbox = sandbox.mailbox("new@example.com");
        let (directory, sandbox) = if is_killed {
            (directory.copy(), Some(sandbox))
        } else {
            sandbox.stop_and_save().await.unwrap();
            (directory, None)
        };

        let again = directory.start().await.unwrap();
        assert_eq!(again.now(), NOW.saturating_add(HALF_MINUTE));
        assert_eq!(again.quota_used(EMAIL), 1);
        assert_eq!(again.quota(), quota);
        assert_eq!(again.fault_count(), 1);
        assert_eq!(again.mailbox("new@example.com"), mailbox);
        let payments = again.payments();
        let hashes: Vec<_> = payments.iter().map(Transfer::hash).collect();
        assert_eq!(hashes, [paid.hash(), scheduled.hash()]);
        let response = check(&again, &token, &code).await;
        assert_contains(response.json(200), &[paid.hash()]);
        assert_eq!(again.quota_used(EMAIL), 2);
        for account in ["shop@devb", "vanna@devb"] {
            let body = json!({ "accountId": account }).to_string();
            let response = post(&again, "/v1/check_bakong_account", None, &body).await;
            assert_contains(&response.body, &["exists"]);
        }
        let body = json!({"code": mailbox[0].code}).to_string();
        let response = post(&again, "/v1/verify", None, &body).await;
        assert_eq!(response.error_code(), Value::Null);
        again.advance(HALF_MINUTE);
        assert_eq!(statuses(&again), [TransferStatus::Transferred; 2]);
        assert_eq!((again.save_error(), again.load_warning()), (None, None));
        again.stop().await;
        drop(sandbox);
    }
}

#[tokio::test]
async fn links_codes_and_the_last_token_are_kept() {
    let directory = Directory::new("codes");
    let sandbox = directory.start().await.unwrap();
    let mut tokens = vec![sandbox.issue_token(EMAIL)];
    let codes = [1, 2, 3, 4].map(|cents| dynamic_code(usd(cents)));
    let [linked, scanned, checked, paid] = &codes;
    let body = json!({ "qr": linked }).to_string();
    let link = post(&sandbox, "/v1/generate_deeplink_by_qr", None, &body).await;
    let link = link.value(200);
    let link = link["data"]["shortLink"].as_str().unwrap();
    let link = link.strip_prefix(&sandbox.base_url()).unwrap();
    let rejected = static_code(Currency::Usd);
    customer(&sandbox).pay(&rejected).unwrap_err();
    let shown = static_code(Currency::Khr);
    for code in [scanned, &shown] {
        command(&sandbox, "scan", json!({ "qr": code })).await;
    }
    for code in [scanned, checked, paid] {
        check(&sandbox, &tokens[0], code).await.json(200);
    }
    customer(&sandbox).pay(paid).unwrap();
    command(&sandbox, "quota", json!({"counts": "checks"})).await;
    let open = get(&sandbox, "codes").await;
    assert_eq!(open["codes"].as_array().unwrap().len(), 3);

    // The first start reads the appended changes, the second a complete snapshot.
    let directory = directory.copy();
    for _ in 0..2 {
        let again = directory.start().await.unwrap();
        assert_eq!(get(&again, "codes").await, open);
        assert!(again.quota() == QuotaLimit::per_day(3).checks_only());
        let response = send(&again, "GET", link, "", "").await;
        assert_eq!(response.status, 302, "{response:?}");
        let token = again.issue_token(EMAIL);
        assert!(!tokens.contains(&token), "issued in the same second");
        tokens.push(token);
        again.set_quota(again.quota().with_limit(None));
        for code in [&rejected, &shown] {
            assert_eq!(check(&again, &tokens[0], code).await.error_code(), 2);
        }
        again.set_quota(again.quota().with_limit(Some(3)));
        again.stop_and_save().await.unwrap();
    }
}

#[tokio::test]
async fn quota_and_faults_are_kept_unless_the_builder_sets_them() {
    let directory = Directory::new("kept");
    let sandbox = directory.start().await.unwrap();
    assert_eq!(sandbox.quota(), QuotaLimit::per_day(3));
    let kept = QuotaLimit::per_day(5).resets_at(Duration::from_secs(3600));
    sandbox.set_quota(kept);
    sandbox.fault(Fault::cut().times(2));
    sandbox.fault(Fault::hang());
    sandbox.stop_and_save().await.unwrap();

    let given = || {
        let builder = directory.builder().quota(QuotaLimit::unlimited());
        builder.fault(Fault::cut())
    };
    for (builder, quota, count) in [
        (directory.builder(), kept, 2),
        (given(), QuotaLimit::unlimited(), 1),
        // The values of the builder are kept, too.
        (directory.builder(), QuotaLimit::unlimited(), 1),
        (given().faults([]), QuotaLimit::unlimited(), 0),
    ] {
        let sandbox = builder.start().await.unwrap();
        assert_eq!((sandbox.quota(), sandbox.fault_count()), (quota, count));
        sandbox.stop_and_save().await.unwrap();
    }
}

#[tokio::test]
async fn two_sandboxes_cannot_use_the_same_file() {
    let directory = Directory::new("two");
    let sandbox = directory.start().await.unwrap();
    let customer = customer(&sandbox);
    let error = directory.start().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ResourceBusy);
    assert_contains(
        &error.to_string(),
        &[
            "state.json is in use",
            "stop that sandbox, or choose another file",
        ],
    );
    sandbox.stop_and_save().await.unwrap();
    let next = directory.start().await.unwrap();
    // A customer of the stopped sandbox writes to no file.
    customer.pay(&dynamic_code(usd(1))).unwrap();
    assert_eq!(next.payments().len(), 0);
    next.stop_and_save().await.unwrap();
    assert_eq!(directory.start().await.unwrap().payments().len(), 0);
}

#[tokio::test]
async fn an_incomplete_last_line_is_ignored_with_a_warning() {
    let directory = Directory::new("torn");
    let sandbox = directory.start().await.unwrap();
    customer(&sandbox).pay(&dynamic_code(usd(100))).unwrap();
    customer(&sandbox).pay(&dynamic_code(usd(200))).unwrap();
    let directory = directory.copy();
    let text = std::fs::read(directory.file()).unwrap();
    std::fs::write(directory.file(), &text[..text.len() - 9]).unwrap();
    let again = directory.start().await.unwrap();
    assert_eq!(again.payments().len(), 1);
    let warning = again.load_warning().unwrap();
    assert_contains(
        warning,
        &["state.json ends in the middle of line ", "is ignored"],
    );
    let state = get(&again, "state").await;
    assert_has(&state, json!({"loadWarning": warning, "saveError": null}));
    let path = state["file"].as_str().unwrap();
    assert!(path.ends_with("state.json"), "{path}");
    again.stop_and_save().await.unwrap();
    let again = directory.start().await.unwrap();
    assert_eq!((again.payments().len(), again.load_warning()), (1, None));
    assert_eq!(get(&again, "state").await["loadWarning"], Value::Null);
    assert_has(
        &get(&crate::sandbox().await, "state").await,
        json!({"file": null, "loadWarning": null, "saveError": null}),
    );
}

#[tokio::test]
async fn the_key_id_changes_with_the_signing_key() {
    let directory = Directory::new("key-id");
    let sandbox = directory.start().await.unwrap();
    let key_id = async |sandbox: &Sandbox| get(sandbox, "state").await["keyId"].clone();
    let first = key_id(&sandbox).await;
    let id = first.as_str().unwrap();
    let is_hex = id.bytes().all(|it| b"0123456789abcdef".contains(&it));
    assert!(id.len() == 16 && is_hex, "{id}");
    let _token = sandbox.issue_token(EMAIL);
    sandbox.stop_and_save().await.unwrap();
    // Existing tokens stay valid after a restart.
    let again = directory.start().await.unwrap();
    assert_eq!(key_id(&again).await, first);
    again.revoke_tokens();
    let revoked = key_id(&again).await;
    assert_ne!(revoked, first);
    again.reset();
    assert_ne!(key_id(&again).await, revoked);
    let [one, other] = [Sandbox::start().await, Sandbox::start().await].map(Result::unwrap);
    assert_ne!(key_id(&one).await, key_id(&other).await);
}

#[tokio::test]
async fn an_empty_file_starts_a_new_state() {
    let directory = Directory::new("empty");
    std::fs::write(directory.file(), "").unwrap();
    let sandbox = directory.start().await.unwrap();
    assert_eq!((sandbox.payments().len(), sandbox.now()), (0, NOW));
    assert!(std::fs::metadata(directory.file()).unwrap().len() > 0);
}

#[tokio::test]
async fn an_unreadable_file_prevents_the_start_and_is_not_changed() {
    let directory = Directory::new("broken");
    for text in ["\n", "{", "{}", "null", "not a state"] {
        std::fs::write(directory.file(), text).unwrap();
        let error = directory.start().await.unwrap_err().to_string();
        let place = "state.json cannot be read: line 1, column ";
        assert_contains(
            &error,
            &[place, "The file was not changed", "choose another file"],
        );
        assert_eq!(std::fs::read_to_string(directory.file()).unwrap(), text);
    }
    let missing = directory.0.join("no/such/folder/state.json");
    let builder = Sandbox::builder().state_file(missing);
    let error = builder.start().await.unwrap_err().to_string();
    assert_contains(&error, &["cannot be written"]);
}
