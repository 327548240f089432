//! Token files in every state, and tokens of relays.

use bakong_sandbox::{ApiEndpoint, Sandbox};

use crate::renewal::{EMAIL, MD5, TOKEN};
#[cfg(target_os = "linux")]
use crate::support::bakong_on_full_disk;
use crate::support::{Finished, Folder, run, token};

fn check<'a>(url: &'a str, file: &'a str) -> [&'a str; 8] {
    [
        "tx",
        "check",
        "--md5",
        MD5,
        "--base-url",
        url,
        "--token-file",
        file,
    ]
}

#[tokio::test]
async fn an_empty_token_file_is_renewed() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, folder) = (sandbox.base_url(), Folder::new());
    let _ = token(&sandbox);
    for empty in ["", "\n"] {
        let file = folder.write("token", empty);
        let finished = run(&check(&url, &file)).await;
        assert_eq!(finished.exit, 2, "{finished:?}");
        assert!(
            finished.err.contains("no token in the token file"),
            "{finished:?}"
        );
        let renewing = [&check(&url, &file)[..], &["--email", EMAIL]].concat();
        let finished = run(&renewing).await;
        assert_eq!(finished.exit, 3, "{finished:?}");
        assert!(
            finished.err.contains("The token was renewed"),
            "{finished:?}"
        );
    }
}

#[tokio::test]
async fn a_token_given_as_the_token_file_is_not_repeated() {
    let relay = "rbk-4fXo0Pq7ZsT1vYw9aBcDeFgHiJkLmN";
    for secret in [TOKEN, relay] {
        let url = "http://127.0.0.1:9";
        let equals = format!("--token-file={secret}");
        for command in [
            &check(url, secret)[..],
            &["tx", "check", "--md5", MD5, "--base-url", url, &equals],
            &["token", "status", "--json", "--token-file", secret],
            &[
                "token",
                "renew",
                "--email",
                EMAIL,
                "--base-url",
                url,
                "--token-file",
                secret,
            ],
            &[
                "account",
                "check",
                "a@b",
                "--base-url",
                url,
                "--token-file",
                secret,
            ],
        ] {
            let finished = run(command).await;
            assert_eq!(finished.exit, 2, "{finished:?}");
            assert!(finished.err.contains("looks like a token"), "{finished:?}");
            finished.hides(&secret[6..18]);
        }
    }
}

#[tokio::test]
async fn a_token_that_is_no_jwt_is_refused_for_nbc_only() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, folder) = (sandbox.base_url(), Folder::new());
    let file = folder.write("token", "rbk_secret\n");
    let finished = run(&check(&url, &file)).await;
    // The sandbox got the token, and does not know it.
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert_eq!(sandbox.requests().len(), 1);
    finished.hides("rbk_secret");
    let nbc = [
        "tx",
        "check",
        "--md5",
        MD5,
        "--env",
        "sit",
        "--token-file",
        &file,
    ];
    let finished = run(&nbc).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(finished.err.contains("three parts"), "{finished:?}");
    finished.hides("rbk_secret");
    let status = ["token", "status", "--token-file", &file];
    let finished = run(&status).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    assert!(finished.out.contains("not a JWT"), "{finished:?}");
    let finished = run(&[&status[..], &["--env", "sit"]].concat()).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    // The file may contain anything, so it is not overwritten.
    let renew = ["token", "renew", "--email", EMAIL, "--base-url", &url];
    let finished = run(&[&renew[..], &["--token-file", &file]].concat()).await;
    assert_eq!(finished.exit, 2, "{finished:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_does_not_damage_the_stored_token() {
    let folder = Folder::new();
    // The token is in a file that can be replaced, or in one that can only be overwritten, because the names of
    // temporary files in the folder would be too long.
    for name in ["token", &"t".repeat(250)] {
        let file = folder.write(name, TOKEN);
        let long = crate::retired_token::token(&"n".repeat(1_500), 90);
        let body = format!(r#"{{"responseCode":0,"errorCode":null,"data":{{"token":"{long}"}}}}"#);
        let url = crate::renewal::answering(body, || {}).await;
        let renew = ["token", "renew", "--email", EMAIL, "--base-url", &url];
        let mut shell = bakong_on_full_disk(&renew);
        shell.args(["--token-file", &file]);
        let finished = Finished::of(shell.output().await.unwrap());
        assert_eq!(finished.exit, 1, "{finished:?}");
        assert!(finished.err.contains("could not be saved"), "{finished:?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), TOKEN);
        let finished = run(&["token", "status", "--token-file", &file]).await;
        assert_eq!(finished.exit, 0, "{finished:?}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_in_place_of_the_renewal_mark_does_not_hang() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, folder) = (sandbox.base_url(), Folder::new());
    let _ = token(&sandbox);
    let file = folder.write("token", TOKEN);
    let mark = folder.file("token.renewal");
    let made = std::process::Command::new("mkfifo").arg(mark).status();
    assert!(made.unwrap().success());
    let renewing = [&check(&url, &file)[..], &["--email", EMAIL]].concat();
    let finished = run(&renewing).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(finished.err.contains("not a regular file"), "{finished:?}");
    let is_renewal = |endpoint| endpoint == Some(ApiEndpoint::RenewToken);
    assert!(
        !sandbox
            .requests()
            .iter()
            .any(|one| is_renewal(one.endpoint))
    );
}
