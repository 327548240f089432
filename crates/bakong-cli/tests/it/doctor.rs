//! `bakong doctor`.

use std::time::Duration;

use bakong_sandbox::{Fault, Sandbox, SandboxClock, TransferOptions};
use http::StatusCode;
use khqr_core::{Amount, Currency, Timestamp};

use crate::support::{
    Finished, Folder, MD5, Shop, UNKNOWN_TOKEN, bakong, dara, set_mode, token, words,
};

const EMAIL: &str = "shop@example.com";

/// A shop with a store, and with a token file and its address in a profile.
struct Till {
    sandbox: Sandbox,
    folder: Folder,
}

impl Till {
    async fn new() -> Self {
        let (sandbox, folder) = (Sandbox::start().await.unwrap(), Folder::new());
        folder.write("till.token", &token(&sandbox));
        let url = sandbox.base_url();
        let config = format!(
            "[profiles.default]\nbase-url = \"{url}\"\ntoken-file = \"till.token\"\nemail = \"{EMAIL}\"\n"
        );
        folder.write("config.toml", &config);
        Self { sandbox, folder }
    }

    fn command(&self, line: &str) -> tokio::process::Command {
        let mut command = bakong(&words(line));
        command
            .env("BAKONG_CONFIG", self.folder.file("config.toml"))
            .env("BAKONG_STORE", self.folder.file("payments.db"));
        command
    }

    async fn run(&self, line: &str) -> Finished {
        Finished::of(self.command(line).output().await.unwrap())
    }
}

/// The line of a check.
#[track_caller]
fn line<'a>(finished: &'a Finished, name: &str) -> &'a str {
    let mut lines = finished.out.lines();
    let found = lines.find(|line| line.split_whitespace().nth(1) == Some(name));
    found.unwrap_or_else(|| panic!("no {name}: {finished:?}"))
}

#[track_caller]
fn finds(finished: &Finished, name: &str, state: &str, text: &str) {
    let line = line(finished, name);
    assert!(line.starts_with(state) && line.contains(text), "{line}");
}

#[tokio::test]
async fn a_sound_set_up_costs_no_request_of_the_quota() {
    let till = Till::new().await;
    let finished = till.run("doctor").await.exits(0);
    finds(&finished, "quota", "ok", "0 of 100 requests used today");
    finds(&finished, "store", "ok", "there is no store yet");

    let shop = Shop::started(till.command("checkout --qr light")).await;
    let _ = dara(&till.sandbox).pay(&shop.code).unwrap();
    shop.finish().await.exits(0);
    let (used, requests) = (
        till.sandbox.quota_used(EMAIL),
        till.sandbox.requests().len(),
    );
    assert!(used > 0);
    let finished = till.run("doctor").await.exits(0);
    assert_eq!(till.sandbox.quota_used(EMAIL), used);
    let all = till.sandbox.requests();
    assert_eq!(all.len(), requests + 1);
    assert_eq!(all[requests].status, Some(StatusCode::UNAUTHORIZED));

    finds(&finished, "config", "ok", "profile \"default\" of ");
    finds(&finished, "server", "ok", &till.sandbox.base_url());
    finds(&finished, "DNS", "ok", "127.0.0.1");
    finds(&finished, "TCP", "ok", "accepts connections");
    finds(&finished, "answer", "ok", "HTTP 401");
    finds(&finished, "answer", "ok", "costs nothing of the quota");
    finds(&finished, "clock", "ok", "agrees");
    finds(&finished, "token", "ok", "renewed with shop@example.com");
    finds(&finished, "token", "ok", "not checked with Bakong");
    let counted = format!("{used} of 100 requests used today");
    finds(&finished, "quota", "ok", &counted);
    finds(
        &finished,
        "store",
        "ok",
        "1 payment, 0 open, 0 for a person to decide",
    );
    assert_eq!(finished.err, "");
    let json = till.run("doctor --json --quota 50").await.status(0, "ok");
    let checks = json["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 9, "{json}");
    let quota = checks.iter().find(|check| check["name"] == "quota");
    let counted = format!("{used} of 50 requests used today");
    let message = quota.unwrap()["message"].as_str().unwrap();
    assert!(message.starts_with(&counted), "{message}");
    for check in checks {
        assert_eq!(check["state"], "ok", "{check}");
        assert!(check["advice"].is_null(), "{check}");
    }
}

#[tokio::test]
async fn a_server_that_blocks_or_fails_is_a_problem() {
    let till = Till::new().await;
    let always = |status| Fault::html(status, "<html>").always();
    till.sandbox.fault(always(StatusCode::FORBIDDEN));
    let finished = till.run("doctor").await.exits(1);
    finds(&finished, "answer", "problem", "only clients in Cambodia");
    finds(&finished, "answer", "problem", "HTTPS_PROXY");
    // The other checks do not depend on the answer.
    finds(&finished, "token", "ok", "valid until");
    till.sandbox.clear_faults();
    till.sandbox.fault(always(StatusCode::BAD_GATEWAY));
    let json = till.run("doctor --json").await.status(1, "problem");
    assert!(json.to_string().contains("502"), "{json}");
}

#[tokio::test]
async fn a_wrong_clock_is_a_problem() {
    let till = Till::new().await;
    let minutes = |minutes: u64| minutes * 60_000;
    let now = Timestamp::now().as_millis();
    for (time, text) in [
        (now + minutes(10), "behind the server's"),
        (now - minutes(10), "ahead of the server's"),
    ] {
        let clock = SandboxClock::starting_at(Timestamp::from_millis(time));
        till.sandbox.set_clock(clock);
        let finished = till.run("doctor").await.exits(1);
        finds(&finished, "clock", "problem", text);
        finds(&finished, "clock", "problem", "Set the clock");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_does_not_stop_the_other_checks() {
    let folder = Folder::new();
    let file = folder.write("token", UNKNOWN_TOKEN);
    let doctor = async |options: &str, variables: &[(&str, &str)]| {
        let line = format!("doctor --token-file {file} {options}");
        let mut command = bakong(&words(&line));
        command.envs(variables.iter().copied());
        let finished = Finished::of(command.output().await.unwrap());
        finished.hides("geheim");
        finds(&finished, "store", "ok", "");
        finished
    };
    let finished = doctor("--base-url http://127.0.0.1:9", &[]).await.exits(1);
    finds(&finished, "TCP", "problem", "the server is running");
    finds(&finished, "token", "ok", "not renewed automatically");
    let finished = doctor("--base-url https://bakong.invalid", &[])
        .await
        .exits(1);
    finds(&finished, "DNS", "problem", "bakong.invalid");
    finds(&finished, "DNS", "problem", "--base-url");
    assert!(!finished.out.contains("TCP"), "{finished:?}");

    // The proxy is used and named, without its credentials.
    let proxy = [("HTTPS_PROXY", "http://till:geheim@127.0.0.1:9")];
    let finished = doctor("--base-url https://bakong.invalid", &proxy)
        .await
        .exits(1);
    let text = "through the proxy http://127.0.0.1:9";
    finds(&finished, "server", "ok", text);
    finds(
        &finished,
        "TCP",
        "problem",
        "Check that the proxy is running",
    );
    let wrong = [("HTTPS_PROXY", "socks5://till:geheim@127.0.0.1:9")];
    let finished = doctor("--base-url https://bakong.invalid", &wrong)
        .await
        .exits(1);
    finds(&finished, "server", "problem", "HTTPS_PROXY");
    let finished = doctor("", &[]).await.exits(1);
    finds(&finished, "server", "problem", "--env sit");
    let finished = doctor("--base-url http://192.0.2.1", &[]).await.exits(1);
    finds(&finished, "server", "problem", "--allow-plain-http");
}

#[tokio::test]
async fn the_certificate_is_checked() {
    let (url, pem) = crate::tls::start().await;
    let folder = Folder::new();
    let (authority, token) = (
        folder.write("ca.pem", &pem),
        folder.write("token", UNKNOWN_TOKEN),
    );
    let line = format!("doctor --base-url {url} --token-file {token}");
    let run = async |line: &str| Finished::of(bakong(&words(line)).output().await.unwrap());
    let finished = run(&line).await.exits(1);
    finds(&finished, "TLS", "problem", "--ca-file");
    let finished = run(&format!("{line} --ca-file {authority}")).await.exits(0);
    finds(&finished, "TLS", "ok", "trusted");
    // This server is no Bakong: it asks for no token.
    finds(&finished, "answer", "warning", "without a token");
}

#[tokio::test]
async fn a_wrong_config_file_is_one_of_the_checks() {
    let till = Till::new().await;
    till.folder
        .write("config.toml", "[profiles.default]\nnmae = 1");
    let finished = till.run("doctor").await.exits(1);
    finds(
        &finished,
        "config",
        "problem",
        "line 2: there is no key \"nmae\"",
    );
    let finished = till.run("doctor --profile other").await.exits(1);
    finds(&finished, "config", "problem", "line 2");
}

#[tokio::test]
async fn what_follows_from_a_wrong_config_file_is_not_reported() {
    let till = Till::new().await;
    let names = |finished: &Finished| -> Vec<String> {
        let names = finished
            .out
            .lines()
            .map(|line| line.split_whitespace().nth(1));
        names.map(|name| name.unwrap().to_owned()).collect()
    };
    let without_store = async |line: &str| {
        let output = till.command(line).env_remove("BAKONG_STORE").output().await;
        Finished::of(output.unwrap()).exits(1)
    };
    let finished = without_store("doctor --profile nosuch").await;
    assert_eq!(names(&finished), ["config"], "{finished:?}");
    till.folder
        .write("config.toml", "[profiles.default]\nbase-ur = \"x\"\n");
    let finished = without_store("doctor").await;
    assert_eq!(names(&finished), ["config"], "{finished:?}");
    // What the command line and the variables name is checked, and so are their own problems.
    let finished = till
        .run("doctor --base-url http://192.0.2.1")
        .await
        .exits(1);
    assert_eq!(names(&finished), ["config", "server", "store"]);
    finds(&finished, "server", "problem", "--allow-plain-http");
    let line = format!("doctor --token-file {}", till.folder.file("absent.token"));
    let finished = till.run(&line).await.exits(1);
    assert_eq!(names(&finished), ["config", "token", "store"]);
    finds(&finished, "token", "problem", "absent.token");
}

#[cfg(unix)]
#[tokio::test]
async fn a_password_that_others_can_read_in_the_config_file_is_a_warning() {
    let till = Till::new().await;
    let file = till.folder.file("config.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let url = "postgres://shop:geheim@127.0.0.1:1/payments";
    till.folder
        .write("config.toml", &format!("{config}store = \"{url}\"\n"));
    set_mode(&file, 0o644);
    let finished = till.run("doctor").await;
    finds(&finished, "config", "warning", "the password of the store");
    assert!(finished.out.contains("chmod 600"), "{finished:?}");
    assert!(!finished.out.contains("geheim"), "{finished:?}");
    set_mode(&file, 0o600);
    finds(&till.run("doctor").await, "config", "ok", "default");
}

#[tokio::test]
async fn the_token_is_checked_without_sending_it() {
    let till = Till::new().await;
    let file = till.folder.file("till.token");
    set_mode(&file, 0o644);
    let finished = till.run("doctor").await;
    #[cfg(unix)]
    {
        finds(&finished, "token", "warning", "chmod 600 ");
        assert_eq!((finished.exit, finished.err.as_str()), (0, ""));
    }
    std::fs::write(&file, "").unwrap();
    let finished = till.run("doctor").await.exits(1);
    finds(&finished, "token", "problem", "bakong login");
    // Issued 91 days ago.
    let days = Duration::from_secs(91 * 86_400).as_millis();
    let past = Timestamp::now().as_millis() - u64::try_from(days).unwrap();
    let clock = SandboxClock::starting_at(Timestamp::from_millis(past));
    let sandbox = Sandbox::builder().clock(clock).start().await.unwrap();
    till.folder.write("till.token", &token(&sandbox));
    let finished = till.run("doctor").await.exits(0);
    finds(
        &finished,
        "token",
        "warning",
        "expired; the next command renews it",
    );
    let line = format!(
        "doctor --base-url {} --token-file {file}",
        till.sandbox.base_url()
    );
    let finished = till.run(&line).await.exits(1);
    finds(
        &finished,
        "token",
        "problem",
        "Renew it with bakong token renew",
    );
    let mut command = till.command("doctor");
    let output = command.env("BAKONG_TOKEN", UNKNOWN_TOKEN).output();
    let finished = Finished::of(output.await.unwrap()).exits(0);
    finds(&finished, "token", "ok", "BAKONG_TOKEN");
    finds(&finished, "token", "ok", "not checked with Bakong");
    finished.hides(&UNKNOWN_TOKEN[..20]);
    for (token, text) in [
        ("nonsense", "its expiry is unknown"),
        ("eyJhbGciOiJIUzI1NiJ9.e30.c2VjcmV0", "no expiry date"),
    ] {
        let mut command = till.command("doctor");
        let output = command.env("BAKONG_TOKEN", token).output();
        let finished = Finished::of(output.await.unwrap()).exits(0);
        finds(&finished, "token", "warning", text);
    }
    let requests = till.sandbox.requests();
    let unauthorized = Some(StatusCode::UNAUTHORIZED);
    assert!(requests.iter().all(|one| one.status == unauthorized));
    assert_eq!(till.sandbox.quota_used(EMAIL), 0);
}

#[tokio::test]
async fn a_payment_that_needs_a_person_and_a_used_up_quota_are_warnings() {
    let till = Till::new().await;
    let shop = Shop::started(till.command("checkout --qr light")).await;
    let options = TransferOptions::new().amount(Amount::from_minor_units(1_000, Currency::Khr));
    dara(&till.sandbox).pay_with(&shop.code, &options).unwrap();
    shop.finish().await.exits(4);
    let finished = till.run("doctor --quota 1").await.exits(0);
    finds(&finished, "store", "warning", "1 for a person to decide");
    finds(
        &finished,
        "store",
        "warning",
        "bakong payments list --state review",
    );
    finds(&finished, "quota", "warning", "of 1 requests used today");
    // The check shows damage.
    std::fs::write(till.folder.file("payments.db"), "no database").unwrap();
    let finished = till.run("doctor").await.exits(1);
    finds(&finished, "store", "problem", "payments.db");
    till.run(&format!("tx check --md5 {MD5}")).await.exits(3);
}
