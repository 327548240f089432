//! khqr-core where there is no standard library. A library that compiles there may still want an
//! allocator when it is linked, or weigh too much: so a whole image for a microcontroller is linked,
//! and weighed.

mod image;

use std::path::Path;

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::plan::Step;
use crate::tools::Tool;
use crate::workspace::Workspace;
use image::Image;

/// A microcontroller: no operating system, no allocator.
const CHIP: &str = "thumbv7em-none-eabihf";
/// What browsers have.
const BROWSER: &str = "wasm32-unknown-unknown";

/// The builds, the link, the sizes.
pub(crate) fn steps(workspace: &Workspace) -> Vec<Step> {
    let build = |target: &'static str, name: String, features: &[&str]| {
        let args = ["build", "-p", "khqr-core", "--no-default-features"];
        let invocation = Invocation::cargo(workspace.root(), &args)
            .also(&["--target", target])
            .also(features);
        Step::command(name, invocation).needing(Tool::Target(target))
    };
    let mut steps: Vec<Step> = [CHIP, BROWSER]
        .into_iter()
        .flat_map(|target| {
            // `std` is what there is none of.
            ["", "alloc", "serde", "alloc,serde"].map(|features| match features {
                "" => build(target, format!("no-std on {target}"), &[]),
                _ => build(
                    target,
                    format!("no-std on {target} with {features}"),
                    &["--features", features],
                ),
            })
        })
        .collect();
    let target_directory = workspace.target_directory();
    let link = Invocation::cargo(workspace.root(), &["build", "--release"])
        .also(&["--manifest-path", "no-std/Cargo.toml", "--target", CHIP])
        .with_env("CARGO_TARGET_DIR", target_directory.to_string_lossy());
    let images = target_directory.join(CHIP).join("release");
    steps.push(Step::command("image", link).needing(Tool::Target(CHIP)));
    steps.push(Step::function("size", "cargo xtask no-std", move || {
        println!("{}", report(&images)?);
        Ok(())
    }));
    steps
}

fn report(images: &Path) -> Result<String, Failure> {
    let [code, empty] = ["code", "empty"].map(|name| Image::read(&images.join(name)));
    let (code, empty) = (code?, empty?);
    let panics = if code.panics.is_empty() {
        "no panic is linked in".to_owned()
    } else {
        format!(
            "panics are linked in, through:\n  {}",
            code.panics.join("\n  ")
        )
    };
    Ok(format!(
        "image that makes, reads and verifies a code and takes its MD5, for {CHIP}\n\
         {code}\n\
         image that does nothing\n\
         {empty}\n\
         khqr-core and its use: {} bytes of flash\n\
         {panics}",
        code.flash().saturating_sub(empty.flash()),
    ))
}
