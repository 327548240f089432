//! Ctrl-C: the terminal stays as it was, and the message says how to find the payment.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use bakong_sandbox::{Fault, Sandbox};
use khqr_core::Md5Handle;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

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
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let terminal = rustix::fs::open(name, flags, Mode::empty()).unwrap();
    let size = Winsize {
        ws_row: 50,
        ws_col: 100,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal, size).unwrap();
    let before = tcgetattr(&terminal).unwrap();

    let base_url = sandbox.base_url();
    let mut child = bakong(&["checkout", "--base-url", &base_url])
        .env("BAKONG_TOKEN", token(&sandbox))
        .env("TERM", "xterm-256color")
        .env("LC_ALL", "C.UTF-8")
        .stdout(Stdio::from(terminal.try_clone().unwrap()))
        .stderr(Stdio::from(terminal.try_clone().unwrap()))
        .spawn()
        .unwrap();

    // Reading ends when the last handle of the terminal is closed. The test keeps one open until then.
    let (seen, mut waiting) = tokio::sync::mpsc::unbounded_channel();
    let reader = std::thread::spawn(move || {
        let (mut sent, mut buffer) = (Vec::new(), [0; 4096]);
        let mut master = File::from(master);
        while let Ok(length @ 1..) = master.read(&mut buffer) {
            sent.extend_from_slice(&buffer[..length]);
            if String::from_utf8_lossy(&sent).contains(" left") {
                let _ = seen.send(());
            }
        }
        String::from_utf8_lossy(&sent).into_owned()
    });
    tokio::time::timeout(Duration::from_secs(60), waiting.recv())
        .await
        .expect("no countdown")
        .unwrap();
    interrupt(&child);
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
    let after = tcgetattr(&terminal).unwrap();
    drop(terminal);
    let sent = reader.join().unwrap();

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
