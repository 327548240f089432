//! `cargo xtask dist`: the command as one static binary for Linux, and the container image of it.

use anyhow::{Result, ensure};
use cargo_metadata::camino::Utf8Path;
use xshell::{Shell, cmd};

use crate::runner::Runner;
use crate::tools;
use crate::workspace::Workspace;

const CONTAINERFILE: &str = "crates/bakong-server/deploy/Containerfile";

/// Builds the command as one static binary for Linux with its checksum, and pays once in a sandbox with it.
///
/// With `check`, the binary is not optimized, the folder is `target/dist-check`, and the image is built and run too.
pub(crate) fn dist(runner: &mut Runner, workspace: &Workspace, check: bool) -> Result<()> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    tools::require(&tools::musl(&target))?;
    if check {
        tools::require(&[tools::buildah()])?;
    }
    let (options, profile, folder) = if check {
        (None, "debug", "dist-check")
    } else {
        (Some("--release"), "release", "dist")
    };
    let name = format!("bakong-{}-{target}", workspace.version());
    let built = workspace
        .target()
        .join(&target)
        .join(profile)
        .join("bakong");
    let folder = workspace.target().join(folder);
    let binary = folder.join(&name);
    runner.command("build", |shell| {
        cmd!(
            shell,
            "cargo build {options...} --locked -p bakong-cli --target {target}"
        )
        // SQLite and ring are written in C.
        .env(format!("CC_{}", target.replace('-', "_")), "musl-gcc")
    })?;
    runner.step("check", |shell| {
        shell.remove_path(&folder)?;
        // The image takes the owner of its data from this folder.
        shell.create_dir(folder.join("data"))?;
        // The image runs the binary as another user, so the umask of the build must not matter.
        cmd!(shell, "install -m 0755 {built} {binary}").run()?;
        let headers = cmd!(shell, "readelf --program-headers {binary}").read()?;
        // A program that needs shared libraries names the program that loads them.
        ensure!(!headers.contains("INTERP"), "the binary is not static");
        cmd!(shell, "{binary} checkout --sandbox --no-store --json").run()?;
        let _folder = shell.push_dir(&folder);
        let checksum = cmd!(shell, "sha256sum {name}").read()?;
        shell.write_file(format!("{name}.sha256"), format!("{checksum}\n"))?;
        let size = std::fs::metadata(&binary)?.len() / 1024;
        println!("{binary}: {size} KiB, SHA-256 {checksum}");
        Ok(())
    })?;
    if check {
        runner.step("image", |shell| image(shell, &folder, &binary))?;
    }
    Ok(())
}

/// Builds the image. Writes a file to the volume and pays once in a container of it, as its user.
fn image(shell: &Shell, folder: &Utf8Path, binary: &Utf8Path) -> Result<()> {
    // Layers in plain folders and isolation by chroot work where containers are not allowed, such as in CI.
    let (root, run) = (folder.join("images"), folder.join("containers"));
    let storage = [
        "--storage-driver=vfs",
        "--root",
        root.as_str(),
        "--runroot",
        run.as_str(),
    ];
    cmd!(
        shell,
        "buildah {storage...} build --isolation chroot -t bakong -f {CONTAINERFILE} {folder}"
    )
    .run()?;
    let container = cmd!(shell, "buildah {storage...} from localhost/bakong").read()?;
    let code = cmd!(
        shell,
        "{binary} qr generate --account shop@devb --name Shop --amount 10000"
    )
    .read()?;
    // The volume must accept files of the image's user.
    let draw = ["qr", "render", &code, "-o", "/data/card.svg"];
    let pay = ["checkout", "--sandbox", "--no-store", "--json"];
    let in_container = |arguments: &[&str]| {
        cmd!(
            shell,
            "buildah {storage...} run --isolation chroot {container} -- /bakong {arguments...}"
        )
        .run()
    };
    let result = in_container(&draw).and_then(|()| in_container(&pay));
    cmd!(shell, "buildah {storage...} rm {container}")
        .quiet()
        .run()?;
    Ok(result?)
}
