//! `qr render`, `qr generate -o` and `qr read`: a code becomes an image and is read back.

use std::fs;

#[cfg(target_os = "linux")]
use crate::support::{Finished, bakong_on_full_disk};
use crate::support::{Folder, run, run_line, run_with_input};

const CODE: &str = "00020101021229140010sokha@devb5204599953031165405100005802KH5912Sokha Coffee6010Phnom Penh\
    62120108INV-20419934001317950000000000113179500060000063046965";
/// A Thai code, which is no KHQR.
const OTHER: &str = "00020101021129370016A000000677010111011300660000000005802TH530376463048956";

#[tokio::test]
async fn a_rendered_code_is_read_back() {
    let folder = Folder::new();
    for (name, options) in [
        ("card.png", &[][..]),
        ("bare.png", &["--bare", "--size", "160"]),
        (
            "options.PNG",
            &[
                "--card",
                "--size",
                "800",
                "--red",
                "#E1232E",
                "--corner-radius",
                "20",
                "--margin",
                "5",
                "--error-correction",
                "h",
                "--caption",
                "តុ 7",
                "--no-expiry",
            ],
        ),
    ] {
        let file = folder.file(name);
        let arguments = [&["qr", "render", CODE, "-o", &file], options].concat();
        let finished = run(&arguments).await.exits(0);
        assert!(finished.out.starts_with("saved "), "{finished:?}");
        let read = run(&["qr", "read", &file]).await.exits(0);
        assert_eq!(read.out, format!("{CODE}\n"), "{name}");
        let read = run(&["qr", "read", &file, "--json"]).await.exits(0);
        assert_eq!(read.json(), serde_json::json!({ "codes": [CODE] }));
        let verified = run_with_input(
            &["qr", "decode", "-"],
            &run(&["qr", "read", &file]).await.out,
        )
        .await;
        verified.exits(0);
    }
}

#[tokio::test]
async fn the_name_of_the_file_selects_the_format() {
    let folder = Folder::new();
    for (name, options, start) in [
        ("a.svg", "", "<svg "),
        ("b.pdf", "", "%PDF-"),
        ("c.svg", "--sheet 2x4", "<svg "),
        ("d.pdf", "--sheet 2x4", "%PDF-"),
        ("e.pdf", "--bare", "%PDF-"),
        ("f.svg", "--bare", "<svg "),
    ] {
        let file = folder.file(name);
        let line = format!("qr render '{CODE}' --json --output '{file}' {options}");
        let json = run_line(&line).await.exits(0).json();
        let bytes = fs::read(&file).unwrap();
        assert!(bytes.starts_with(start.as_bytes()), "{name}");
        assert_eq!(
            (json["file"].as_str(), json["bytes"].as_u64()),
            (Some(&*file), u64::try_from(bytes.len()).ok())
        );
    }
}

#[tokio::test]
async fn a_generated_code_is_also_drawn() {
    let folder = Folder::new();
    let file = folder.file("till.png");
    let line = format!("qr generate --account a@b --name A --output '{file}' --size 600");
    let finished = run_line(&line).await.exits(0);
    finished.shows("saved ");
    assert_eq!(run(&["qr", "read", &file]).await.exits(0).out, finished.out);
    let line = "qr generate --account a@b --name A --bare";
    run_line(line).await.exits(2).shows("-o card.svg");
    run_line("qr generate --jsonl -o a.svg").await.exits(2);
}

#[tokio::test]
async fn options_that_cannot_be_drawn_are_usage_errors() {
    let folder = Folder::new();
    let script = folder.write(
        "script.svg",
        "<svg xmlns=\"http://www.w3.org/2000/svg\"><script/></svg>",
    );
    let symbol = folder.write(
        "symbol.svg",
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 9 9\"><path d=\"M0 0h9v9z\"/></svg>",
    );
    for (file, options, reason) in [
        ("card.gif", String::new(), ".svg, .png or .pdf"),
        ("card", String::new(), ".svg, .png or .pdf"),
        ("sheet.png", "--sheet 2x4".to_owned(), ".svg or .pdf"),
        ("sheet.pdf", "--sheet 2".to_owned(), "2x4"),
        ("sheet.pdf", "--sheet 0x4".to_owned(), "1 to 10"),
        ("card.png", "--size 9".to_owned(), "16 to 4096"),
        ("card.png", "--red red".to_owned(), "#E21A1A"),
        ("card.png", format!("--wordmark '{script}'"), "a script"),
        ("card.png", format!("--symbol '{script}'"), "a script"),
        (
            "card.png",
            format!("--symbol '{symbol}' --error-correction m"),
            "Q or H",
        ),
        ("card.png", "--symbol missing.svg".to_owned(), "missing.svg"),
        ("card.png", format!("--font '{script}'"), "--font"),
        ("card.png", "--bare --caption x".to_owned(), "--caption"),
        ("missing/card.png", String::new(), "cannot write"),
    ] {
        let file = folder.file(file);
        let line = format!("qr render '{CODE}' --output '{file}' {options}");
        run_line(&line).await.exits(2).shows(reason);
        assert!(!fs::exists(&file).unwrap(), "{line}");
    }
    let file = folder.file("card.png");
    run(&["qr", "render", CODE, "--output", &file, "--symbol", &symbol])
        .await
        .exits(0);
}

#[tokio::test]
async fn only_a_khqr_has_a_card() {
    let folder = Folder::new();
    let file = folder.file("a.png");
    run(&["qr", "render", "hello", "-o", &file]).await.exits(1);
    run(&["qr", "render", "hello", "-o", &file, "--bare"])
        .await
        .exits(1);
    run(&["qr", "render", OTHER, "-o", &file]).await.exits(1);
    run(&["qr", "render", OTHER, "-o", &file, "--bare"])
        .await
        .exits(0);
    let read = run(&["qr", "read", &file]).await.exits(0);
    assert_eq!(read.out, format!("{OTHER}\n"));
}

#[tokio::test]
async fn a_picture_without_a_code_is_an_error() {
    let folder = Folder::new();
    let text = folder.write("text.png", "no picture");
    let finished = run(&["qr", "read", &text]).await.exits(1);
    finished.shows("neither PNG nor JPEG");
    let json = run(&["qr", "read", &text, "--json"]).await.exits(1).json();
    assert_eq!(json["error"]["kind"], "Picture");
    run(&["qr", "read", &folder.file("missing.png")])
        .await
        .exits(2);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_leaves_no_truncated_file() {
    let folder = Folder::new();
    let names = || {
        let names = fs::read_dir(folder.file("")).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let file = folder.file("card.svg");
    let render = ["qr", "render", CODE, "-o", &file];
    let generate = [
        "qr",
        "generate",
        "--account",
        "a@b",
        "--name",
        "A",
        "-o",
        &file,
    ];
    for arguments in [&render[..], &generate] {
        let run = async || {
            let output = bakong_on_full_disk(arguments).output().await;
            Finished::of(output.unwrap()).exits(1).shows("cannot write");
        };
        run().await;
        assert!(names().is_empty(), "{:?}", names());
        // The file before stays complete.
        fs::write(&file, "before").unwrap();
        run().await;
        assert_eq!(fs::read_to_string(&file).unwrap(), "before");
        assert_eq!(names(), ["card.svg"]);
        fs::remove_file(&file).unwrap();
    }
    let json = bakong_on_full_disk(&[&render[..], &["--json"]].concat()).output();
    Finished::of(json.await.unwrap()).error(1, "local");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_link_or_a_device_is_written_to_and_not_replaced() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new();
    let (link, target) = (folder.file("link.svg"), folder.write("target", "before"));
    symlink(&target, &link).unwrap();
    run(&["qr", "render", CODE, "-o", &link]).await.exits(0);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&target).unwrap().starts_with("<svg "));
    let mode = fs::metadata(&target).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "the mode stays");
    let device = folder.file("device.svg");
    symlink("/dev/full", &device).unwrap();
    run(&["qr", "render", CODE, "-o", &device]).await.exits(1);
    assert!(fs::symlink_metadata(&device).unwrap().is_symlink());
}
