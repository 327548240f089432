//! The commands that other commands print for people to paste.

use std::process::Stdio;
use std::time::Duration;

use bakong_sandbox::Sandbox;
use khqr_core::{AccountId, Amount, KhqrBuilder};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::support::{Finished, Folder, Shop, bakong, dara, interrupt, isolate, row, token};

/// Every account here is valid, and contains shell syntax that must be quoted.
const ACCOUNTS: [&str; 3] = ["$(id)@devb", "a;exit@devb", "it's`id`@devb"];

/// Runs a command in a shell that finds only this build of `bakong`, without a token in its environment.
async fn paste(command: &str) -> Finished {
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_bakong")).parent();
    let mut shell = Command::new("/bin/sh");
    isolate(shell.as_std_mut());
    shell.args(["-c", command]).env("PATH", folder.unwrap());
    Finished::of(shell.output().await.unwrap())
}

fn account(text: &str) -> AccountId<'_> {
    AccountId::new(text).unwrap()
}

#[tokio::test]
async fn the_hint_of_watch_works_when_pasted() {
    for recipient in ACCOUNTS {
        let (sandbox, folder) = (Sandbox::start().await.unwrap(), Folder::new());
        let file = folder.write("till's $HOME; token", &token(&sandbox));
        let now = sandbox.now();
        let code = KhqrBuilder::individual(account(recipient), "Sokha")
            .bill_number("A-1")
            .dynamic_code(
                Amount::us_cents(150),
                now,
                now.saturating_add(Duration::from_secs(600)),
            )
            .unwrap()
            .to_text();
        let url = sandbox.base_url();
        let mut child = bakong(&["watch", "--base-url", &url, "--token-file", &file])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = format!("{code}\n");
        stdin.write_all(input.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        lines.next_line().await.unwrap().unwrap();
        interrupt(&child);
        let output = child.wait_with_output().await.unwrap();
        let finished = Finished::of(output).exits(130);
        finished.shows("A-1:\n  bakong tx check ");
        let hint = row(finished.err.lines(), "bakong").unwrap();
        let _ = dara(&sandbox).pay(&code).unwrap();
        let pasted = paste(&format!("bakong {hint}")).await.exits(0);
        pasted.shows("PAID: amount, currency and recipient match");
    }
}

#[tokio::test]
async fn the_hint_of_checkout_works_when_pasted() {
    for recipient in ACCOUNTS {
        let (sandbox, folder) = (Sandbox::start().await.unwrap(), Folder::new());
        let file = folder.write("till's $HOME; token", &token(&sandbox));
        let options = ["--account", recipient, "--token-file", &file];
        let shop = Shop::open_with(&sandbox, &options).await;
        interrupt(&shop.child);
        let code = shop.code.clone();
        let finished = shop.finish().await.exits(130);
        let hint = finished.row("command").to_owned();
        let _ = dara(&sandbox).pay(&code).unwrap();
        let pasted = paste(&hint).await.exits(0);
        pasted.shows("PAID: amount, currency and recipient match");
    }
}
