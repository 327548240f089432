//! What a person at a terminal sees: colours of outcomes, and the key that checks a payment now.

use std::time::Duration;

use bakong_sandbox::Sandbox;
use khqr_core::Amount;
use tokio::process::Command;

use crate::support::{MD5, bakong, dara, dynamic_code, row, static_code, token};
use crate::terminal::Person;

const GREEN: &str = "\u{1b}[32m";
const YELLOW: &str = "\u{1b}[33m";
const RED: &str = "\u{1b}[31m";

/// The command in front of this person, who cannot type yet.
fn command(person: &Person, arguments: &[&str]) -> Command {
    let mut command = bakong(arguments);
    command
        .env("TERM", "xterm-256color")
        .env("LC_ALL", "C.UTF-8")
        .stdout(person.stream())
        .stderr(person.stream());
    command
}

/// Waits until the terminal has shown all output of commands that have ended.
async fn all_shown(person: &Person) -> String {
    let mut end = Command::new("printf");
    let end = end.arg("<end>").stdout(person.stream()).status().await;
    assert!(end.unwrap().success());
    person.sees("<end>", 1).await;
    person.screen().replace("<end>", "")
}

/// The text that the command prints on a terminal, with these variables.
async fn on_terminal(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let person = Person::new();
    let mut command = command(&person, arguments);
    command.envs(variables.iter().copied());
    command.status().await.unwrap();
    all_shown(&person).await
}

/// The modes of the terminal.
async fn modes(person: &Person) -> Vec<u8> {
    let stty = Command::new("stty")
        .arg("-g")
        .stdin(person.stream())
        .output();
    stty.await.unwrap().stdout
}

#[tokio::test]
async fn outcomes_have_colours_on_a_terminal_only() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url();
    let token = token(&sandbox);
    let code = static_code("Sokha");
    let paid = dynamic_code(sandbox.now(), "A-1", Amount::us_cents(150));
    let _ = dara(&sandbox).pay(&paid).unwrap();
    for (arguments, colour, word) in [
        (vec!["qr", "verify", &code], GREEN, "valid"),
        (vec!["qr", "verify", "hello"], RED, "not valid"),
        (
            vec!["tx", "check", &paid, "--base-url", &url],
            GREEN,
            "PAID",
        ),
        (
            vec!["tx", "check", "--md5", MD5, "--base-url", &url],
            YELLOW,
            "NOT FOUND",
        ),
    ] {
        let token = ("BAKONG_TOKEN", token.as_str());
        let shown = on_terminal(&arguments, &[token]).await;
        let expected = format!("{colour}\u{1b}[1m{word}\u{1b}[0m");
        assert!(shown.contains(&expected), "{shown:?}");
        for variables in [[token, ("NO_COLOR", "1")], [token, ("TERM", "dumb")]] {
            let shown = on_terminal(&arguments, &variables).await;
            assert!(
                shown.contains(word) && !shown.contains('\u{1b}'),
                "{shown:?}"
            );
        }
        let json = [&arguments[..], &["--json"]].concat();
        let shown = on_terminal(&json, &[token]).await;
        assert!(
            shown.starts_with('{') && !shown.contains('\u{1b}'),
            "{shown:?}"
        );
        let mut piped = bakong(&arguments);
        let piped = piped.env(token.0, token.1).output().await.unwrap();
        assert!(!piped.stdout.contains(&0x1b), "{piped:?}");
    }
}

#[tokio::test]
async fn states_of_stored_payments_have_colours_and_stay_aligned() {
    let sandbox = Sandbox::start().await.unwrap();
    let folder = crate::support::Folder::new();
    let store = folder.file("payments.db");
    let code = dynamic_code(sandbox.now(), "A-1", Amount::us_cents(150));
    let _ = dara(&sandbox).pay(&code).unwrap();
    let codes = folder.write("codes", &format!("{code}\n"));
    let url = sandbox.base_url();
    let token = token(&sandbox);
    let variables = [("BAKONG_TOKEN", token.as_str()), ("BAKONG_STORE", &store)];
    let watched = on_terminal(&["watch", &codes, "--base-url", &url], &variables).await;
    let paid = format!("{GREEN}\u{1b}[1mPAID\u{1b}[0m");
    assert!(watched.contains(&format!("A-1: {paid}")), "{watched:?}");
    let list = on_terminal(&["payments", "list"], &variables).await;
    let state = format!("  {GREEN}\u{1b}[1mpaid        \u{1b}[0m  ");
    assert!(list.contains(&state), "{list:?}");
    let md5 = khqr_core::Md5Handle::of(&code).to_string();
    let shown = on_terminal(&["payments", "show", &md5], &variables).await;
    assert!(shown.contains(&paid), "{shown:?}");
}

/// The schedule of `checkout` sends its first check three seconds after the code is shown. The key sends it earlier.
#[tokio::test]
async fn enter_checks_the_payment_now() {
    let first_check = Duration::from_secs(3);
    let mut tries = 0;
    loop {
        let sandbox = Sandbox::start().await.unwrap();
        let mut person = Person::new();
        let before = modes(&person).await;
        let arguments = ["checkout", "--no-store", "--base-url", &sandbox.base_url()];
        let mut command = command(&person, &arguments);
        command
            .env("BAKONG_TOKEN", token(&sandbox))
            .stdin(person.stream());
        let mut child = command.spawn().unwrap();
        person.sees("press Enter to check now", 1).await;
        let code = row(person.screen().lines(), "code").unwrap().to_owned();
        let _ = dara(&sandbox).pay(&code).unwrap();
        person.types("");
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
        assert_eq!(modes(&person).await, before);
        let shown = all_shown(&person).await;
        assert!(
            shown.contains(&format!("{GREEN}\u{1b}[1mPAID")),
            "{shown:?}"
        );
        // The first request is sent before the code is shown. Each check costs one request.
        let requests = sandbox.requests();
        assert_eq!(requests.len(), 2);
        if requests[1].at.saturating_since(requests[0].at) < first_check {
            return;
        }
        // A slow machine may need three seconds until the key is pressed.
        tries += 1;
        assert!(tries < 5, "no check before the schedule");
    }
}

#[tokio::test]
async fn the_key_is_named_only_if_standard_input_is_a_terminal() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut person = Person::new();
    let arguments = ["checkout", "--no-store", "--base-url", &sandbox.base_url()];
    let mut command = command(&person, &arguments);
    command.env("BAKONG_TOKEN", token(&sandbox));
    let mut child = command.spawn().unwrap();
    person.sees(" left", 1).await;
    person.types("");
    child.kill().await.unwrap();
    let shown = all_shown(&person).await;
    assert!(!shown.contains("Enter"), "{shown:?}");
}

/// A process in the background that reads from its terminal is stopped, and would check no payment.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn checkout_keeps_running_in_the_background_of_a_shell() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut person = Person::new();
    // The terminal must control the shell, so that the shell has job control.
    let mut shell = Command::new("setsid");
    shell
        .args(["--ctty", "--wait", "bash", "--norc", "-i"])
        .env("TERM", "xterm-256color")
        .env("PS1", "ready> ")
        .env("BAKONG_TOKEN", token(&sandbox))
        .stdin(person.stream())
        .stdout(person.stream())
        .stderr(person.stream())
        .kill_on_drop(true);
    let mut shell = shell.spawn().unwrap();
    person.sees("ready> ", 1).await;
    let (program, url) = (env!("CARGO_BIN_EXE_bakong"), sandbox.base_url());
    let options = "--no-store --qr none --json";
    person.types(&format!("{program} checkout {options} --base-url {url} &"));
    person.sees(" left", 1).await;
    // The shell reads this line, and the command does not.
    person.types("echo ty''ped");
    person.sees("typed", 1).await;
    person.types("jobs");
    person.sees("Running", 1).await;
    person.types("kill %1; wait %1; echo status=$?");
    person.sees("status=130", 1).await;
    person.types("exit");
    assert!(shell.wait().await.unwrap().success());
}
