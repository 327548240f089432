//! `bakong serve`: runs the payment server until a signal stops it.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use bakong_server::{Config, LogConfig, LogFormat, Server, StartError, hash_password};
use khqr_core::Printable;
use serde_json::json;
use tracing_subscriber::filter::LevelFilter;

use crate::arguments::ServeArguments;
use crate::common::exit::{Exit, Failure, print_json_error};
use crate::common::interrupt::Interrupts;
use crate::common::lines::readable_text;
use crate::common::output::{note, print, print_json, row};
use crate::common::runtime::block_on;
use crate::common::{files, verbose};

/// A test key that is known in advance.
const TEST_KEY: &str = "BAKONG_TEST_KEY";

pub(crate) fn run(arguments: &ServeArguments) -> Result<Exit, Failure> {
    if arguments.hash_password {
        return print_hash();
    }
    let result = block_on(serve(arguments));
    print_json_error(result, arguments.json)
}

async fn serve(arguments: &ServeArguments) -> Result<Exit, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let (config, temporary) = config(arguments)?;
    let mut log_config = config.log;
    if verbose::is_on() {
        // At this level, the log has each request to Bakong. Its bodies are not logged: they belong to customers.
        let debug = LevelFilter::DEBUG.into_level();
        log_config.level = debug.map_or(log_config.level, |debug| debug.max(log_config.level));
    }
    log(log_config);
    let server = Server::start(&config)
        .await
        .map_err(|error| cannot_start(&error))?;
    report(arguments, &server);
    interrupts.recv().await;
    server.shutdown().await;
    if let Some(folder) = temporary {
        // What remains in the folder for temporary files is deleted by the system.
        let _ = std::fs::remove_dir_all(folder);
    }
    Ok(Exit::Success)
}

/// Writes the events of the server to standard error from now on.
fn log(config: LogConfig) {
    let builder = tracing_subscriber::fmt()
        .with_max_level(config.level)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    // It fails if a logger is set, which only a test can do.
    let _ = match config.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

/// Prints the hash of a password that is read from standard input.
fn print_hash() -> Result<Exit, Failure> {
    if io::stdin().is_terminal() {
        note("Enter the password. The terminal shows it:");
    }
    let password = readable_text("-")?;
    let hash = hash_password(password.trim_end_matches(['\r', '\n']));
    print(hash.map_err(|error| usage(&error))?);
    Ok(Exit::Success)
}

/// Returns the configuration, and the folder to delete at the end.
fn config(arguments: &ServeArguments) -> Result<(Config, Option<PathBuf>), Failure> {
    if let Some(path) = &arguments.config {
        let config = Config::load(Some(path), variables());
        return Ok((config.map_err(|error| usage(&error))?, None));
    }
    let (folder, temporary) = match &arguments.data {
        Some(folder) => {
            create_folder(folder)?;
            (folder.clone(), None)
        }
        None => {
            let folder = temporary_folder()?;
            (folder.clone(), Some(folder))
        }
    };
    let mut config = Config::sandbox(arguments.listen, &folder);
    config.pages.demo = true;
    config.test_key = std::env::var(TEST_KEY).ok().filter(|key| !key.is_empty());
    Ok((config, temporary))
}

/// Returns the variables that are Unicode. Others cannot be settings.
fn variables() -> impl Iterator<Item = (String, String)> {
    let texts = std::env::vars_os().map(|(name, value)| (name.into_string(), value.into_string()));
    texts.filter_map(|(name, value)| Some((name.ok()?, value.ok()?)))
}

fn create_folder(folder: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder).map_err(|error| {
        let failure = files::unwritable("cannot create the folder", folder, &error);
        failure.and("; pass another folder with --data")
    })
}

fn temporary_folder() -> Result<PathBuf, Failure> {
    let random = getrandom::u64().map_err(|error| {
        Failure::usage(format!(
            "cannot choose a temporary folder ({error}); pass a folder with --data"
        ))
    })?;
    let folder = std::env::temp_dir().join(format!("bakong-serve-{random:016x}"));
    create_folder(&folder)?;
    Ok(folder)
}

fn report(arguments: &ServeArguments, server: &Server) {
    let sandbox = server.sandbox().map(bakong_sandbox::Sandbox::base_url);
    let url = server.public_url();
    let demo = arguments.sandbox.then(|| format!("{url}/demo"));
    let dashboard = server.login_link();
    let dashboard = dashboard.map_or_else(|| format!("{url}/dashboard"), str::to_owned);
    if arguments.json {
        let key = |test| {
            let mut keys = server.new_keys().iter();
            keys.find(|key| key.test == test).map(|key| &key.key)
        };
        print_json(&json!({
            "url": url,
            "docs": format!("{url}/docs"),
            "sandbox": sandbox,
            "demo": demo,
            "dashboard": dashboard,
            "testKey": key(true),
            "liveKey": key(false),
        }));
        return;
    }
    if let Some(demo) = demo {
        print(row("Demo shop", demo));
    }
    let once = server.login_link().map_or("", |_| " (can be used once)");
    print(row("Dashboard", format!("{dashboard}{once}")));
    print(row("API docs", format!("{url}/docs")));
    if let Some(sandbox) = &sandbox {
        print(row("Sandbox", format!("{sandbox}/ (pay as a customer)")));
    }
    for key in server.new_keys() {
        let name = if key.test { "Test key" } else { "Live key" };
        print(row(name, &key.key));
    }
    if !server.new_keys().is_empty() {
        note(format_args!(
            "An API key is shown once. Create further keys with POST /v1/keys."
        ));
    }
}

fn usage(error: &StartError) -> Failure {
    Failure::usage(Printable(&error.to_string()).to_string())
}

fn cannot_start(error: &StartError) -> Failure {
    Failure::new(Exit::NoAnswer, Printable(&error.to_string()).to_string())
}
