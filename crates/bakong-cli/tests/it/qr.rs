//! Reading, verifying and making codes on the command line.

use std::process::Stdio;

use khqr_core::{Crc, Khqr};
use tokio::io::AsyncWriteExt;

use crate::bakong::{Finished, bakong, run};
use crate::scan::scan;

/// NBC's sample of 2023.
const SAMPLE: &str = "00020101021215311234567812345678ABCDEFGHIJKLMNO30350009khqr@devb\
    01061234560208Dev Bank52045999530384054031005802KH5910John Smith6010PHNOM PENH62670106#12345\
    0211855122334550311Coffee Shop0709Cashier_10810Buy coffee64290002km0108ចន ស្មីន0207ភ្នំពេញ\
    9917001316880225153546304A367";

#[tokio::test]
async fn the_nbc_sample_reads_well_and_cannot_be_paid() {
    let finished = run(&["qr", "decode", SAMPLE]).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    assert_eq!(finished.row("account"), "khqr@devb");
    assert_eq!(finished.row("amount"), "100.00 USD");
    assert!(finished.out.contains("ចន ស្មីន"));
    assert!(
        finished.out.contains("may not be paid now"),
        "{}",
        finished.out
    );
    assert!(
        finished.out.contains("must have an expiry"),
        "{}",
        finished.out
    );

    let json = run(&["qr", "decode", "--json", SAMPLE]).await.json();
    assert_eq!(json["khqr"]["merchantType"], "30");
    assert_eq!(json["khqr"]["bakongAccountID"], "khqr@devb");
    assert_eq!(json["khqr"]["creationTimestamp"], "1688022515354");
    assert_eq!(json["khqr"]["expirationTimestamp"], serde_json::Value::Null);
    assert_eq!(
        (&json["valid"], &json["error"]["code"]),
        (&false.into(), &45.into())
    );

    let finished = run(&["qr", "verify", SAMPLE]).await;
    assert_eq!(finished.exit, 1);
    let json = run(&["qr", "verify", "--json", SAMPLE]).await.json();
    assert_eq!(json["valid"], false);
    assert_eq!(json["error"]["code"], 45);
    assert_eq!(json["error"]["tag"], "99/01");
}

#[tokio::test]
async fn any_emvco_code_is_shown_as_a_tree() {
    let finished = run(&["qr", "inspect", SAMPLE]).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    assert!(
        finished
            .out
            .contains("\n62 additional data\n  01 bill number ")
    );
    assert!(finished.out.lines().any(|line| line.ends_with(" ចន ស្មីន")));
    let body = "00020101021129370016A000000677010111011300668123456785802TH53037646304";
    let code = format!("{body}{}", Crc::of(body.as_bytes()));
    let finished = run(&["qr", "inspect", &code]).await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    assert!(finished.out.contains("\n29\n  00 "), "{}", finished.out);
    let finished = run(&["qr", "inspect", "hello"]).await;
    assert_eq!(finished.exit, 1);
    assert!(finished.err.contains("not an EMVCo code"), "{finished:?}");
    let finished = run(&["qr", "inspect", "--json", "hello"]).await;
    assert_eq!(
        (finished.exit, &finished.json()["error"]["code"]),
        (1, &24.into())
    );
}

#[tokio::test]
async fn a_code_that_was_misread_says_where() {
    let misread = SAMPLE.replace("John Smith", "John Smyth");
    let finished = run(&["qr", "decode", &misread]).await;
    assert_eq!(finished.exit, 1);
    assert!(finished.err.contains("checksum"), "{}", finished.err);
    let finished = run(&["qr", "verify", "hello"]).await;
    assert_eq!(finished.exit, 1);
}

#[tokio::test]
async fn what_is_made_scans_reads_and_verifies() {
    let finished = run(&[
        "qr",
        "generate",
        "--account",
        "sokha@devb",
        "--name",
        "ហាងកាហ្វេ",
        "--amount",
        "1.5",
        "--currency",
        "USD",
        "--bill",
        "INV-1",
        "--language",
        "en",
        "--alternate-name",
        "Coffee",
        "--now",
        "1795000000000",
    ])
    .await;
    assert_eq!(finished.exit, 0, "{finished:?}");
    let code = finished.row("code");
    assert_eq!(scan(finished.out.lines()), code);
    assert_eq!(Khqr::parse(code).unwrap().bill_number(), Some("INV-1"));
    let verify = |now: &'static str| run_owned(["qr", "verify", code, "--now", now]);
    assert_eq!(verify("1795000600000").await.exit, 0);
    let finished = verify("1795000600001").await;
    assert_eq!(finished.exit, 1);
    assert!(finished.out.contains("expired"), "{}", finished.out);

    let json = run(&[
        "qr",
        "generate",
        "--json",
        "--account",
        "a@b",
        "--name",
        "A",
    ])
    .await
    .json();
    let fixed = json["qr"].as_str().unwrap();
    assert!(fixed.starts_with("000201010211"), "{fixed}");
    assert_eq!(json["md5"], khqr_core::Md5Handle::of(fixed).to_string());
}

async fn run_owned<const N: usize>(arguments: [&str; N]) -> Finished {
    run(&arguments).await
}

#[tokio::test]
async fn what_khqr_does_not_allow_is_a_usage_error() {
    for (more, reason) in [
        (&["--merchant-id", "1"][..], "--bank"),
        (&["--category-code", "5"], "category"),
        (&["--bill", ""], "--bill"),
        (&["--union-pay", "123", "--currency", "USD"], "KHR only"),
        (&["--amount", "1,000"], "--amount"),
        (&["--amount", "1.5"], "--currency USD"),
        (&["--expires-in", "5m"], "--amount"),
        (&["--amount", "1", "--now", "today"], "milliseconds"),
        (&["--language", "km"], "--alternate-name"),
    ] {
        let base = [
            "qr",
            "generate",
            "--account",
            "sokha@devb",
            "--name",
            "Sokha",
        ];
        let finished = run(&[&base, more].concat()).await;
        assert_eq!(finished.exit, 2, "{more:?} {finished:?}");
        assert!(finished.err.contains(reason), "{more:?} {}", finished.err);
    }
}

#[tokio::test]
async fn hostile_text_never_reaches_the_terminal_raw() {
    let body = "29140010sokha@devb5909A\u{1b}[2J\u{202e}gp6005Takeo6304";
    let code = format!("{body}{}", Crc::of(body.as_bytes()));
    for arguments in [
        &["qr", "decode", &code][..],
        &["qr", "verify", &code],
        &["qr", "decode", "--json", &code],
        &["qr", "inspect", &code],
        &["qr", "inspect", "--json", &code],
        &["qr", "generate", "--account", "a@b", "--name", "A\u{202e}"],
    ] {
        let finished = run(arguments).await;
        let all = format!("{}{}", finished.out, finished.err);
        assert!(
            !all.contains('\u{1b}') && !all.contains('\u{202e}'),
            "{all:?}"
        );
    }
    // And neither does what was never a code.
    let finished = run(&["qr", "decode", "\u{1b}[2J"]).await;
    assert!(!finished.err.contains('\u{1b}'), "{finished:?}");
}

#[tokio::test]
async fn a_code_may_come_on_standard_input() {
    let mut child = bakong(&["qr", "decode", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(format!("{SAMPLE}\r\n").as_bytes())
        .await
        .unwrap();
    drop(stdin);
    let finished = Finished::of(child.wait_with_output().await.unwrap());
    assert_eq!(finished.exit, 0, "{finished:?}");
}

#[tokio::test]
async fn a_line_of_standard_input_is_read_and_no_more() {
    let ask = |input: &'static [u8], json: bool| async move {
        let mut arguments = vec!["qr", "verify", "-"];
        arguments.extend(json.then_some("--json"));
        let mut child = bakong(&arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input).await.unwrap();
        // The pipe stays open: who waited for its end would wait for ever.
        let finished = Finished::of(child.wait_with_output().await.unwrap());
        drop(stdin);
        finished
    };
    let finished = ask(b"630412\r\nmore\n", false).await;
    assert_eq!(finished.exit, 1, "{}", finished.err);
    assert!(finished.out.contains("not valid"), "{}", finished.out);
    let finished = ask(b"ab\xFF\n", true).await;
    assert_eq!(finished.exit, 1, "{}", finished.err);
    assert!(finished.out.contains("\"NotUtf8\""), "{}", finished.out);
}

#[tokio::test]
async fn an_unknown_option_is_no_code() {
    for command in ["decode", "verify", "inspect"] {
        let finished = run(&["qr", command, "--jsonll"]).await;
        assert_eq!(finished.exit, 2, "{command}");
        assert!(finished.err.contains("--jsonll"), "{}", finished.err);
    }
}
