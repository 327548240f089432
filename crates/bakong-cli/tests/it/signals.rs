//! Ctrl-C: the terminal stays as it was, and the payment can be found later.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use bakong_sandbox::Sandbox;
use khqr_core::Md5Handle;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

use crate::support::{Finished, Shop, bakong, token};

fn interrupt(pid: Option<u32>) {
    let pid = Pid::from_raw(pid.unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
}

#[tokio::test]
async fn a_signal_before_the_code_is_heeded_and_told_of() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.fault(bakong_sandbox::Fault::hang());
    let url = sandbox.base_url();
    let mut child = bakong(&["checkout", "--json", "--base-url", &url])
        .env("BAKONG_TOKEN", token(&sandbox))
        .spawn()
        .unwrap();
    // The request has come, and no answer to it will.
    while sandbox.requests().is_empty() {
        assert!(child.try_wait().unwrap().is_none());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    interrupt(child.id());
    let finished = Finished::of(child.wait_with_output().await.unwrap());
    assert_eq!(finished.exit, 130, "{finished:?}");
    assert_eq!(finished.json()["status"], "stopped");
}

#[tokio::test]
async fn a_command_that_is_stopped_says_what_that_means() {
    const MD5: &str = "74c4012a1d65f9f4c7c647fc8f370f07";
    for (arguments, said) in [
        (
            &["token", "verify", "--code", "abcdefghijklmnopqrst"][..],
            "may have taken the code",
        ),
        (
            &["tx", "check", "--md5", MD5],
            "nothing is known of the payment",
        ),
        (
            &["account", "check", "sokha@devb"],
            "nothing is known of the account",
        ),
    ] {
        for json in [false, true] {
            let sandbox = Sandbox::start().await.unwrap();
            sandbox.fault(bakong_sandbox::Fault::hang());
            let url = sandbox.base_url();
            let more: &[&str] = if json { &["--json"] } else { &[] };
            let mut child = bakong(&[arguments, &["--base-url", &url], more].concat())
                .env("BAKONG_TOKEN", token(&sandbox))
                .spawn()
                .unwrap();
            while sandbox.requests().is_empty() {
                assert!(child.try_wait().unwrap().is_none());
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            interrupt(child.id());
            let finished = Finished::of(child.wait_with_output().await.unwrap());
            assert_eq!(finished.exit, 130, "{finished:?}");
            let told = if json {
                finished.json()["error"]["message"].to_string()
            } else {
                finished.err
            };
            assert!(told.contains("stopped") && told.contains(said), "{told}");
        }
    }
}

#[tokio::test]
async fn ctrl_c_says_how_to_find_the_payment() {
    let sandbox = Sandbox::start().await.unwrap();
    let shop = Shop::open(&sandbox, &["--bill", "INV-9"]).await;
    interrupt(shop.child.id());
    let md5 = Md5Handle::of(&shop.code).to_string();
    let finished = shop.finish().await;
    assert_eq!(finished.exit, 130, "{finished:?}");
    let (_, told) = finished.out.split_once("STOPPED").unwrap();
    for needed in [
        &md5,
        "sokha@sandbox",
        "10000 KHR",
        "INV-9",
        "bakong tx check",
    ] {
        assert!(told.contains(needed), "{needed}: {told}");
    }
}

/// Runs a checkout on a terminal of its own, stops it there, and gives what the terminal was sent.
#[tokio::test]
async fn on_a_terminal_it_leaves_everything_as_it_was() {
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
        .stdout(Stdio::from(terminal.try_clone().unwrap()))
        .stderr(Stdio::from(terminal.try_clone().unwrap()))
        .spawn()
        .unwrap();

    // The master's end closes with the last of the terminal's, which this test keeps open meanwhile.
    let (seen, mut waiting) = tokio::sync::mpsc::unbounded_channel();
    let reader = std::thread::spawn(move || {
        let (mut sent, mut piece) = (Vec::new(), [0; 4096]);
        let mut master = File::from(master);
        while let Ok(length @ 1..) = master.read(&mut piece) {
            sent.extend_from_slice(&piece[..length]);
            if String::from_utf8_lossy(&sent).contains(" left") {
                let _ = seen.send(());
            }
        }
        String::from_utf8_lossy(&sent).into_owned()
    });
    let patience = std::time::Duration::from_secs(60);
    tokio::time::timeout(patience, waiting.recv())
        .await
        .expect("it counts down")
        .unwrap();
    interrupt(child.id());
    assert_eq!(child.wait().await.unwrap().code(), Some(130));
    let after = tcgetattr(&terminal).unwrap();
    drop(terminal);
    let sent = reader.join().unwrap();

    assert_eq!(
        (before.local_modes, before.input_modes, before.output_modes),
        (after.local_modes, after.input_modes, after.output_modes)
    );
    // Neither the cursor was hidden nor another screen opened, or it was undone.
    for (on, off) in [("\x1b[?25l", "\x1b[?25h"), ("\x1b[?1049h", "\x1b[?1049l")] {
        assert!(sent.rfind(on) <= sent.rfind(off), "{on:?} is left on");
    }
    let (shown, told) = sent.split_once("STOPPED").unwrap();
    assert!(shown.contains("\x1b[38;5;16;48;5;231m"), "black on white");
    // Whatever set colours reset them.
    assert!(shown.rfind("\x1b[38") < shown.rfind("\x1b[0m"));
    assert!(told.contains("bakong tx check --md5"), "{told}");
}
