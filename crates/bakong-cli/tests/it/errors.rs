//! Every error has a clear message and the right exit code, and shows no secret.

use bakong_sandbox::Sandbox;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::{
    Finished, MD5, Shop, UNKNOWN_TOKEN, ask, bakong, interrupt, run, run_line, run_with_token,
    words,
};

/// An address at which nothing listens. Nothing else can listen there while the socket is open.
fn closed_port() -> (tokio::net::TcpSocket, String) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

#[tokio::test]
async fn nothing_listens_at_the_address() {
    let (_socket, url) = closed_port();
    let line = format!("checkout --base-url {url}");
    let finished = run_with_token(&line, UNKNOWN_TOKEN).await.exits(1);
    finished.shows("the connection to the host failed");
    finished.shows("No code was shown, so nothing was paid.");
    assert_eq!(finished.out, "");
    let finished = run_with_token(&format!("{line} --json"), UNKNOWN_TOKEN).await;
    let json = finished.status(1, "could_not_ask");
    assert_eq!(json["error"]["class"], "transport");
}

#[tokio::test]
async fn the_host_does_not_exist() {
    let line = "checkout --base-url https://no.invalid";
    let finished = run_with_token(line, UNKNOWN_TOKEN).await.exits(1);
    assert!(finished.err.contains("no.invalid"), "{}", finished.err);
    finished.shows("Check the host in --base-url");
}

#[tokio::test]
async fn a_rejected_token() {
    let sandbox = Sandbox::start().await.unwrap();
    let line = format!("checkout --base-url {}", sandbox.base_url());
    let finished = run_with_token(&line, UNKNOWN_TOKEN).await.exits(1);
    finished.shows("does not accept the token");
    let finished = run_with_token(&format!("{line} --json"), "not.a-token").await;
    finished.error(1, "unauthorized");
}

#[tokio::test]
async fn a_token_that_is_revoked_while_the_customer_pays() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut shop = Shop::open(&sandbox, "").await;
    sandbox.revoke_tokens();
    let mut notes = BufReader::new(shop.child.stderr.take().unwrap()).lines();
    let mut note = String::new();
    while !note.starts_with("No answer: ") {
        note = notes.next_line().await.unwrap().expect("a note");
    }
    // The code can be paid, so the command goes on and says what to do.
    assert!(note.contains("does not accept the token"), "{note}");
    assert!(note.contains("bakong token"), "{note}");
    assert!(note.ends_with("Trying again."), "{note}");
    interrupt(&shop.child);
    let finished = shop.finish().await.exits(130);
    finished.shows("can be paid until");
    finished.shows("bakong tx check --md5");
    assert_eq!(finished.row("amount"), "10000 KHR");
}

#[tokio::test]
async fn an_outage_is_never_reported_as_expired() {
    let sandbox = Sandbox::start().await.unwrap();
    let shop = Shop::open(&sandbox, "--expires-in 1s").await;
    sandbox.stop().await;
    let finished = shop.finish().await.exits(1);
    finished.shows("UNKNOWN");
    finished.shows("may have been paid before it expired");
    finished.shows("No answer:");
    finished.hides("EXPIRED");
}

/// Command lines that fail before any request, and a part of the message.
const USAGE_ERRORS: &str = "
    checkout => --sandbox
    checkout --sandbox --amount 1.5 => --currency USD
    checkout --sandbox --amount 0 => zero
    checkout --sandbox --amount -5 => error:
    checkout --sandbox --currency THB => KHR (116) or USD (840)
    checkout --sandbox --account nobody => name@bank
    checkout --sandbox --name 'a name of more than 25 characters' => --name
    checkout --sandbox --merchant-id 1 => --bank
    checkout --sandbox --expires-in 0s => 10m
    checkout --sandbox --pay-after soon => 5s
    checkout --sandbox --env sit => --env
    checkout --env live => production-gov
    checkout --env production => --account
    checkout --env production --account a@b --name A => --amount
    checkout --env sit --pay-after 1s => --pay-after
    checkout --base-url http://127.0.0.1:99999 => port
    checkout --base-url https://API-bakong.nbc.gov.kh => --account
    checkout --base-url ftp://bank.example => https://
    checkout --base-url URL => BAKONG_TOKEN
    checkout --base-url http://bank.example => https
    tx check --md5 123 --env sit => 32 hexadecimal
    tx check --md5 MD5 => --env
    tx check --env sit => --md5
    tx check --md5 MD5 --hash a --env sit => --hash
    tx check --short-hash 1234567 --env sit => exactly 8
    tx check --short-hash zzzzzzzz --env sit => hexadecimal
    tx check --hash 8465d722 --env sit => did you mean --short-hash
    tx diagnose --hash 0123 --env sit => 64 hexadecimal
    tx check --short-hash 12345678 --env sit => --amount
    tx check --short-hash 12345678 --amount 1 --env sit => --currency
    tx check --md5 MD5 --amount 1 --env sit => --account
    tx check --md5 MD5 --account a@b => --amount
    tx check --md5 MD5 --email a@b --env sit => --token-file
    tx check --md5 MD5 --account a@b --amount 1.5 => --amount: transaction amount: too many decimals
    tx check --md5 MD5 --account a --amount 1 => --account: Bakong account: must
    tx diagnose --md5 MD5 --amount 1 => --currency
    tx diagnose --env sit => --md5
    tx diagnose --short-hash 12345678 --env sit => --amount
    tx diagnose --md5 MD5 --base-url URL => BAKONG_TOKEN
    token renew --base-url URL => BAKONG_EMAIL
    token renew --email nobody --base-url URL => e-mail address
    token verify --code -short --base-url URL => exactly 20
    token request --email a@b --organization '' --project P --base-url URL => --organization
    token status --base-url ftp://bank.example => https://
    account check nobody --base-url URL => name@bank
    account check a@b => --env
    deeplink code --app A --base-url URL => --icon
    nonsense => nonsense
";

#[tokio::test]
async fn usage_errors_are_reported_before_any_request() {
    let sandbox = Sandbox::start().await.unwrap();
    for row in USAGE_ERRORS.trim().lines() {
        let (line, reason) = row.split_once(" => ").unwrap();
        let line = line.replace("MD5", MD5).replace("URL", &sandbox.base_url());
        let finished = run_line(&line).await.exits(2);
        assert!(finished.err.contains(reason), "{line}: {}", finished.err);
        assert_eq!(finished.out, "", "{line}");
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test]
async fn the_json_object_always_has_the_same_keys() {
    let keys =
        |json: &Value| -> Vec<String> { json.as_object().unwrap().keys().cloned().collect() };
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url();
    let line = format!("checkout --json --base-url {url}");
    let refused = run_with_token(&line, UNKNOWN_TOKEN).await.json();
    let paid = run_line("checkout --json --sandbox --pay-after 0s")
        .await
        .json();
    assert_eq!(keys(&refused), keys(&paid));
    assert_eq!(refused["error"]["status"], 401);
    let line = format!("tx check --json --base-url {url} --md5 {MD5}");
    let not_a_token = run_with_token(&line, "a.b").await.json();
    assert_eq!(keys(&not_a_token["error"]), keys(&refused["error"]));
}

#[tokio::test]
async fn usage_errors_are_also_reported_as_json() {
    for line in [
        "tx check --json",
        &format!("tx check --json --md5 {MD5}"),
        "token renew --json --env sit",
        "account check --json nobody --env sit",
        "checkout --json",
    ] {
        let error = &run_line(line).await.exits(2).json()["error"];
        let message = error["message"].as_str().unwrap();
        // The message names the missing or invalid argument.
        let names = |what: &str| message.contains(what);
        assert!(names("--") || names("ACCOUNT"), "{error}");
        assert!(!names("Usage:") && !names("\n"), "{error}");
    }
}

#[tokio::test]
async fn rejected_arguments_are_printed_without_escape_sequences() {
    let hostile = "\u{1b}[2J\u{202e}";
    for arguments in [
        ["checkout", "--currency", hostile],
        ["qr", "decode", &format!("--{hostile}")],
        ["qr", hostile, ""],
    ] {
        let finished = run(&arguments).await;
        assert_ne!(finished.exit, 0, "{finished:?}");
        finished.hides("\u{1b}");
        finished.hides("\u{202e}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn lost_output_is_not_a_success() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let mut command = bakong(&words("qr generate --json --account a@b --name A"));
    let child = command.stdout(full.unwrap()).spawn().unwrap();
    let finished = Finished::of(child.wait_with_output().await.unwrap());
    finished.exits(1).shows("lost: {\"expiresAt\"");
    // What a second run prints again is not repeated on standard error.
    for line in ["completions bash", "checkout --help", "--help", "--version"] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let mut command = bakong(&words(line));
        let child = command.stdout(full.unwrap()).spawn().unwrap();
        let finished = Finished::of(child.wait_with_output().await.unwrap());
        let finished = finished.exits(1);
        finished.shows("standard output: ");
        assert_eq!(finished.err.lines().count(), 1, "{finished:?}");
        finished.hides("lost");
    }
}

#[tokio::test]
async fn a_password_in_a_url_is_not_printed() {
    let line = "checkout --base-url http://shop:hunter2@127.0.0.1:1";
    run_line(line).await.exits(2).hides("hunter2");
}

#[tokio::test]
async fn help_does_not_show_the_token() {
    for command in [
        "",
        "checkout",
        "tx check",
        "tx diagnose",
        "token status",
        "account check",
        "deeplink",
    ] {
        let line = format!("{command} --help");
        run_with_token(&line, UNKNOWN_TOKEN).await.exits(0);
    }
    let sandbox = Sandbox::start().await.unwrap();
    ask(&sandbox, "checkout --expires-in 1s").await.exits(5);
}
