//! Automatic renewal of the token in a file: once for all commands, with a pause after a failure, and without
//! losing a token.

use std::time::Duration;

use bakong_sandbox::{ApiEndpoint, Fault, Sandbox, SandboxClock};
use http::StatusCode;
use khqr_core::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[cfg(unix)]
use crate::support::unread_output;
use crate::support::{Finished, Folder, bakong, run, token};

pub(crate) const EMAIL: &str = "shop@example.com";
pub(crate) const MD5: &str = "74c4012a1d65f9f4c7c647fc8f370f07";

/// A well-formed token that no sandbox accepts. It expires in 2027.
pub(crate) const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE4MDMwMDAwMDB9.c2VjcmV0";

/// Starts a sandbox and issues a token for [`EMAIL`] that is this many days old. The sandbox's clock is right afterwards,
/// because commands go by the time of its answers.
pub(crate) async fn aged(days: u64) -> (Sandbox, String) {
    let age = Duration::from_secs(days * 86_400);
    let age = u64::try_from(age.as_millis()).unwrap();
    let issued = Timestamp::from_millis(Timestamp::now().as_millis() - age);
    let clock = SandboxClock::starting_at(issued);
    let sandbox = Sandbox::builder().clock(clock).start().await.unwrap();
    let token = token(&sandbox);
    sandbox.set_clock(SandboxClock::system());
    (sandbox, token)
}

/// Runs a check that renews its token automatically.
async fn check(sandbox: &Sandbox, file: &str, email: &str) -> Finished {
    let url = sandbox.base_url();
    let arguments = ["tx", "check", "--md5", MD5, "--base-url", &url];
    run(&[&arguments[..], &["--token-file", file, "--email", email]].concat()).await
}

fn renewals(sandbox: &Sandbox) -> usize {
    let requests = sandbox.requests();
    let renewals = requests
        .iter()
        .filter(|one| one.endpoint == Some(ApiEndpoint::RenewToken));
    renewals.count()
}

#[tokio::test]
async fn after_a_failed_renewal_the_next_command_does_not_renew() {
    // A token that is due for renewal, and one that Bakong rejects.
    for rejected in [false, true] {
        let (sandbox, token) = aged(88).await;
        let folder = Folder::new();
        let file = folder.write("token", &token);
        if rejected {
            sandbox.revoke_tokens();
        }
        let exit = if rejected { 1 } else { 3 };
        for _ in 0..3 {
            let finished = check(&sandbox, &file, "other@example.com").await;
            assert_eq!(finished.exit, exit, "{finished:?}");
        }
        assert_eq!(renewals(&sandbox), 1, "{rejected}");
        assert_eq!(sandbox.requests().len(), 4, "{rejected}");
        let finished = check(&sandbox, &file, EMAIL).await;
        if rejected {
            let advice = format!("bakong token renew --email {EMAIL} --base-url");
            assert!(finished.err.contains(&advice), "{finished:?}");
        }
        assert!(
            finished.err.contains("the next renewal is possible in 6"),
            "{finished:?}"
        );
        assert!(finished.err.contains("code 10"), "{finished:?}");

        // An explicit renewal ignores the pause, and ends it.
        let url = sandbox.base_url();
        let renew = ["token", "renew", "--email", EMAIL, "--base-url", &url];
        let finished = run(&[&renew[..], &["--token-file", &file]].concat()).await;
        assert_eq!(finished.exit, 0, "{finished:?}");
        let finished = check(&sandbox, &file, EMAIL).await;
        assert_eq!(finished.exit, 3, "{finished:?}");
        assert!(!finished.err.contains("the next renewal"), "{finished:?}");
    }
}

#[tokio::test]
async fn one_of_many_commands_renews() {
    let sandbox = Sandbox::start().await.unwrap();
    let folder = Folder::new();
    let _ = token(&sandbox);
    let file = folder.write("token", TOKEN);
    let slow = Fault::own_answer().delayed(Duration::from_millis(200));
    sandbox.fault(slow.on(ApiEndpoint::RenewToken).always());
    let checks = (0..6).map(|_| check(&sandbox, &file, EMAIL));
    for finished in futures_util::future::join_all(checks).await {
        assert_eq!(finished.exit, 3, "{finished:?}");
        finished.hides("eyJ");
    }
    assert_eq!(renewals(&sandbox), 1);
    // No other file of the renewal remains in the folder.
    let names = std::fs::read_dir(std::path::Path::new(&file).parent().unwrap());
    assert_eq!(names.unwrap().count(), 1);
}

#[tokio::test]
async fn a_stale_mark_is_ignored() {
    let sandbox = Sandbox::start().await.unwrap();
    let folder = Folder::new();
    let _ = token(&sandbox);
    let now = Timestamp::now().as_millis();
    let far = now + 7 * 24 * 3_600_000;
    for mark in [
        format!(r#"{{"notBefore":{},"failures":3,"reason":""}}"#, now - 1),
        // A mark written while the clock was ahead.
        format!(r#"{{"notBefore":{far},"failures":3,"reason":"x"}}"#),
    ] {
        let file = folder.write("token", TOKEN);
        let mark = folder.write("token.renewal", &mark);
        let finished = check(&sandbox, &file, EMAIL).await;
        assert_eq!(finished.exit, 3, "{finished:?}");
        assert!(
            finished.err.contains("The token was renewed"),
            "{finished:?}"
        );
        assert!(!std::fs::exists(&mark).unwrap());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_token_that_cannot_be_saved_is_not_renewed() {
    let sandbox = Sandbox::start().await.unwrap();
    let folder = Folder::new();
    let _ = token(&sandbox);
    // The names of temporary files in the folder would be too long.
    let name = "t".repeat(250);
    let finished = check(&sandbox, &folder.file(&name), EMAIL).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(finished.err.contains("could not be saved"), "{finished:?}");
    assert_eq!(sandbox.requests().len(), 0);

    // An existing file can be overwritten.
    let file = folder.write(&name, TOKEN);
    let finished = check(&sandbox, &file, EMAIL).await;
    assert_eq!(finished.exit, 3, "{finished:?}");
    let saved = std::fs::read_to_string(&file).unwrap();
    assert!(saved.trim() != TOKEN && saved.trim().split('.').count() == 3);
}

/// Starts a server that answers one request with this body, after calling `before`.
pub(crate) async fn answering(body: String, before: impl FnOnce() + Send + 'static) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 4_096];
        let length = stream.read(&mut asked).await.unwrap();
        assert!(length > 0);
        before();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json";
        let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    url
}

fn issued() -> String {
    format!(r#"{{"responseCode":0,"errorCode":null,"data":{{"token":"{TOKEN}"}}}}"#)
}

#[tokio::test]
async fn a_token_whose_file_became_unwritable_is_written_aside() {
    let folder = Folder::new();
    let file = folder.file("token");
    let in_the_way = file.clone();
    let url = answering(issued(), move || std::fs::create_dir(in_the_way).unwrap()).await;
    let renew = ["token", "renew", "--email", EMAIL, "--base-url", &url];
    let finished = run(&[&renew[..], &["--token-file", &file]].concat()).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    let (_, aside) = finished.err.split_once("it was saved in ").unwrap();
    let aside = aside.split_once(" instead").unwrap().0;
    assert_eq!(std::fs::read_to_string(aside).unwrap().trim(), TOKEN);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(aside).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    finished.hides(TOKEN);
}

#[cfg(unix)]
#[tokio::test]
async fn writing_the_token_to_a_closed_pipe_is_a_failure() {
    for json in [&[][..], &["--json"]] {
        let sandbox = Sandbox::start().await.unwrap();
        let url = sandbox.base_url();
        let _ = token(&sandbox);
        let renew = ["token", "renew", "--email", EMAIL, "--base-url", &url];
        let mut command = bakong(&[&renew[..], json].concat());
        let renewing = command.stdout(unread_output()).spawn().unwrap();
        let finished = Finished::of(renewing.wait_with_output().await.unwrap());
        assert_eq!(finished.exit, 1, "{finished:?}");
        assert!(finished.err.contains("bakong token renew"), "{finished:?}");
        finished.hides("eyJ");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_saved_token_is_not_reported_as_lost() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, folder) = (sandbox.base_url(), Folder::new());
    let _ = token(&sandbox);
    let file = folder.file("token");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let renew = ["token", "renew", "--email", EMAIL, "--base-url", &url];
    let child = bakong(&[&renew[..], &["--json", "--token-file", &file]].concat())
        .stdout(full.unwrap())
        .spawn();
    let finished = Finished::of(child.unwrap().wait_with_output().await.unwrap());
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(!finished.err.contains("secret is lost"), "{finished:?}");
    assert!(std::fs::exists(&file).unwrap());
}

#[tokio::test]
async fn an_expired_new_token_causes_a_note_about_the_clock() {
    // The machine's clock is ahead of Bakong's.
    let issued = Timestamp::from_millis(Timestamp::now().as_millis() - 100 * 86_400_000);
    let clock = SandboxClock::starting_at(issued);
    let sandbox = Sandbox::builder().clock(clock).start().await.unwrap();
    let folder = Folder::new();
    let _ = token(&sandbox);
    let file = folder.write("token", TOKEN);
    let finished = check(&sandbox, &file, EMAIL).await;
    assert_eq!(finished.exit, 3, "{finished:?}");
    assert!(finished.err.contains("clock may be wrong"), "{finished:?}");
}

#[tokio::test]
async fn an_invalid_address_in_the_environment_does_not_prevent_a_check() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, folder) = (sandbox.base_url(), Folder::new());
    let file = folder.write("token", &token(&sandbox));
    let with = async |arguments: &[&str], email: &str| {
        let output = bakong(arguments).env("BAKONG_EMAIL", email).output().await;
        Finished::of(output.unwrap())
    };
    let check = ["tx", "check", "--md5", MD5, "--base-url", &url];
    let finished = with(&[&check[..], &["--token-file", &file]].concat(), "nobody").await;
    assert_eq!(finished.exit, 3, "{finished:?}");
    assert!(finished.err.contains("BAKONG_EMAIL: "), "{finished:?}");
    let finished = with(&["token", "renew", "--base-url", &url], "nobody").await;
    assert_eq!(finished.exit, 2, "{finished:?}");
    assert!(finished.err.contains("BAKONG_EMAIL: "), "{finished:?}");
    assert!(!finished.err.contains("--email"), "{finished:?}");
    let request = ["token", "request", "--organization", "S", "--project", "P"];
    let finished = with(&[&request[..], &["--base-url", &url]].concat(), "nobody").await;
    assert!(finished.err.contains("BAKONG_EMAIL: "), "{finished:?}");
    // An empty variable counts as unset.
    let finished = with(&["token", "renew", "--base-url", &url], " ").await;
    assert!(finished.err.contains("--email"), "{finished:?}");
}

#[tokio::test]
async fn an_empty_variable_is_not_a_token() {
    for empty in ["", " \n"] {
        let output = bakong(&["tx", "check", "--md5", MD5, "--env", "sit"])
            .env("BAKONG_TOKEN", empty)
            .output()
            .await;
        let finished = Finished::of(output.unwrap());
        assert_eq!(finished.exit, 2, "{finished:?}");
        assert!(finished.err.contains("there is no token"), "{finished:?}");
    }
}

#[tokio::test]
async fn a_code_that_may_have_been_used_is_not_sent_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url();
    let code = "abcdefghijklmnopqrst";
    let verify = ["token", "verify", "--code", code, "--base-url", &url];
    for fault in [
        Fault::json(StatusCode::OK, r#"{"responseCode":0,"data":{"token":"x"}}"#),
        Fault::status(StatusCode::BAD_GATEWAY),
        Fault::cut(),
        Fault::json(StatusCode::OK, " ".repeat(3_000_000)),
    ] {
        sandbox.fault(fault);
        let finished = run(&verify).await;
        assert_eq!(finished.exit, 1, "{finished:?}");
        assert!(finished.err.contains("bakong token renew"), "{finished:?}");
        assert!(!finished.err.contains("Try again"), "{finished:?}");
    }
    // Another server has not used the code.
    sandbox.fault(Fault::status(StatusCode::NOT_FOUND));
    let finished = run(&verify).await;
    assert!(
        finished.err.contains("is the address of a Bakong API"),
        "{finished:?}"
    );
    assert!(!finished.err.contains("bakong token renew"), "{finished:?}");
    // The request had no token, so another token would not help.
    sandbox.fault(Fault::unauthorized());
    let finished = run(&verify).await;
    assert!(
        finished.err.contains("The request has no token"),
        "{finished:?}"
    );
    assert!(!finished.err.contains("bakong token renew"), "{finished:?}");
}
