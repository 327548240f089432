//! `bakong account check`, with and without a token.

use bakong_sandbox::{ApiEndpoint, Fault, Sandbox};
use http::StatusCode;

use crate::support::{Folder, run_line, run_with_token, sokha, token};

#[tokio::test]
async fn each_answer_has_its_exit_code() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.register_account(sokha());
    let url = sandbox.base_url();
    let check = async |account: &str| {
        run_line(&format!("account check {account} --json --base-url {url}")).await
    };

    let json = check("sokha@devb").await.status(0, "exists");
    assert_eq!(json["account"], "sokha@devb");
    check("nobody@devb").await.status(3, "not_found");
    sandbox.fault(Fault::error(StatusCode::OK, 12, "Account ID is invalid"));
    check("sokha@devb").await.status(4, "invalid");
    sandbox.fault(Fault::forbidden().on(ApiEndpoint::CheckBakongAccount));
    check("sokha@devb").await.error(1, "blocked");

    let finished = run_line(&format!("account check sokha@devb --base-url {url}")).await;
    finished.exits(0).shows("the account exists");
}

#[tokio::test]
async fn a_token_is_optional_and_may_be_rejected() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.register_account(sokha());
    let line = format!("account check sokha@devb --base-url {}", sandbox.base_url());
    for secret in [&token(&sandbox), "secret secret"] {
        let before = sandbox.requests().len();
        run_with_token(&line, secret).await.exits(0);
        assert_eq!(sandbox.requests().len() - before, 1);
    }

    // After a rejection, the request is sent again without the token.
    sandbox.fault(Fault::unauthorized());
    let folder = Folder::new();
    let file = folder.write("token", &token(&sandbox));
    let before = sandbox.requests().len();
    let finished = run_line(&format!("{line} --token-file {file}")).await;
    finished.exits(0).shows("does not accept the token");
    assert_eq!(sandbox.requests().len() - before, 2);
}
