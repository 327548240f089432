//! Ctrl-C: the terminal stays as it was, and the message says how to find the payment.

use std::time::Duration;

use bakong_sandbox::{Fault, Sandbox};
use khqr_core::Md5Handle;

use crate::pty::Pty;
use crate::support::{Finished, MD5, Shop, bakong, interrupt, token, words};

/// Runs a command against a sandbox that never responds, and interrupts it during its first request.
async fn interrupted(line: &str) -> Finished {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.fault(Fault::hang());
    let line = format!("{line} --base-url {}", sandbox.base_url());
    let mut child = bakong(&words(&line))
        .env("BAKONG_TOKEN", token(&sandbox))
        .spawn()
        .unwrap();
    while sandbox.requests().is_empty() {
        assert!(child.try_wait().unwrap().is_none());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    interrupt(&child);
    Finished::of(child.wait_with_output().await.unwrap()).exits(130)
}

#[tokio::test]
async fn a_signal_during_a_request_says_what_is_unknown() {
    interrupted("checkout --json").await.status(130, "stopped");
    for (line, meaning) in [
        (
            "token verify --code abcdefghijklmnopqrst",
            "may have accepted the code",
        ),
        (
            &format!("tx check --md5 {MD5}"),
            "the state of the payment is unknown",
        ),
        (
            "account check sokha@devb",
            "it is unknown whether the account exists",
        ),
    ] {
        let finished = interrupted(line).await;
        let json = interrupted(&format!("{line} --json")).await.json();
        for text in [&finished.err, &json["error"]["message"].to_string()] {
            assert!(text.contains("stopped") && text.contains(meaning), "{text}");
        }
    }
}

#[tokio::test]
async fn ctrl_c_says_how_to_find_the_payment() {
    let sandbox = Sandbox::start().await.unwrap();
    let shop = Shop::open(&sandbox, "--bill INV-9").await;
    interrupt(&shop.child);
    let md5 = Md5Handle::of(&shop.code).to_string();
    let finished = shop.finish().await.exits(130);
    let (_, report) = finished.out.split_once("STOPPED").unwrap();
    for part in [
        &md5,
        "sokha@sandbox",
        "10000 KHR",
        "INV-9",
        "bakong tx check",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
}

/// Runs a checkout on a pseudo-terminal, interrupts it, and examines what the terminal received.
#[tokio::test]
async fn ctrl_c_leaves_the_terminal_unchanged() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut pty = Pty::open();
    let before = pty.modes();
    let base_url = sandbox.base_url();
    let mut command = pty.bakong(&["checkout", "--base-url", &base_url]);
    command
        .env("BAKONG_TOKEN", token(&sandbox))
        .stdin(pty.stdio());
    let mut child = command.spawn().unwrap();
    drop(command);
    pty.wait_for(" left").await;
    interrupt(&child);
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
    let after = pty.modes();
    let sent = pty.close().await;

    assert_eq!(
        (before.local_modes, before.input_modes, before.output_modes),
        (after.local_modes, after.input_modes, after.output_modes)
    );
    // A hidden cursor is shown again, and an alternate screen is left again.
    for (on, off) in [("\x1b[?25l", "\x1b[?25h"), ("\x1b[?1049h", "\x1b[?1049l")] {
        assert!(sent.rfind(on) <= sent.rfind(off), "{on:?} is left on");
    }
    let (shown, report) = sent.split_once("STOPPED").unwrap();
    assert!(shown.contains("\x1b[38;5;16;48;5;231m"), "black on white");
    assert!(shown.rfind("\x1b[38") < shown.rfind("\x1b[0m"));
    assert!(report.contains("bakong tx check --md5"), "{report}");
}
