//! `bakong completions`, `bakong man` and `bakong --version`.

use std::process::Command;

#[cfg(target_os = "linux")]
use crate::support::{Finished, bakong_on_full_disk};
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

#[cfg(target_os = "linux")]
#[tokio::test]
async fn manual_pages_on_a_full_disk_are_no_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let output = bakong_on_full_disk(&["man", pages.to_str().unwrap()]).output();
    let finished = Finished::of(output.await.unwrap()).exits(1);
    finished.shows("cannot write manual pages to ");
}

/// Completes the last word of a command line in bash, in a folder with a file.
#[cfg(target_os = "linux")]
fn completed(script: &str, line: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file.txt"), "").unwrap();
    let file = folder.path().join("file.txt");
    let call = format!(
        "{script}\nrm completions\nCOMP_WORDS=(bakong {line} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
         _bakong bakong '' \"${{COMP_WORDS[COMP_CWORD - 1]}}\" 2>/dev/null; echo \"${{COMPREPLY[@]}}\""
    );
    std::fs::write(file.with_file_name("completions"), call).unwrap();
    let mut bash = Command::new("bash");
    let output = bash.arg("completions").current_dir(folder.path()).output();
    String::from_utf8(output.unwrap().stdout)
        .unwrap()
        .trim()
        .to_owned()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn bash_offers_files_only_where_a_file_is_expected() {
    let script = run(&["completions", "bash"]).await.exits(0).out;
    let complete = |line: &str| completed(&script, line);
    assert_eq!(
        complete("doctor --env"),
        "sit production sit-gov production-gov"
    );
    for line in [
        "doctor --profile",
        "checkout --account",
        "checkout --amount",
        "login --email",
    ] {
        assert_eq!(complete(line), "", "{line}");
    }
    for line in [
        "doctor --token-file",
        "doctor --ca-file",
        "watch --store",
        "qr render --output",
    ] {
        assert_eq!(complete(line), "file.txt", "{line}");
    }
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
