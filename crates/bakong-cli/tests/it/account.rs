//! Looking an account up, with a token or without.

use bakong_sandbox::{ApiEndpoint, Fault, Sandbox};
use http::StatusCode;
use khqr_core::AccountId;

use crate::support::{Finished, Folder, bakong, run, token};

#[tokio::test]
async fn each_answer_has_its_exit_code() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.register_account(AccountId::new("sokha@devb").unwrap());
    let url = sandbox.base_url();
    let check = async |account: &str| {
        run(&["account", "check", account, "--json", "--base-url", &url]).await
    };

    let finished = check("sokha@devb").await;
    assert_eq!(
        (finished.exit, &finished.json()["status"]),
        (0, &"exists".into())
    );
    assert_eq!(finished.json()["account"], "sokha@devb");
    let finished = check("nobody@devb").await;
    assert_eq!(
        (finished.exit, &finished.json()["status"]),
        (3, &"not_found".into())
    );
    sandbox.fault(Fault::error(StatusCode::OK, 12, "Account ID is invalid"));
    let finished = check("sokha@devb").await;
    assert_eq!(
        (finished.exit, &finished.json()["status"]),
        (4, &"invalid".into())
    );
    sandbox.fault(Fault::forbidden().on(ApiEndpoint::CheckBakongAccount));
    let finished = check("sokha@devb").await;
    assert_eq!(
        (finished.exit, &finished.json()["error"]["class"]),
        (1, &"blocked".into())
    );

    let finished = run(&["account", "check", "sokha@devb", "--base-url", &url]).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    assert!(finished.out.contains("the account exists"));
}

#[tokio::test]
async fn a_token_goes_along_and_a_bad_one_stops_nobody() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.register_account(AccountId::new("sokha@devb").unwrap());
    let url = sandbox.base_url();
    let arguments = ["account", "check", "sokha@devb", "--base-url", &url];
    for (secret, requests) in [(token(&sandbox), 1), ("secret.secret.secret".to_owned(), 1)] {
        let before = sandbox.requests().len();
        let output = bakong(&arguments)
            .env("BAKONG_TOKEN", &secret)
            .output()
            .await;
        let finished = Finished::of(output.unwrap());
        assert_eq!(finished.exit, 0, "{finished:?}");
        assert_eq!(sandbox.requests().len() - before, requests);
        finished.hides(&secret);
    }

    // One that Bakong refuses is left away the second time.
    sandbox.fault(Fault::unauthorized());
    let folder = Folder::new();
    let file = folder.write("token", &token(&sandbox));
    let arguments = [&arguments[..], &["--token-file", &file]].concat();
    let before = sandbox.requests().len();
    let finished = run(&arguments).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    assert_eq!(sandbox.requests().len() - before, 2);
    assert!(
        finished.err.contains("does not accept the token"),
        "{finished:?}"
    );
}
