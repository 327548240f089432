//! The example that sells from a shell.

use std::env;
use std::path::Path;
use std::process::Command;

use crate::support::{Finished, isolate};

#[test]
fn the_shell_script_sells_each_order() {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(
            env::var_os("BAKONG_REQUIRE_CURL").is_none(),
            "curl is not installed"
        );
        eprintln!("curl is not installed: the example was not run");
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sell.sh");
    let programs = Path::new(env!("CARGO_BIN_EXE_bakong")).parent().unwrap();
    let path = env::join_paths(
        std::iter::once(programs.to_owned())
            .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    )
    .unwrap();
    let mut sell = Command::new("sh");
    isolate(&mut sell);
    sell.arg(script)
        .env("PATH", path)
        .env("NO_PROXY", "127.0.0.1");
    let finished = Finished::of(sell.output().unwrap()).exits(0);
    let mut paid: Vec<String> = finished
        .json_lines()
        .iter()
        .filter(|event| event["status"] == "paid")
        .map(|event| event["order"].as_str().unwrap().to_owned())
        .collect();
    paid.sort();
    assert_eq!(paid, ["INV-1", "INV-2"], "{finished:?}");
}
