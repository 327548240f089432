//! Requesting, saving and renewing a token, and keeping it out of all output.

use std::time::Duration;

use bakong_sandbox::{ApiEndpoint, Fault, Sandbox};
use http::StatusCode;

use crate::renewal::{EMAIL, MD5, TOKEN, aged};
use crate::support::{Finished, Folder, bakong, run, run_with_input, set_mode, token};

/// The arguments of a check with the token in this file.
fn check_with<'a>(url: &'a str, file: &'a str) -> [&'a str; 8] {
    let [tx, check, md5] = ["tx", "check", "--md5"];
    [tx, check, md5, MD5, "--base-url", url, "--token-file", file]
}

/// Registers a project, and returns the code from the e-mail.
async fn register(sandbox: &Sandbox) -> String {
    let url = sandbox.base_url();
    let project = ["--organization", "Sokha", "--project", "till"];
    let request = ["token", "request", "--email", EMAIL, "--base-url", &url];
    let finished = run(&[&request[..], &project, &["--token-file", "a file"]].concat()).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    let next = format!("bakong token verify --code - --token-file 'a file' --base-url {url}");
    assert!(finished.out.contains(&next), "{finished:?}");
    sandbox.verification_code(EMAIL).unwrap()
}

#[tokio::test]
async fn a_project_registers_and_checks_a_payment() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, folder) = (sandbox.base_url(), Folder::new());
    let code = register(&sandbox).await;
    let file = folder.file("token");
    let options = ["--token-file", &file, "--base-url", &url];

    let verify = [&["token", "verify", "--code", "-"], &options[..]].concat();
    let finished = run_with_input(&verify, &format!("{code}\n")).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    let token = std::fs::read_to_string(&file).unwrap();
    finished.hides(token.trim());
    finished.hides(&code);
    assert!(finished.row("expires").contains("in Phnom Penh"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    let check = [&["tx", "check", "--md5", MD5], &options[..]].concat();
    let finished = run(&check).await;
    assert_eq!(
        (finished.exit, finished.err.as_str()),
        (3, ""),
        "{finished:?}"
    );

    // The code works once, and the saved token stays.
    let verify = ["token", "verify", "--json", "--code", &code];
    let finished = run(&[&verify[..], &options].concat()).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    let error = &finished.json()["error"];
    assert_eq!(
        (&error["class"], &error["code"]),
        (&"refused".into(), &10.into())
    );
    assert!(error["advice"].as_str().unwrap().contains("newest e-mail"));
    finished.hides(&code);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), token);

    // An e-mail address can be registered only once.
    let request = ["token", "request", "--email", EMAIL, "--organization", "S"];
    let request = [&request[..], &["--project", "till", "--base-url", &url]].concat();
    let finished = run(&request).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(finished.err.contains("bakong token renew"), "{finished:?}");
}

#[tokio::test]
async fn a_code_that_bakong_repeats_is_redacted() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, code) = (sandbox.base_url(), "abcdefghijklmnopqrst");
    for json in [&[][..], &["--json"]] {
        let echo = format!("the code {code} is wrong");
        sandbox.fault(Fault::error(StatusCode::OK, 5, &echo));
        let verify = ["token", "verify", "--code", code, "--base-url", &url];
        let finished = run(&[&verify[..], json].concat()).await;
        assert_eq!(finished.exit, 1, "{finished:?}");
        assert!(format!("{finished:?}").contains("[redacted] is wrong"));
        finished.hides(code);
    }
}

#[tokio::test]
async fn without_a_file_only_the_token_is_printed() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url();
    let code = register(&sandbox).await;
    let finished = run(&["token", "verify", "--code", &code, "--base-url", &url]).await;
    assert_eq!(
        (finished.exit, finished.err.as_str()),
        (0, ""),
        "{finished:?}"
    );
    assert_eq!(finished.out.lines().count(), 1);
    assert_eq!(finished.out.trim().split('.').count(), 3);

    let output = bakong(&["token", "renew", "--json", "--base-url", &url])
        .env("BAKONG_EMAIL", EMAIL)
        .output()
        .await;
    let finished = Finished::of(output.unwrap());
    let json = finished.json();
    assert_eq!((finished.exit, &json["status"]), (0, &"issued".into()));
    assert_eq!(json["token"].as_str().unwrap().split('.').count(), 3);
    assert!(
        json["expiresAt"].is_u64() && json["tokenFile"].is_null(),
        "{json}"
    );
}

#[tokio::test]
async fn a_token_saved_in_a_file_is_not_printed() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, folder) = (sandbox.base_url(), Folder::new());
    let old = token(&sandbox);
    let file = folder.write("token", &old);
    // Tokens issued in the same second are equal.
    sandbox.advance(Duration::from_secs(60));
    let options = ["--token-file", &file, "--base-url", &url];
    let renew = [&["token", "renew", "--json"], &options[..]].concat();
    let finished = run(&[&renew[..], &["--email", EMAIL]].concat()).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    assert_eq!(finished.json()["tokenFile"], file.as_str());
    assert!(finished.json()["token"].is_null());
    let new = std::fs::read_to_string(&file).unwrap();
    assert_ne!(new.trim(), old);
    finished.hides(new.trim());

    let finished = run(&[&renew[..], &["--email", "other@example.com"]].concat()).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    let error = &finished.json()["error"];
    assert_eq!(error["code"], 10);
    assert!(error["advice"].as_str().unwrap().contains("token request"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), new);
}

#[tokio::test]
async fn a_token_that_cannot_be_saved_is_not_requested() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, folder) = (sandbox.base_url(), Folder::new());
    let _ = token(&sandbox);
    let notes = folder.write("notes", "milk, eggs");
    let renew = ["token", "renew", "--email", EMAIL, "--base-url", &url];
    for file in [&notes, &folder.file("no/token"), &folder.file("")] {
        let finished = run(&[&renew[..], &["--token-file", file]].concat()).await;
        assert_eq!(finished.exit, 2, "{finished:?}");
        assert!(finished.err.contains("--token-file"), "{finished:?}");
        finished.hides("eggs");
    }
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "milk, eggs");
    assert_eq!(sandbox.requests().len(), 0);

    // An empty file, perhaps created by a script, is accepted.
    let empty = folder.write("empty", "");
    let finished = run(&[&renew[..], &["--token-file", &empty]].concat()).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
}

/// Runs `token status` for a token issued this many days ago.
async fn status(days_ago: u64, more: &[&str]) -> Finished {
    let (sandbox, token) = aged(days_ago).await;
    let output = bakong(&[&["token", "status"], more].concat())
        .env("BAKONG_TOKEN", &token)
        .output()
        .await;
    let finished = Finished::of(output.unwrap());
    finished.hides(&token);
    assert_eq!(sandbox.requests().len(), 0);
    finished
}

#[tokio::test]
async fn the_status_contains_the_expiry() {
    for (days_ago, exit, name, sentence) in [
        (1, 0, "valid", "VALID"),
        (88, 0, "due", "DUE"),
        (91, 1, "expired", "EXPIRED"),
    ] {
        let finished = status(days_ago, &["--json"]).await;
        let json = finished.json();
        assert_eq!((finished.exit, &json["status"]), (exit, &name.into()));
        assert_eq!(json["secondsLeft"] == 0, days_ago == 91, "{json}");
        let finished = status(days_ago, &[]).await;
        assert_eq!(finished.exit, exit);
        assert!(finished.out.starts_with(sentence), "{finished:?}");
        assert_eq!(finished.row("from"), "BAKONG_TOKEN");
    }
    let finished = status(1, &[]).await;
    assert!(finished.row("left").starts_with("89 days"), "{finished:?}");
    let finished = status(91, &[]).await;
    assert!(finished.row("expired").ends_with("ago"), "{finished:?}");
}

#[tokio::test]
async fn the_status_of_a_missing_or_invalid_token() {
    let finished = run(&["token", "status", "--json"]).await;
    assert_eq!(
        (finished.exit, &finished.json()["status"]),
        (1, &"none".into())
    );
    let folder = Folder::new();
    let file = folder.file("token");
    let finished = run(&["token", "status", "--token-file", &file]).await;
    assert_eq!(finished.exit, 1);
    assert!(finished.out.contains("bakong login"), "{finished:?}");
    let file = folder.write("token", "secret\u{1b}");
    let finished = run(&["token", "status", "--json", "--token-file", &file]).await;
    assert_eq!(finished.exit, 1);
    assert_eq!(finished.json()["error"]["class"], "unauthorized");
    finished.hides("secret");
}

#[tokio::test]
async fn a_token_file_takes_precedence_over_the_environment() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, folder) = (sandbox.base_url(), Folder::new());
    let check = async |file: &str, more: &[&str]| {
        let arguments = ["tx", "check", "--md5", MD5, "--base-url", &url];
        let output = bakong(&[&arguments[..], &["--token-file", file], more].concat())
            .env("BAKONG_TOKEN", TOKEN)
            .output()
            .await;
        let finished = Finished::of(output.unwrap());
        finished.hides(TOKEN);
        finished
    };
    let file = folder.write("token", &token(&sandbox));
    assert_eq!(check(&file, &[]).await.exit, 3);
    let finished = check(&folder.file("none"), &[]).await;
    assert_eq!(finished.exit, 2, "{finished:?}");
    assert!(finished.err.contains("there is no token file"));

    // The error for a rejected token explains how to get another.
    let file = folder.write("token", TOKEN);
    let finished = check(&file, &[]).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    let renew = format!("bakong token renew --email ADDRESS --base-url {url} --token-file {file}");
    assert!(finished.err.contains(&renew), "{finished:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_others_can_read_causes_a_note() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, folder) = (sandbox.base_url(), Folder::new());
    let file = folder.write("token", &token(&sandbox));
    let check = check_with(&url, &file);
    for (mode, exposed) in [(0o600, false), (0o640, true), (0o604, true), (0o400, false)] {
        set_mode(&file, mode);
        let finished = run(&check).await;
        assert_eq!(finished.exit, 3, "{finished:?}");
        assert_eq!(finished.err.contains("chmod 600"), exposed, "{finished:?}");
    }
}

#[tokio::test]
async fn with_an_address_the_token_is_renewed_automatically() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, folder) = (sandbox.base_url(), Folder::new());
    let _ = token(&sandbox);
    let check = ["tx", "check", "--md5", MD5, "--base-url", &url];
    let check = [&check[..], &["--email", EMAIL]].concat();
    let asked = |since: usize| -> Vec<_> {
        let requests = sandbox.requests();
        requests[since..]
            .iter()
            .map(|one| one.endpoint.unwrap())
            .collect()
    };
    let (renewal, question) = (ApiEndpoint::RenewToken, ApiEndpoint::CheckTransactionByMd5);

    // A token that Bakong rejects.
    let file = folder.write("refused", TOKEN);
    let finished = run(&[&check[..], &["--token-file", &file]].concat()).await;
    assert_eq!(finished.exit, 3, "{finished:?}");
    assert!(
        finished.err.contains("The token was renewed"),
        "{finished:?}"
    );
    assert_eq!(asked(0), [question, renewal, question]);
    let saved = std::fs::read_to_string(&file).unwrap();
    assert_ne!(saved.trim(), TOKEN);
    finished.hides(saved.trim());

    // The next command uses the new token.
    let before = sandbox.requests().len();
    let finished = run(&[&check[..], &["--token-file", &file]].concat()).await;
    assert_eq!(
        (finished.exit, finished.err.as_str()),
        (3, ""),
        "{finished:?}"
    );
    assert_eq!(asked(before), [question]);

    // No token at all.
    let before = sandbox.requests().len();
    let file = folder.file("none");
    let finished = run(&[&check[..], &["--token-file", &file]].concat()).await;
    assert_eq!(finished.exit, 3, "{finished:?}");
    assert_eq!(asked(before), [renewal, question]);
    assert!(std::fs::exists(&file).unwrap());

    // An address that is not registered.
    let file = folder.write("refused", TOKEN);
    let check = check_with(&url, &file);
    let output = bakong(&check)
        .env("BAKONG_EMAIL", "other@example.com")
        .output()
        .await;
    let finished = Finished::of(output.unwrap());
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(
        finished.err.contains("could not be renewed"),
        "{finished:?}"
    );
    assert!(finished.err.contains("token request"), "{finished:?}");
}

#[tokio::test]
async fn a_due_token_is_used_if_it_cannot_be_renewed() {
    let (sandbox, token) = aged(88).await;
    let (url, folder) = (sandbox.base_url(), Folder::new());
    let file = folder.write("token", &token);
    let check = check_with(&url, &file);
    let finished = run(&check).await;
    assert_eq!(finished.exit, 3, "{finished:?}");
    assert!(finished.err.contains("bakong token renew"), "{finished:?}");

    let finished = run(&[&check[..], &["--email", "other@example.com"]].concat()).await;
    assert_eq!(finished.exit, 3, "{finished:?}");
    assert!(
        finished.err.contains("The token is due for renewal, and"),
        "{finished:?}"
    );
    assert!(
        finished.err.contains("The old token expires on"),
        "{finished:?}"
    );
}

#[tokio::test]
async fn a_checkout_reads_its_token_from_a_file() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, folder) = (sandbox.base_url(), Folder::new());
    let file = folder.write("my token", &token(&sandbox));
    let arguments = [
        "checkout",
        "--json",
        "--base-url",
        &url,
        "--expires-in",
        "1s",
    ];
    let finished = run(&[&arguments[..], &["--token-file", &file]].concat()).await;
    assert_eq!(finished.exit, 5, "{finished:?}");
    let finished = run(&["checkout", "--sandbox", "--token-file", &file]).await;
    assert_eq!(finished.exit, 2, "{finished:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_token_that_cannot_be_printed_does_not_appear_elsewhere() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url();
    let _ = token(&sandbox);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    for json in [&[][..], &["--json"]] {
        let renew = ["token", "renew", "--email", EMAIL, "--base-url", &url];
        let child = bakong(&[&renew[..], json].concat())
            .stdout(full.as_ref().unwrap().try_clone().unwrap())
            .spawn();
        let finished = Finished::of(child.unwrap().wait_with_output().await.unwrap());
        assert_eq!(finished.exit, 1, "{finished:?}");
        assert!(finished.err.contains("the secret is lost"), "{finished:?}");
        finished.hides("eyJ");
    }
}
