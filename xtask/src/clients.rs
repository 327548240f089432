//! Tasks that run programs in other languages against the command and the sandbox.

use std::path::Path;

use anyhow::Result;
use xshell::cmd;

use crate::runner::Runner;
use crate::sandbox::{Sandbox, build_bakong, built_bakong};
use crate::tools;
use crate::workspace::Workspace;

pub(crate) fn conformance(runner: &mut Runner, args: &[String]) -> Result<()> {
    tools::require(&tools::node())?;
    runner.step("conformance", |shell| {
        // Conformance runs the `bakong` in its own folder.
        if built_bakong().is_none() {
            cmd!(
                shell,
                "cargo build -p bakong-cli -p conformance --bin bakong --bin conformance"
            )
            .run()?;
        }
        cmd!(shell, "cargo run --quiet -p conformance -- {args...}").run()?;
        Ok(())
    })
}

/// The tests of the server's pages.
const SERVER_PAGES: &str = "crates/bakong-server/tests/page";

/// Runs the browser tests of the sandbox's page and of the server's pages. They are in the crates and start their own programs.
pub(crate) fn page(runner: &mut Runner, workspace: &Workspace, pictures: bool) -> Result<()> {
    tools::require(&tools::node())?;
    let chromium = tools::require_chromium()?;
    let mut bakong = String::new();
    runner.step("the sandbox's page", |shell| {
        bakong = build_bakong(shell, workspace)?;
        let _folder = shell.push_dir("crates/bakong-sandbox/tests/page");
        cmd!(shell, "node run.js")
            .env("BAKONG", &bakong)
            .env("CHROMIUM", chromium)
            .run()?;
        Ok(())
    })?;
    runner.step("the server's pages", |shell| {
        let tools = workspace.target().join("page-tools");
        shell.create_dir(&tools)?;
        for name in ["package.json", "package-lock.json"] {
            shell.copy_file(format!("{SERVER_PAGES}/{name}"), tools.join(name))?;
        }
        {
            let _folder = shell.push_dir(&tools);
            cmd!(
                shell,
                "npm ci --ignore-scripts --no-audit --no-fund --silent"
            )
            .run()?;
        }
        let mut pages = cmd!(shell, "node {SERVER_PAGES}/run.js")
            .env("BAKONG", &bakong)
            .env("CHROMIUM", chromium)
            .env("AXE", tools.join("node_modules/axe-core/axe.min.js"));
        if pictures {
            let folder = shell.current_dir().join("crates/bakong-server/pictures");
            shell.create_dir(&folder)?;
            pages = pages.env("PICTURES", folder);
        }
        pages.run()?;
        Ok(())
    })
}

/// Runs the example shops of bakong-server, and clients of other authors, against `bakong serve --sandbox`.
pub(crate) fn shops(runner: &mut Runner, workspace: &Workspace) -> Result<()> {
    tools::require(&[tools::node(), vec![tools::python(), tools::php()]].concat())?;
    runner.step("shops", |shell| {
        let bakong = build_bakong(shell, workspace)?;
        let rust_shop = if built_bakong().is_some() {
            Path::new(&bakong).with_file_name("examples").join("shop")
        } else {
            cmd!(shell, "cargo build -p bakong-server --example shop").run()?;
            workspace
                .target()
                .join("debug/examples/shop")
                .into_std_path_buf()
        };
        shell.set_var("NO_PROXY", "127.0.0.1");
        shell.set_var("no_proxy", "127.0.0.1");
        let folder = shell.create_temp_dir()?;
        let clients = shell.current_dir().join("crates/bakong-server/tests/clients");
        {
            let examples = shell.current_dir().join("crates/bakong-server/examples");
            let _folder = shell.push_dir(folder.path());
            for name in ["shop-php", "shop-node", "shop-python"] {
                cmd!(shell, "cp -R {examples}/{name} {name}").run()?;
            }
            let npm = "--prefix shop-node ci --ignore-scripts --no-audit --no-fund --silent";
            cmd!(shell, "npm").args(npm.split(' ')).run()?;
            cmd!(shell, "python3 -m venv venv").run()?;
        }
        let python = folder.path().join("venv/bin/python");
        let install = "-m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt";
        let _folder = shell.push_dir(clients);
        cmd!(shell, "{python}").args(install.split(' ')).run()?;
        cmd!(shell, "node run.js")
            .env("BAKONG", bakong)
            .env("SHOPS", folder.path())
            .env("RUST_SHOP", rust_shop)
            .env("PYTHON", python)
            .run()?;
        Ok(())
    })
}

/// The files for npm and pip, which install packages next to them.
const FILES: [(&str, &str); 5] = [
    (
        "package.json",
        include_str!("../foreign-clients/package.json"),
    ),
    (
        "package-lock.json",
        include_str!("../foreign-clients/package-lock.json"),
    ),
    ("sdk.js", include_str!("../foreign-clients/sdk.js")),
    (
        "requirements.txt",
        include_str!("../foreign-clients/requirements.txt"),
    ),
    ("check.py", include_str!("../foreign-clients/check.py")),
];

/// Tests the sandbox with clients of other authors. Some clients misread correct responses of Bakong. The scripts
/// expect these errors, and the documentation of bakong-sandbox lists them.
pub(crate) fn foreign(runner: &mut Runner, workspace: &Workspace) -> Result<()> {
    tools::require(&[tools::node(), vec![tools::python()]].concat())?;
    runner.step("foreign-clients", |shell| {
        let bakong = build_bakong(shell, workspace)?;
        let sandbox = Sandbox::start(&bakong)?;
        let (base_url, token) = (sandbox.field("baseUrl")?, sandbox.field("token")?);
        // The clients must not use the proxies of the environment.
        shell.set_var("NO_PROXY", "127.0.0.1");
        shell.set_var("no_proxy", "127.0.0.1");

        let folder = shell.create_temp_dir()?;
        {
            let _folder = shell.push_dir(folder.path());
            for (name, text) in FILES {
                shell.write_file(name, text)?;
            }
            cmd!(shell, "npm ci --ignore-scripts --no-audit --no-fund --silent").run()?;
            cmd!(shell, "node sdk.js {base_url}").run()?;
            cmd!(shell, "python3 -m venv venv").run()?;
            let python = folder.path().join("venv/bin/python");
            let install = "-m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt";
            cmd!(shell, "{python}").args(install.split(' ')).run()?;
            cmd!(shell, "{python} check.py {base_url} {token}").run()?;
        }

        let order = "--account sokha@devb --amount 1.50 --currency USD --bill FOREIGN-1".split(' ');
        let code = cmd!(shell, "{bakong} qr generate {order...} --name 'Sokha Coffee' --json").read()?;
        let code: serde_json::Value = serde_json::from_str(&code)?;
        let manifest = "benches/foreign-khqr-api/Cargo.toml";
        cmd!(shell, "cargo run --quiet --locked --manifest-path {manifest} -- {base_url} {token}")
            .env("CARGO_TARGET_DIR", workspace.target())
            .env("FOREIGN_QR", code["qr"].as_str().unwrap_or_default())
            .run()?;
        Ok(())
    })
}
