//! What goes wrong ends in a clear sentence, the right exit code, and without a secret.

use bakong_sandbox::Sandbox;

use crate::bakong::{Finished, Shop, bakong, run, token};

/// A token of the right form that no Bakong knows.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE4MDMwMDAwMDB9.c2VjcmV0";

async fn run_with_token(arguments: &[&str], token: &str) -> Finished {
    let output = bakong(arguments).env("BAKONG_TOKEN", token).output().await;
    let finished = Finished::of(output.unwrap());
    assert!(
        !finished.out.contains(token) && !finished.err.contains(token),
        "{finished:?}"
    );
    finished
}

/// A port on which nothing listens, and nothing else can while the socket is held.
fn closed_port() -> (tokio::net::TcpSocket, String) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

#[tokio::test]
async fn nobody_there() {
    let (_held, url) = closed_port();
    let finished = run_with_token(&["checkout", "--base-url", &url], TOKEN).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(
        finished.err.contains("no connection to the host"),
        "{}",
        finished.err
    );
    assert!(
        finished
            .err
            .contains("No code was shown, so nothing was paid.")
    );
    assert_eq!(finished.out, "");
    let arguments = ["checkout", "--json", "--base-url", &url];
    let finished = run_with_token(&arguments, TOKEN).await;
    let json = finished.json();
    assert_eq!(
        (finished.exit, &json["status"]),
        (1, &"could_not_ask".into())
    );
    assert_eq!(json["error"]["class"], "transport");
}

#[tokio::test]
async fn a_wrong_host() {
    let arguments = ["checkout", "--base-url", "https://no.invalid"];
    let finished = run_with_token(&arguments, TOKEN).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(finished.err.contains("no.invalid"), "{}", finished.err);
    assert!(
        finished.err.contains("Check the host in --base-url"),
        "{}",
        finished.err
    );
}

#[tokio::test]
async fn a_refused_token() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url();
    let finished = run_with_token(&["checkout", "--base-url", &url], TOKEN).await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(
        finished.err.contains("does not accept the token"),
        "{}",
        finished.err
    );
    let finished = run_with_token(&["checkout", "--base-url", &url, "--json"], "not.a-token").await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert_eq!(finished.json()["error"]["class"], "unauthorized");
}

#[tokio::test]
async fn a_token_that_is_revoked_while_the_customer_pays() {
    let sandbox = Sandbox::start().await.unwrap();
    let shop = Shop::open(&sandbox, &[]).await;
    sandbox.revoke_tokens();
    let finished = shop.finish().await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(finished.out.contains("UNKNOWN") && finished.out.contains("can be paid until"));
    assert!(finished.out.contains("bakong tx check --md5"));
    assert_eq!(finished.row("amount"), "10000 KHR");
}

#[tokio::test]
async fn a_bakong_that_goes_away_is_never_taken_for_an_expiry() {
    let sandbox = Sandbox::start().await.unwrap();
    let shop = Shop::open(&sandbox, &["--expires-in", "1s"]).await;
    sandbox.stop().await;
    let finished = shop.finish().await;
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(finished.out.contains("UNKNOWN"), "{}", finished.out);
    assert!(!finished.out.contains("EXPIRED"));
    assert!(
        finished
            .out
            .contains("may have been paid before it expired")
    );
    assert!(finished.err.contains("No answer:"), "{}", finished.err);
}

#[tokio::test]
async fn what_is_wrong_with_the_command_line_is_said_before_anything_is_sent() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url();
    for (arguments, reason) in [
        (&["checkout"][..], "--sandbox"),
        (
            &["checkout", "--sandbox", "--amount", "1.5"],
            "--currency USD",
        ),
        (&["checkout", "--sandbox", "--amount", "0"], "zero"),
        (&["checkout", "--sandbox", "--amount", "-5"], "error:"),
        (
            &["checkout", "--sandbox", "--currency", "THB"],
            "KHR (116) or USD (840)",
        ),
        (
            &["checkout", "--sandbox", "--account", "nobody"],
            "name@bank",
        ),
        (
            &[
                "checkout",
                "--sandbox",
                "--name",
                "a name of more than 25 characters",
            ],
            "--name",
        ),
        (&["checkout", "--sandbox", "--merchant-id", "1"], "--bank"),
        (&["checkout", "--sandbox", "--expires-in", "0s"], "10m"),
        (&["checkout", "--sandbox", "--pay-after", "soon"], "5s"),
        (&["checkout", "--sandbox", "--env", "sit"], "--env"),
        (&["checkout", "--env", "live"], "production-gov"),
        (&["checkout", "--env", "production"], "--account"),
        (
            &[
                "checkout",
                "--env",
                "production",
                "--account",
                "a@b",
                "--name",
                "A",
            ],
            "--amount",
        ),
        (
            &["checkout", "--env", "sit", "--pay-after", "1s"],
            "--pay-after",
        ),
        (
            &["checkout", "--base-url", "http://127.0.0.1:99999"],
            "port",
        ),
        (
            &["checkout", "--base-url", "https://API-bakong.nbc.gov.kh"],
            "--account",
        ),
        (
            &["checkout", "--base-url", "ftp://bank.example"],
            "https://",
        ),
        (&["checkout", "--base-url", &url], "BAKONG_TOKEN"),
        (&["checkout", "--base-url", "http://bank.example"], "https"),
        (
            &["tx", "check", "--md5", "123", "--env", "sit"],
            "32 hexadecimal",
        ),
        (
            &["tx", "check", "--md5", "74c4012a1d65f9f4c7c647fc8f370f07"],
            "--env",
        ),
        (&["tx", "check", "--env", "sit"], "--md5"),
        (
            &["tx", "check", "--md5", MD5, "--hash", "a", "--env", "sit"],
            "--hash",
        ),
        (
            &["tx", "check", "--short-hash", "1234567", "--env", "sit"],
            "exactly 8",
        ),
        (
            &["tx", "check", "--short-hash", "zzzzzzzz", "--env", "sit"],
            "hexadecimal",
        ),
        (
            &["tx", "check", "--hash", "8465d722", "--env", "sit"],
            "did you mean --short-hash",
        ),
        (
            &["tx", "diagnose", "--hash", "0123", "--env", "sit"],
            "64 hexadecimal",
        ),
        (
            &["tx", "check", "--short-hash", "12345678", "--env", "sit"],
            "--amount",
        ),
        (
            &[
                "tx",
                "check",
                "--short-hash",
                "12345678",
                "--amount",
                "1",
                "--env",
                "sit",
            ],
            "--currency",
        ),
        (
            &["tx", "check", "--md5", MD5, "--amount", "1", "--env", "sit"],
            "--account",
        ),
        (
            &["tx", "check", "--md5", MD5, "--account", "a@b"],
            "--amount",
        ),
        (
            &[
                "tx", "check", "--md5", MD5, "--email", "a@b", "--env", "sit",
            ],
            "--token-file",
        ),
        (
            &[
                "tx",
                "check",
                "--md5",
                MD5,
                "--account",
                "a@b",
                "--amount",
                "1.5",
            ],
            "--amount: transaction amount: too many decimals",
        ),
        (
            &[
                "tx",
                "check",
                "--md5",
                MD5,
                "--account",
                "a",
                "--amount",
                "1",
            ],
            "--account: Bakong account: must",
        ),
        (
            &["tx", "diagnose", "--md5", MD5, "--amount", "1"],
            "--currency",
        ),
        (&["tx", "diagnose", "--env", "sit"], "--md5"),
        (
            &["tx", "diagnose", "--short-hash", "12345678", "--env", "sit"],
            "--amount",
        ),
        (
            &["tx", "diagnose", "--md5", MD5, "--base-url", &url],
            "BAKONG_TOKEN",
        ),
        (&["token", "renew", "--base-url", &url], "BAKONG_EMAIL"),
        (
            &["token", "renew", "--email", "nobody", "--base-url", &url],
            "e-mail address",
        ),
        (
            &["token", "verify", "--code", "-short", "--base-url", &url],
            "exactly 20",
        ),
        (
            &[
                "token",
                "request",
                "--email",
                "a@b",
                "--organization",
                "",
                "--project",
                "P",
                "--base-url",
                &url,
            ],
            "--organization",
        ),
        (
            &["token", "status", "--base-url", "ftp://bank.example"],
            "https://",
        ),
        (
            &["account", "check", "nobody", "--base-url", &url],
            "name@bank",
        ),
        (&["account", "check", "a@b"], "--env"),
        (
            &["deeplink", "code", "--app", "A", "--base-url", &url],
            "--icon",
        ),
        (&["nonsense"], "nonsense"),
    ] {
        let finished = run(arguments).await;
        assert_eq!(finished.exit, 2, "{arguments:?} {finished:?}");
        assert!(
            finished.err.contains(reason),
            "{arguments:?} {}",
            finished.err
        );
        assert_eq!(finished.out, "", "{arguments:?}");
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test]
async fn json_says_how_it_ended_whatever_it_was() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url();
    let arguments = ["checkout", "--json", "--base-url", &url];
    let refused = run_with_token(&arguments, TOKEN).await.json();
    let arguments = ["checkout", "--json", "--sandbox", "--pay-after", "0s"];
    let paid = run(&arguments).await.json();
    let keys = |json: &serde_json::Value| -> Vec<String> {
        json.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&refused), keys(&paid));
    assert_eq!(refused["error"]["status"], 401);
    let keys_of_error = keys(&refused["error"]);
    let arguments = ["tx", "check", "--json", "--base-url", &url, "--md5", MD5];
    let garbage = run_with_token(&arguments, "a.b");
    assert_eq!(keys(&garbage.await.json()["error"]), keys_of_error);
}

const MD5: &str = "74c4012a1d65f9f4c7c647fc8f370f07";

#[tokio::test]
async fn json_tells_of_a_wrong_command_line_too() {
    for arguments in [
        &["tx", "check", "--json"][..],
        &["tx", "check", "--json", "--md5", MD5],
        &["token", "renew", "--json", "--env", "sit"],
        &["account", "check", "--json", "nobody", "--env", "sit"],
        &["checkout", "--json"],
    ] {
        let finished = run(arguments).await;
        assert_eq!(finished.exit, 2, "{finished:?}");
        let error = &finished.json()["error"];
        let message = error["message"].as_str().unwrap();
        // It names what is missing or wrong.
        let says = |what: &str| message.contains(what);
        assert!(says("--") || says("ACCOUNT"), "{error}");
        assert!(!says("Usage:") && !says("\n"), "{error}");
    }
}

#[tokio::test]
async fn what_is_refused_is_repeated_harmlessly() {
    let hostile = "\u{1b}[2J\u{202e}";
    for arguments in [
        ["checkout", "--currency", hostile],
        ["qr", "decode", &format!("--{hostile}")],
        ["qr", hostile, ""],
    ] {
        let finished = run(&arguments).await;
        assert_ne!(finished.exit, 0, "{finished:?}");
        let all = format!("{}{}", finished.out, finished.err);
        assert!(
            !all.contains('\u{1b}') && !all.contains('\u{202e}'),
            "{all:?}"
        );
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn output_that_is_lost_is_no_success() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = bakong(&[
        "qr",
        "generate",
        "--json",
        "--account",
        "a@b",
        "--name",
        "A",
    ])
    .stdout(full)
    .spawn()
    .unwrap()
    .wait_with_output()
    .await;
    let finished = Finished::of(output.unwrap());
    assert_eq!(finished.exit, 1, "{finished:?}");
    assert!(finished.err.contains("lost: {\"md5\""), "{finished:?}");
}

#[tokio::test]
async fn a_password_in_a_url_is_not_repeated() {
    let finished = run(&["checkout", "--base-url", "http://shop:hunter2@127.0.0.1:1"]).await;
    assert_eq!(finished.exit, 2, "{finished:?}");
    assert!(!format!("{finished:?}").contains("hunter2"), "{finished:?}");
}

#[tokio::test]
async fn help_does_not_show_the_token() {
    for arguments in [
        &["--help"][..],
        &["checkout", "--help"],
        &["tx", "check", "--help"],
        &["tx", "diagnose", "--help"],
        &["token", "status", "--help"],
        &["account", "check", "--help"],
        &["deeplink", "--help"],
    ] {
        let finished = run_with_token(arguments, TOKEN).await;
        assert_eq!(finished.exit, 0);
    }
    let sandbox = Sandbox::start().await.unwrap();
    let token = token(&sandbox);
    let url = sandbox.base_url();
    let arguments = ["checkout", "--base-url", &url, "--expires-in", "1s"];
    assert_eq!(run_with_token(&arguments, &token).await.exit, 5);
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_reason_to_panic() {
    let mut child = bakong(&["qr", "generate", "--account", "a@b", "--name", "A"])
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let finished = Finished::of(child.wait_with_output().await.unwrap());
    assert_eq!((finished.exit, finished.err.as_str()), (0, ""));
}
