//! `--verbose`: requests and answers are visible on standard error, and secrets are not.

use bakong_sandbox::{ApiEndpoint, Fault, Sandbox};
use http::StatusCode;
use khqr_core::Amount;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    Finished, Folder, MD5, UNKNOWN_TOKEN, bakong, dynamic_code, feed, run, token, words,
};

/// Runs a command with `--verbose` against the sandbox, and checks that its token is not printed.
async fn verbose(sandbox: &Sandbox, line: &str, input: &str) -> Finished {
    let token = token(sandbox);
    let line = format!("{line} --verbose --base-url {}", sandbox.base_url());
    let mut command = bakong(&words(&line));
    command.env("BAKONG_TOKEN", &token);
    let finished = feed(command, input).await;
    hides_token(&finished, &token);
    finished
}

/// No part of the token is printed, except for the parts that all tokens share.
#[track_caller]
fn hides_token(finished: &Finished, token: &str) {
    let signature = token.rsplit('.').next().unwrap();
    finished.hides(token);
    finished.hides(signature);
    finished.hides("Bearer");
}

#[tokio::test]
async fn each_request_and_its_answer_are_printed() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url();
    let code = dynamic_code(sandbox.now(), "A-1", Amount::us_cents(150));
    let hash = "0".repeat(64);
    let (hash, short) = (hash.as_str(), &hash[..8]);
    for (line, path, request) in [
        (
            format!("tx check --md5 {MD5}"),
            "check_transaction_by_md5",
            format!(r#"{{"md5":"{MD5}"}}"#),
        ),
        (
            format!("tx check --hash {hash} --json"),
            "check_transaction_by_hash",
            hash.to_owned(),
        ),
        (
            format!("tx check --short-hash {short} --amount 1 --currency USD"),
            "check_transaction_by_short_hash",
            short.to_owned(),
        ),
        (
            "tx check --instruction-ref R-1".to_owned(),
            "check_transaction_by_instruction_ref",
            "R-1".to_owned(),
        ),
        (
            "tx check --external-ref R-2".to_owned(),
            "check_transaction_by_external_ref",
            "R-2".to_owned(),
        ),
        (
            format!("tx diagnose --md5 {MD5}"),
            "check_transaction_by_md5",
            MD5.to_owned(),
        ),
        (
            "account check sokha@devb".to_owned(),
            "check_bakong_account",
            "sokha@devb".to_owned(),
        ),
        (
            format!("deeplink '{code}'"),
            "generate_deeplink_by_qr",
            code.clone(),
        ),
        (
            "token request --email a@b.example --organization O --project P".to_owned(),
            "request_token",
            "a@b.example".to_owned(),
        ),
    ] {
        let finished = verbose(&sandbox, &line, "").await;
        let lines: Vec<_> = finished.err.lines().collect();
        let start = format!("request 1: POST {url}/v1/{path} {{");
        let sent = lines.iter().find(|line| line.starts_with(&start));
        let sent = sent.unwrap_or_else(|| panic!("no {start}: {finished:?}"));
        assert!(sent.contains(&request), "{sent}");
        let answer = lines
            .iter()
            .find(|line| line.starts_with("answer 1: HTTP 200, response code "));
        let answer = answer.unwrap_or_else(|| panic!("no answer: {finished:?}"));
        assert!(
            answer.contains(r#""responseCode":"#) && answer.contains(" ms: {"),
            "{answer}"
        );
        assert!(!finished.out.contains("answer 1"), "{finished:?}");
    }
}

#[tokio::test]
async fn secrets_tokens_and_codes_of_e_mails_are_not_printed() {
    let sandbox = Sandbox::start().await.unwrap();
    let folder = Folder::new();
    let file = folder.file("till.token");
    let email = "till@example.com";
    let request = format!("token request --email {email} --organization O --project P");
    verbose(&sandbox, &request, "").await.exits(0);
    let code = sandbox.verification_code(email).unwrap();

    let line = format!("token verify --code - --token-file {file}");
    let finished = verbose(&sandbox, &line, &code).await.exits(0);
    finished.hides(&code);
    hides_token(&finished, &std::fs::read_to_string(&file).unwrap());
    finished.shows(r#"/v1/verify {"code":…}"#);
    finished.shows(r#""data":{"token":…}"#);

    let line = format!("token renew --email {email} --token-file {file}");
    let finished = verbose(&sandbox, &line, "").await.exits(0);
    hides_token(&finished, &std::fs::read_to_string(&file).unwrap());
    finished.shows(r#"/v1/renew_token {"email":…}"#);

    // A rejected token is renewed: the log has the rejected request, the renewal and the repeated request.
    sandbox.revoke_tokens();
    let line = format!("tx check --md5 {MD5} --email {email} --token-file {file}");
    let finished = verbose(&sandbox, &line, "").await.exits(3);
    hides_token(&finished, &std::fs::read_to_string(&file).unwrap());
    finished.shows("answer 1: HTTP 401");
    finished.shows("request 2: POST");
    finished.shows("answer 3: HTTP 200");

    let mailbox = format!("sandbox mailbox --verbose --url {}", sandbox.base_url());
    let finished = run(&words(&mailbox)).await.exits(0);
    assert!(!finished.err.contains(&code), "{finished:?}");
    finished.shows("/sandbox/mailbox");
    finished.shows(r#"{"mails":…}"#);
}

#[tokio::test]
async fn repeated_attempts_and_failures_are_printed_with_the_reason() {
    let sandbox = Sandbox::start().await.unwrap();
    let fault = Fault::html(
        StatusCode::BAD_GATEWAY,
        "<b>\u{1b}[2J\u{202e}bad gateway</b>",
    );
    sandbox.fault(fault.on(ApiEndpoint::CheckTransactionByMd5));
    let check = format!("tx check --md5 {MD5}");
    let finished = verbose(&sandbox, &check, "").await.exits(3);
    finished.shows("answer 1, attempt 1: HTTP 502, ");
    finished.shows("bad gateway</b>; sending the request again");
    finished.shows("answer 1, attempt 2: HTTP 200, response code 1, error code 1, ");
    finished.hides("\u{1b}");
    finished.hides("\u{202e}");

    let url = sandbox.base_url();
    sandbox.stop().await;
    let line = format!("tx diagnose --md5 {MD5} -v --base-url {url}");
    let output = bakong(&words(&line))
        .env("BAKONG_TOKEN", UNKNOWN_TOKEN)
        .output();
    let finished = Finished::of(output.await.unwrap()).exits(1);
    finished.shows("answer 1: none in ");
    finished.shows(" ms: the connection to the host failed");
}

/// Answers every request with its head, which contains the token.
#[tokio::test]
async fn a_secret_that_a_server_repeats_is_not_printed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 8_192];
            let length = stream.read(&mut request).await.unwrap();
            let body = &request[..length];
            let head =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(body).await.unwrap();
        }
    });
    for token in [UNKNOWN_TOKEN, "relay-Password-1"] {
        let line = format!("tx check --md5 {MD5} --verbose --base-url {url}");
        let output = bakong(&words(&line)).env("BAKONG_TOKEN", token).output();
        let finished = Finished::of(output.await.unwrap()).exits(1);
        finished.hides(&token[6..]);
        finished.shows("answer 1: HTTP 200, ");
        finished.shows("POST /v1/check_transaction_by_md5");
    }
}

#[tokio::test]
async fn checkout_prints_the_requests_that_get_its_token() {
    let line = "checkout --sandbox --pay-after 0s --verbose";
    let finished = run(&words(line)).await.exits(0);
    finished.hides("eyJ");
    finished.shows(r#"/v1/verify {"code":…}"#);
    finished.shows("request 3: POST");
    finished.shows("answer 3: HTTP 200, response code 1, error code 1, ");
    assert!(!finished.out.contains("request 3"), "{finished:?}");
}

#[tokio::test]
async fn without_the_option_no_request_is_printed() {
    let sandbox = Sandbox::start().await.unwrap();
    let line = format!("account check sokha@devb --base-url {}", sandbox.base_url());
    let finished = run(&words(&line)).await;
    finished.hides("request 1");
    finished.hides("answer 1");
}

#[tokio::test]
async fn watch_prints_the_requests_of_all_payments() {
    let sandbox = Sandbox::start().await.unwrap();
    let code = dynamic_code(sandbox.now(), "A-1", Amount::us_cents(150));
    let _ = crate::support::dara(&sandbox).pay(&code).unwrap();
    let finished = verbose(&sandbox, "watch --no-store", &format!("{code}\n"))
        .await
        .exits(0);
    finished.shows("request 1: POST");
    finished.shows("answer 1: HTTP 200, response code 0, ");
}
