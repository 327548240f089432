//! The commands of the README, run in a shell with curl. Their output is what the README shows.

use std::env;
use std::process::Command;

use bakong_sandbox::{QuotaLimit, Sandbox};

const README: &str = include_str!("../../README.md");

/// Marks the end of a command's output.
const END: &str = "<end of the command>";

/// Returns the commands in the blocks `console`, each with the output that the README shows.
fn steps() -> Vec<(&'static str, String)> {
    let mut steps: Vec<(&str, String)> = Vec::new();
    for block in README.split("```console\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push((command, String::new())),
                None => steps.last_mut().unwrap().1.push_str(line),
            }
        }
    }
    steps
}

/// Whether `text` is `pattern`, in which `…` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_the_readme_print_what_the_readme_shows() {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(
            env::var_os("BAKONG_REQUIRE_CURL").is_none(),
            "curl is not installed"
        );
        #[allow(clippy::print_stderr, reason = "the result of the test says nothing")]
        {
            eprintln!("curl is not installed: the commands of the README were not run");
        }
        return;
    }
    let sandbox = Sandbox::builder()
        .quota(QuotaLimit::per_day(100))
        .start()
        .await
        .unwrap();
    let steps = steps();
    assert!(steps.len() > 25, "{}", steps.len());
    let mut script = String::from("set -u\n");
    for (command, _) in &steps {
        let command = command.replace("http://127.0.0.1:4717", &sandbox.base_url());
        script += &format!("{command}\nprintf '%s' '{END}'\n");
    }
    let shell = || {
        Command::new("bash")
            .arg("-c")
            .arg(script)
            .env("NO_PROXY", "127.0.0.1")
            .output()
    };
    let output = tokio::task::spawn_blocking(shell).await.unwrap().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors, "");
    let output = String::from_utf8(output.stdout).unwrap();
    let outputs: Vec<&str> = output.split(END).collect();
    assert_eq!(outputs.len(), steps.len() + 1, "{output}");
    for ((command, expected), printed) in steps.iter().zip(outputs) {
        let printed = printed.replace(&sandbox.base_url(), "http://127.0.0.1:4717");
        assert!(
            matches(expected, printed.trim_end()),
            "{command}\nprinted:  {printed}\nexpected: {expected}"
        );
    }
    sandbox.stop().await;
}

#[test]
fn an_ellipsis_stands_for_any_text_and_nothing_else_does() {
    for (pattern, text, expected) in [
        ("", "", true),
        ("", "a", false),
        ("a", "a", true),
        ("a…", "abc", true),
        ("a…c", "abc", true),
        ("a…b", "abc", false),
        ("a…b…d", "acd", false),
        ("a…b…d", "abcd", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}
