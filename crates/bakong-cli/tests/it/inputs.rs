//! Input in every form: byte order marks, UTF-16, the command's own output, badly copied codes, special files.

use bakong_sandbox::Sandbox;
use khqr_core::{Amount, Currency, Md5Handle};

use crate::support::{
    Finished, Folder, UNKNOWN_TOKEN, bakong, dara, dynamic_code, feed, run, run_with_input,
    run_with_token, static_code, token, words,
};

fn code(sandbox: &Sandbox, bill: &str) -> String {
    let amount = Amount::from_minor_units(10_000, Currency::Khr);
    dynamic_code(sandbox.now(), bill, amount)
}

async fn watch(sandbox: &Sandbox, input: impl Into<Vec<u8>>) -> Finished {
    let line = format!("watch --json --base-url {}", sandbox.base_url());
    let mut command = bakong(&words(&line));
    command.env("BAKONG_TOKEN", token(sandbox));
    feed(command, input).await
}

#[tokio::test]
async fn a_byte_order_mark_does_not_spoil_the_first_line() {
    let object = r#"{"kind":"individual","bakongAccountID":"a@b","merchantName":"A"}"#;
    let text = static_code("Sokha");
    for (command, line) in [
        ("generate", object),
        ("verify", &text),
        ("decode", &text),
        ("inspect", &text),
    ] {
        let arguments = ["qr", command, "--jsonl"];
        let plain = run_with_input(&arguments, line).await.exits(0);
        assert!(!plain.out.contains("error"), "{plain:?}");
        let marked = format!("\u{feff}{line}");
        let marked = run_with_input(&arguments, &marked).await.exits(0);
        assert_eq!(marked.out, plain.out);
    }
}

#[tokio::test]
async fn utf_16_is_named() {
    let text = static_code("Sokha");
    let utf_16: Vec<u8> = "\u{feff}"
        .encode_utf16()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    for line in [
        "qr verify --jsonl",
        "qr generate --jsonl",
        "qr verify -",
        "watch --env sit",
    ] {
        let mut command = bakong(&words(line));
        command.env("BAKONG_TOKEN", UNKNOWN_TOKEN);
        let finished = feed(command, utf_16.clone()).await.exits(1);
        finished.shows("UTF-16");
        finished.shows("iconv");
    }
}

#[tokio::test]
async fn watch_accepts_the_output_of_qr_generate() {
    let sandbox = Sandbox::start().await.unwrap();
    let expires_at = sandbox.now().as_millis() + 600_000;
    let object = format!(
        r#"{{"kind":"individual","bakongAccountID":"sokha@devb","merchantName":"A","amount":100,"billNumber":"B-1","expirationTimestamp":{expires_at}}}"#
    );
    let input = format!("{object}\nnonsense\n");
    let generated = run_with_input(&["qr", "generate", "--jsonl"], &input).await;
    let generated = generated.exits(0).out;
    let first: serde_json::Value = serde_json::from_str(generated.lines().next().unwrap()).unwrap();
    let _ = dara(&sandbox).pay(first["qr"].as_str().unwrap()).unwrap();

    let finished = watch(&sandbox, generated.as_str()).await.exits(1);
    let events = finished.json_lines();
    let of = |kind: &str| events.iter().find(|event| event["event"] == kind).unwrap();
    assert_eq!(of("watching")["order"], "B-1");
    assert_eq!(of("final")["status"], "paid");
    let refused = of("refused");
    assert_eq!(refused["line"], 2);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("no code was generated: "), "{message}");

    // The other commands that read codes accept it too.
    for command in ["verify", "decode", "inspect"] {
        let arguments = ["qr", command, "--jsonl"];
        let finished = run_with_input(&arguments, &generated).await.exits(0);
        assert!(
            !finished.json_lines()[0].to_string().contains("error"),
            "{finished:?}"
        );
        let finished = run_with_input(&["qr", command, "-"], &generated).await;
        finished.exits(0);
    }
}

#[tokio::test]
async fn an_md5_of_another_code_is_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    let (code, other) = (code(&sandbox, "1"), code(&sandbox, "2"));
    let md5 = Md5Handle::of(&other).to_string();
    let line = serde_json::json!({ "qr": code, "md5": md5 }).to_string();
    watch(&sandbox, line).await.exits(1).shows("not the MD5");
}

#[tokio::test]
async fn a_badly_copied_code_is_not_called_altered() {
    let sandbox = Sandbox::start().await.unwrap();
    let code = code(&sandbox, "A-1");
    let (start, end) = code.split_at(30);
    for (text, what) in [
        (format!("{code} "), "a blank"),
        (format!(" {code}"), "a blank"),
        (format!("{start}\t{end}"), "a tab"),
        (format!("{start}\n{end}"), "a line break"),
    ] {
        for command in ["decode", "verify", "inspect"] {
            for json in [&[][..], &["--json"]] {
                let finished = run(&[&["qr", command, &text], json].concat())
                    .await
                    .exits(1);
                finished.shows(&format!("{what} does not belong to the code"));
                finished.hides("checksum of");
            }
        }
        let url = sandbox.base_url();
        let finished = run(&["deeplink", &text, "--base-url", &url]).await.exits(1);
        finished.shows(&format!("{what} does not belong to the code"));
        let line = serde_json::json!({ "qr": text }).to_string();
        let finished = watch(&sandbox, line).await.exits(1);
        finished.shows(&format!("{what} does not belong to the code"));
        if !text.contains('\n') {
            let finished = run_with_input(&["qr", "verify", "--jsonl"], &text).await;
            finished.shows(&format!("{what} does not belong to the code"));
        }
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn special_files_and_huge_files_are_refused() {
    let folder = Folder::new();
    let fifo = folder.file("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from(0o600),
        0,
    )
    .unwrap();
    // A sparse file needs no room on the disk.
    let huge = folder.write("huge", "");
    let file = std::fs::OpenOptions::new().write(true).open(&huge).unwrap();
    file.set_len(3 << 30).unwrap();
    let directory = folder.file("");
    for path in [&fifo, "/dev/zero", &huge, &directory] {
        let line = format!("watch {path} --env sit");
        let finished = run_with_token(&line, UNKNOWN_TOKEN).await.exits(2);
        finished.shows(path);
        let line = format!("sandbox --listen 0 --fault @{path}");
        run_with_token(&line, UNKNOWN_TOKEN)
            .await
            .exits(2)
            .shows(path);
    }
}

#[tokio::test]
async fn the_user_agent_can_be_set() {
    let sandbox = Sandbox::start().await.unwrap();
    let line = format!(
        "deeplink '{}' --base-url {}",
        static_code("A"),
        sandbox.base_url()
    );
    for (agent, exit) in [("Shop/1.0 (Linux)", 0), ("", 0), ("a\nb", 2), ("ខ្មែរ", 2)] {
        let mut command = bakong(&words(&line));
        command.env("BAKONG_USER_AGENT", agent);
        let finished = Finished::of(command.output().await.unwrap()).exits(exit);
        if exit == 2 {
            finished.shows("BAKONG_USER_AGENT");
        }
    }
}

#[tokio::test]
async fn a_text_that_is_empty_or_a_link_is_called_so() {
    for (text, what) in [
        ("", "the text is empty"),
        ("https://pay.example/x", "the text is a link"),
        ("abapay://pay?qr=0002", "the text is a link"),
    ] {
        for command in ["decode", "verify", "inspect"] {
            let finished = run(&["qr", command, text]).await.exits(1);
            finished.shows(what);
            finished.hides("CRC");
        }
        let finished = run_with_input(&["qr", "decode", "--jsonl"], &format!("{text}\n")).await;
        finished.exits(0).shows(what);
        let check = ["tx", "check", text, "--env", "sit"];
        run(&check).await.exits(2).shows(what);
    }
    let empty = run_with_input(&["qr", "decode", "-"], "").await.exits(1);
    empty.shows("the text is empty");
}

#[tokio::test]
async fn an_amount_with_a_sign_or_khmer_digits_is_explained() {
    for (amount, what) in [
        ("-5", "must be above zero"),
        ("-0.50", "must be above zero"),
        ("១០០០", "use the digits 0-9"),
        ("1០", "use the digits 0-9"),
    ] {
        for line in [
            "qr generate --account a@b --name A --amount",
            "checkout --sandbox --amount",
            "tx check --env sit --md5 74c4012a1d65f9f4c7c647fc8f370f07 --currency USD --amount",
        ] {
            let finished = run(&[&words(line)[..], &[amount]].concat()).await;
            finished.exits(2).shows(what);
        }
    }
    let plain = run(&words("checkout --sandbox --amount 1e3"))
        .await
        .exits(2);
    plain.hides("above zero");
    plain.hides("digits 0-9");
}
