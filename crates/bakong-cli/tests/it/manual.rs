//! `bakong completions`, `bakong man` and `bakong --version`.

use std::process::Command;

use crate::support::{run, run_line};

#[tokio::test]
async fn each_shell_completes_each_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(&["completions", shell]).await.exits(0).out;
        for word in [
            "checkout",
            "reconcile",
            "diagnose",
            "--short-hash",
            "--resume",
        ] {
            // Fish names options without dashes.
            let word = if shell == "fish" {
                word.trim_start_matches('-')
            } else {
                word
            };
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    run_line("completions cmd")
        .await
        .exits(2)
        .shows("powershell");
}

#[tokio::test]
async fn each_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let path = pages.to_str().unwrap();
    run(&["man", path]).await.exits(0);
    let mut groups = vec![(String::from("bakong"), String::new())];
    let mut count = 0;
    while let Some((name, line)) = groups.pop() {
        count += 1;
        let page = std::fs::read_to_string(pages.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
        let help = run_line(&format!("{line} --help")).await.exits(0).out;
        let Some((_, commands)) = help.split_once("Commands:\n") else {
            continue;
        };
        let commands = commands.lines().take_while(|line| !line.is_empty());
        // A long description continues with a deeper indent.
        let names = commands
            .filter(|line| !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next());
        for command in names.filter(|&command| command != "help") {
            groups.push((format!("{name}-{command}"), format!("{line} {command}")));
        }
    }
    assert!(count > 30, "{count}");
    let file = pages.join("bakong.1");
    let finished = run(&["man", file.to_str().unwrap()]).await.exits(2);
    finished.shows("cannot write manual pages to ");
}

#[tokio::test]
async fn the_version_names_the_commit() {
    let version = run(&["--version"]).await.exits(0).out;
    let start = concat!("bakong ", env!("CARGO_PKG_VERSION"));
    assert!(version.starts_with(start), "{version}");
    let head = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output();
    let head = String::from_utf8(head.unwrap().stdout).unwrap();
    assert!(
        version.contains(&format!("({} 20", head.trim())),
        "{version}"
    );
}
