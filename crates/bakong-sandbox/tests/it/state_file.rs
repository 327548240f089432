//! A sandbox that is stopped and started again goes on where it was.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bakong_sandbox::{Clock, Payment, PaymentStatus, Quota, Sandbox};

use crate::client::{check, post};
use crate::{NOW, customer, dynamic_code, usd};

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    async fn start(&self) -> std::io::Result<Sandbox> {
        Sandbox::builder()
            .clock(Clock::frozen_at(NOW))
            .quota(Quota::a_day(3))
            .state_file(self.0.join("state.json"))
            .start()
            .await
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
    let statuses: Vec<_> = sandbox.payments().iter().map(Payment::status).collect();
    assert_eq!(statuses, [PaymentStatus::Transferred; 2]);
    let account = r#"{"accountId":"shop@devb"}"#;
    let answer = post(&sandbox, "/v1/check_bakong_account", None, account).await;
    assert!(answer.body.contains("exists"));
    sandbox.stop().await;
}

#[tokio::test]
async fn what_was_done_is_written_while_it_runs() {
    let folder = Folder::new("while-running");
    let file = folder.0.join("state.json");
    let sandbox = folder.start().await.unwrap();
    assert!(
        !std::fs::read_to_string(&file)
            .unwrap()
            .contains("dev@example.com")
    );
    let _ = sandbox.issue_token("dev@example.com");
    let written = async {
        while !std::fs::read_to_string(&file)
            .unwrap()
            .contains("dev@example.com")
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), written)
        .await
        .unwrap();
    assert_eq!(sandbox.save_error(), None);
}

#[tokio::test]
async fn a_broken_file_stops_the_start_and_stays() {
    let folder = Folder::new("broken");
    let file = folder.0.join("state.json");
    for text in ["", "{", "{}", "null", "not a state"] {
        std::fs::write(&file, text).unwrap();
        let error = folder.start().await.unwrap_err().to_string();
        for part in ["state.json cannot be read", "left as it is", "name another"] {
            assert!(error.contains(part), "{error}");
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
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
