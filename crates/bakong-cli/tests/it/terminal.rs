//! What a person at a terminal sees: colours of outcomes, and the key that checks a payment now.

use std::time::Duration;

use bakong_sandbox::Sandbox;
use khqr_core::Amount;

use crate::pty::Pty;
use crate::support::{MD5, bakong, dara, dynamic_code, row, static_code, token};

const GREEN: &str = "\u{1b}[32m";
const YELLOW: &str = "\u{1b}[33m";
const RED: &str = "\u{1b}[31m";

/// The text that the command prints on a terminal, with these variables.
async fn on_terminal(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let pty = Pty::open();
    let mut command = pty.bakong(arguments);
    command.envs(variables.iter().copied());
    command.status().await.unwrap();
    drop(command);
    pty.close().await
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
        let mut pty = Pty::open();
        let before = pty.modes();
        let arguments = ["checkout", "--no-store", "--base-url", &sandbox.base_url()];
        let mut command = pty.bakong(&arguments);
        command
            .env("BAKONG_TOKEN", token(&sandbox))
            .stdin(pty.stdio());
        let mut child = command.spawn().unwrap();
        drop(command);
        pty.wait_for("press Enter to check now").await;
        let seen = pty.seen();
        // The code is printed with its escape sequences and carriage returns.
        let code = row(seen.lines(), "code").unwrap().to_owned();
        let _ = dara(&sandbox).pay(&code).unwrap();
        pty.enter("");
        assert_eq!(child.wait().await.unwrap().code(), Some(0));
        let after = pty.modes();
        assert_eq!(before.local_modes, after.local_modes);
        let shown = pty.close().await;
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
    let mut pty = Pty::open();
    let arguments = ["checkout", "--no-store", "--base-url", &sandbox.base_url()];
    let mut command = pty.bakong(&arguments);
    command.env("BAKONG_TOKEN", token(&sandbox));
    let mut child = command.spawn().unwrap();
    drop(command);
    pty.wait_for(" left").await;
    pty.enter("");
    child.kill().await.unwrap();
    let shown = pty.close().await;
    assert!(!shown.contains("Enter"), "{shown:?}");
}
