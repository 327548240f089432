//! Compares khqr-card with the Python package bakong-khqr-image: a card as PNG, 300 pixels wide.
//!
//! A missed goal is not a failure, because times on a busy machine vary too much.

use anyhow::{Context as _, Result};
use xshell::cmd;

use crate::bench_peers::median;
use crate::runner::Runner;
use crate::tools;
use crate::workspace::Workspace;

const REQUIREMENTS: &str = include_str!("../../benches/peers-card/requirements.txt");
const SCRIPT: &str = include_str!("../../benches/peers-card/render.py");

/// The code `ascii` of `benches/codes.rs`.
const CODE: &str = "00020101021229140010sokha@devb5204599953031165405100005802KH5912Sokha Coffee6010Phnom Penh\
    62170113INV-2026-2041993400131795000000000011317950006000006304E0E9";

/// The benches of the group `card/ascii`, and their goals in microseconds.
const GOALS: [(&str, u64); 3] = [("svg", 2_000), ("png 300", u64::MAX), ("png 800", 60_000)];
/// How many times faster than the Python package a card of the same size should be.
const GOAL: u64 = 5;

pub(crate) fn run(runner: &mut Runner, workspace: &Workspace) -> Result<()> {
    tools::require(&[tools::python()])?;
    let target = workspace.target();
    let mut times = [0; GOALS.len()];
    runner.step("khqr-card", |shell| {
        cmd!(
            shell,
            "cargo bench -p bakong-benches --bench card -- card/ascii"
        )
        .env("CARGO_TARGET_DIR", target)
        .run()?;
        for ((name, _), time) in GOALS.iter().zip(&mut times) {
            let file = format!("criterion/card_ascii/{name}/new/estimates.json");
            let json = shell.read_file(target.join(&file))?;
            *time = median(&json).with_context(|| format!("{file} has no median"))? / 1_000;
        }
        Ok(())
    })?;
    let mut peer = 0;
    runner.step("bakong-khqr-image", |shell| {
        let folder = shell.create_temp_dir()?;
        let _folder = shell.push_dir(folder.path());
        shell.write_file("requirements.txt", REQUIREMENTS)?;
        shell.write_file("render.py", SCRIPT)?;
        cmd!(shell, "python3 -m venv venv").run()?;
        let python = folder.path().join("venv/bin/python");
        cmd!(
            shell,
            "{python} -m pip install --quiet --disable-pip-version-check -r requirements.txt"
        )
        .run()?;
        peer = cmd!(shell, "{python} render.py {CODE} 200")
            .read()?
            .trim()
            .parse()?;
        Ok(())
    })?;
    for ((name, goal), time) in GOALS.iter().zip(times) {
        println!(
            "{name:<8} {:>8} µs  {}",
            time / 1_000,
            result(time / 1_000 <= *goal)
        );
    }
    let tenths = peer * 10 / times[1].max(1);
    println!(
        "bakong-khqr-image, 300 px {:>8} µs: {}.{} times the time of khqr-card ({})",
        peer / 1_000,
        tenths / 10,
        tenths % 10,
        result(GOAL * 10 <= tenths)
    );
    Ok(())
}

const fn result(is_reached: bool) -> &'static str {
    if is_reached {
        "goal reached"
    } else {
        "goal MISSED"
    }
}
