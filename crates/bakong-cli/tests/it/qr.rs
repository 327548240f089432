//! `bakong qr` for one code.

use std::process::Stdio;

use khqr_core::{Crc, Khqr, Md5Handle};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::qr_scanner::{is_drawing, scan};
use crate::support::{Finished, bakong, run, run_line, run_with_input, words};

/// NBC's sample of 2023.
const SAMPLE: &str = "00020101021215311234567812345678ABCDEFGHIJKLMNO30350009khqr@devb\
    01061234560208Dev Bank52045999530384054031005802KH5910John Smith6010PHNOM PENH62670106#12345\
    0211855122334550311Coffee Shop0709Cashier_10810Buy coffee64290002km0108ចន ស្មីន0207ភ្នំពេញ\
    9917001316880225153546304A367";

fn sealed(body: &str) -> String {
    let covered = format!("{body}6304");
    format!("{covered}{}", Crc::of(covered.as_bytes()))
}

#[tokio::test]
async fn the_nbc_sample_is_readable_but_cannot_be_paid() {
    let finished = run(&["qr", "decode", SAMPLE]).await.exits(0);
    assert_eq!(finished.row("account"), "khqr@devb");
    assert_eq!(finished.row("amount"), "100.00 USD");
    finished.shows("ចន ស្មីន");
    finished.shows("cannot be paid now");
    finished.shows("must have an expiry");

    let json = run(&["qr", "decode", "--json", SAMPLE]).await.json();
    assert_eq!(json["khqr"]["merchantType"], "30");
    assert_eq!(json["khqr"]["bakongAccountID"], "khqr@devb");
    assert_eq!(json["khqr"]["creationTimestamp"], "1688022515354");
    assert_eq!(json["khqr"]["expirationTimestamp"], Value::Null);
    assert_eq!(json["valid"], false);
    assert_eq!(json["error"]["code"], 45);

    run(&["qr", "verify", SAMPLE]).await.exits(1);
    let json = run(&["qr", "verify", "--json", SAMPLE]).await.json();
    assert_eq!(json["valid"], false);
    assert_eq!(json["error"]["code"], 45);
    assert_eq!(json["error"]["tag"], "99/01");
}

#[tokio::test]
async fn any_emvco_code_is_shown_as_a_tree() {
    let finished = run(&["qr", "inspect", SAMPLE]).await.exits(0);
    finished.shows("\n62 additional data\n  01 bill number ");
    assert!(finished.out.lines().any(|line| line.ends_with(" ចន ស្មីន")));
    let thai = sealed("00020101021129370016A000000677010111011300668123456785802TH5303764");
    let finished = run(&["qr", "inspect", &thai]).await;
    finished.exits(0).shows("\n29\n  00 ");
    let finished = run_line("qr inspect hello").await;
    finished.exits(1).shows("not an EMVCo code");
    let finished = run_line("qr inspect --json hello").await;
    assert_eq!(finished.exits(1).json()["error"]["code"], 24);
}

#[tokio::test]
async fn a_code_with_a_wrong_checksum_shows_its_fields_and_the_right_checksum() {
    let (covered, _) = SAMPLE.split_at(SAMPLE.len() - 4);
    let altered = format!("{covered}FFFF");
    for command in ["decode", "inspect"] {
        let finished = run(&["qr", command, &altered]).await.exits(1);
        finished.shows("khqr@devb");
        finished.shows("John Smith");
        finished.shows("have the checksum A367");
        finished.hides("MD5");
        let json = run(&["qr", command, "--json", &altered]).await.exits(1);
        let json = json.json();
        assert_eq!(json["expectedCrc"], "A367");
        assert_eq!(json["error"]["kind"], "CrcMismatch");
    }
    // Fields that cannot be read are left out.
    let unreadable = "5899KH6304FFFF";
    for command in ["decode", "inspect"] {
        let finished = run(&["qr", command, unreadable]).await.exits(1);
        finished.shows("The checksum is wrong");
    }
}

#[tokio::test]
async fn an_altered_code_has_a_wrong_checksum() {
    let altered = SAMPLE.replace("John Smith", "John Smyth");
    let finished = run(&["qr", "decode", &altered]).await.exits(1);
    assert!(finished.err.contains("checksum"), "{}", finished.err);
    run_line("qr verify hello").await.exits(1);
}

#[tokio::test]
async fn a_generated_code_scans_and_verifies() {
    let line = "qr generate --qr light --account sokha@devb --name ហាងកាហ្វេ --amount 1.5 --currency USD --bill INV-1 \
        --language en --alternate-name Coffee --now 1795000000000";
    let finished = run_line(line).await.exits(0);
    let code = finished.row("code");
    assert_eq!(scan(finished.out.lines()), code);
    assert_eq!(Khqr::parse(code).unwrap().bill_number(), Some("INV-1"));
    let verify = async |now: &str| run(&["qr", "verify", code, "--now", now]).await;
    verify("1795000600000").await.exits(0);
    let finished = verify("1795000600001").await.exits(1);
    assert!(finished.out.contains("expired"), "{}", finished.out);

    let json = run_line("qr generate --json --account a@b --name A")
        .await
        .json();
    let fixed = json["qr"].as_str().unwrap();
    assert!(fixed.starts_with("000201010211"), "{fixed}");
    assert_eq!(json["md5"], Md5Handle::of(fixed).to_string());
    assert_eq!(json["expiresAt"], Value::Null);
    let line =
        "qr generate --json --account a@b --name A --amount 1 --now 1795000000000 --expires-in 5m";
    let json = run_line(line).await.json();
    assert_eq!(json["expiresAt"], 1_795_000_300_000_u64);
}

/// Also with characters that a terminal must not get: the payment is looked up by the MD5 of the exact text.
#[tokio::test]
async fn a_pipe_gets_only_the_exact_text_of_a_generated_code() {
    for name in ["Sokha", "ហាងកាហ្វេ", "A\u{202e}\u{feff}"] {
        let arguments = ["qr", "generate", "--account", "a@b", "--name", name];
        let finished = run(&arguments).await.exits(0);
        let code = finished.out.strip_suffix('\n').unwrap();
        assert_eq!(Khqr::parse(code).unwrap().merchant_name(), Some(name));
        let verified = run_with_input(&["qr", "verify", "-"], &finished.out).await;
        verified.exits(0);
    }
}

#[tokio::test]
async fn an_invalid_field_is_a_usage_error() {
    for (options, reason) in [
        ("--merchant-id 1", "--bank"),
        ("--category-code 5", "category"),
        ("--bill ''", "--bill"),
        ("--union-pay 123 --currency USD", "KHR only"),
        ("--amount 1,000", "--amount"),
        ("--amount 1.5", "--currency USD"),
        ("--expires-in 5m", "--amount"),
        ("--amount 1 --now today", "milliseconds"),
        ("--language km", "--alternate-name"),
    ] {
        let line = format!("qr generate --account sokha@devb --name Sokha {options}");
        let finished = run_line(&line).await.exits(2);
        assert!(finished.err.contains(reason), "{line} {}", finished.err);
    }
}

#[tokio::test]
async fn escape_sequences_in_a_code_are_not_printed() {
    let code = sealed("29140010sokha@devb5909A\u{1b}[2J\u{202e}gp6005Takeo");
    for arguments in [
        &["qr", "decode", &code][..],
        &["qr", "verify", &code],
        &["qr", "decode", "--json", &code],
        &["qr", "inspect", &code],
        &["qr", "inspect", "--json", &code],
        &[
            "qr",
            "generate",
            "--qr",
            "dark",
            "--account",
            "a@b",
            "--name",
            "A\u{202e}",
        ],
        &["qr", "decode", "\u{1b}[2J"],
    ] {
        let finished = run(arguments).await;
        finished.hides("\u{1b}");
        finished.hides("\u{202e}");
    }
}

#[tokio::test]
async fn a_code_can_come_from_standard_input() {
    let input = format!("{SAMPLE}\r\n");
    run_with_input(&["qr", "decode", "-"], &input)
        .await
        .exits(0);
    let input = format!("\u{feff}{SAMPLE}\n");
    run_with_input(&["qr", "decode", "-"], &input)
        .await
        .exits(0);
}

#[tokio::test]
async fn only_one_line_of_standard_input_is_needed() {
    for (line, input, output) in [
        ("qr verify -", &b"630412\r\nmore\n"[..], "not valid"),
        ("qr verify - --json", b"ab\xFF\n", "\"NotUtf8\""),
    ] {
        let mut command = bakong(&words(line));
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input).await.unwrap();
        // The pipe stays open until the command ends.
        let finished = Finished::of(child.wait_with_output().await.unwrap());
        drop(stdin);
        assert!(finished.exits(1).out.contains(output), "{line}");
    }
}

#[tokio::test]
async fn an_unknown_option_is_not_taken_for_a_code() {
    for command in ["decode", "verify", "inspect"] {
        let finished = run_line(&format!("qr {command} --jsonll")).await.exits(2);
        assert!(finished.err.contains("--jsonll"), "{}", finished.err);
    }
}

#[tokio::test]
async fn a_code_in_a_pipe_is_drawn_only_on_request() {
    let generate = "qr generate --account a@b --name A";
    let sandbox = "checkout --sandbox --pay-after 0s";
    for line in [generate, sandbox] {
        for style in ["", "--qr auto", "--qr none"] {
            let finished = run_line(&format!("{line} {style}")).await.exits(0);
            assert!(!finished.out.lines().any(is_drawing), "{finished:?}");
            let is_plain = finished.out.starts_with("000201") && finished.out.lines().count() == 1;
            assert!(is_plain || finished.row("code").starts_with("000201"));
            assert!(!finished.out.contains('\u{1b}'));
        }
        let finished = run_line(&format!("{line} --qr light")).await.exits(0);
        assert_eq!(scan(finished.out.lines()), finished.row("code"));
        let finished = run_line(&format!("{line} --qr dark")).await.exits(0);
        assert!(
            finished
                .out
                .lines()
                .next()
                .is_some_and(|line| !line.is_empty())
        );
        assert!(finished.out.contains("█████"), "{finished:?}");
        let finished = run_line(&format!("{line} --qr ascii")).await.exits(0);
        assert!(finished.out.contains("####") && finished.out.is_ascii());
    }
    run_line(&format!("{generate} --qr huge")).await.exits(2);
    run_line("qr generate --jsonl --qr dark").await.exits(2);
}

#[tokio::test]
async fn a_static_code_says_how_its_payments_are_looked_up() {
    let finished = run_line("qr generate --account a@b --name A")
        .await
        .exits(0);
    assert!(
        finished.err.contains("cannot be looked up by MD5"),
        "{}",
        finished.err
    );
    assert!(
        finished.err.contains("--short-hash HASH --amount"),
        "{}",
        finished.err
    );
    assert_eq!(finished.out.lines().count(), 1);
    let line = "qr generate --account a@b --name A --amount 1 --now 1795000000000";
    assert_eq!(run_line(line).await.exits(0).err, "");
}
