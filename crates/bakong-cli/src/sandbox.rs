//! `bakong sandbox`: a Bakong on this machine, until somebody stops it.

use std::fs;
use std::time::Duration;

use bakong_sandbox::{Fault, Quota, Sandbox, SandboxBuilder};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::{MissedTickBehavior, interval};

use crate::arguments::{Limit, SandboxArguments};
use crate::block_on;
use crate::exit::{Exit, Failure, told};
use crate::interrupt::Interrupts;
use crate::output::{note, row, say, say_json};
use crate::time;

/// The project whose token is printed.
const EMAIL: &str = "shop@example.com";

/// How often it is looked whether the state could be written.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: &SandboxArguments) -> Result<Exit, Failure> {
    let result = faults(&arguments.fault).and_then(|faults| block_on(serve(arguments, faults)));
    told(result, arguments.json)
}

/// The rules of the command line.
fn faults(rules: &[String]) -> Result<Vec<Fault>, Failure> {
    let mut faults = Vec::new();
    for rule in rules {
        let wrong = |reason: String| Failure::usage(format!("--fault: {reason}"));
        let Some(file) = rule.strip_prefix('@') else {
            faults.push(Fault::from_json(rule).map_err(|error| wrong(error.to_string()))?);
            continue;
        };
        let text = fs::read_to_string(file).map_err(|error| wrong(format!("{file}: {error}")))?;
        let list = serde_json::from_str::<Vec<Box<RawValue>>>(&text);
        let list: Vec<_> = match &list {
            Ok(list) => list.iter().map(|rule| rule.get()).collect(),
            // A rule by itself, or something else, of which an error tells.
            Err(_) => vec![text.as_str()],
        };
        for (place, rule) in list.iter().enumerate() {
            let number = place.saturating_add(1);
            let fault = Fault::from_json(rule);
            faults.push(fault.map_err(|error| wrong(format!("{file}, rule {number}: {error}")))?);
        }
    }
    Ok(faults)
}

async fn serve(arguments: &SandboxArguments, faults: Vec<Fault>) -> Result<Exit, Failure> {
    let failed = |reason: String| Failure::new(Exit::CouldNotAsk, reason);
    let mut interrupts = Interrupts::listen()?;
    let mut builder = Sandbox::builder()
        .listen(arguments.listen)
        .quota(match arguments.quota {
            Limit::Off => Quota::off(),
            Limit::Requests(limit) => Quota::a_day(limit),
        });
    if let Some(seed) = arguments.seed {
        builder = builder.seed(seed);
    }
    if let Some(file) = &arguments.state {
        builder = builder.state_file(file);
    }
    builder = faults.into_iter().fold(builder, SandboxBuilder::fault);
    let hosts = arguments.allow_host.iter();
    builder = hosts.fold(builder, |builder, name| builder.allow_host(name.as_str()));
    let sandbox = builder.start().await.map_err(|error| {
        let listen = arguments.listen;
        match error.kind() {
            std::io::ErrorKind::AddrInUse => failed(format!(
                "{listen} is taken; --listen 127.0.0.1:0 takes a free port"
            )),
            _ => failed(format!("the sandbox does not start at {listen}: {error}")),
        }
    })?;
    announce(arguments, &sandbox);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut trouble = None;
    loop {
        tokio::select! {
            () = interrupts.recv() => break,
            _ = looks.tick() => {
                let now = sandbox.save_error();
                if let Some(text) = now.as_ref().filter(|_| now != trouble) {
                    note(format_args!("warning: {text}; it is tried again every second"));
                }
                trouble = now;
            }
        }
    }
    sandbox
        .stop_and_save()
        .await
        .map_err(|error| failed(error.to_string()))?;
    Ok(Exit::Success)
}

/// Tells where it is and how it is used.
fn announce(arguments: &SandboxArguments, sandbox: &Sandbox) {
    let address = sandbox.address();
    if !address.ip().is_loopback() {
        note(format_args!(
            "warning: whoever can reach {address} controls this sandbox, its tokens and its mails"
        ));
    }
    let base_url = sandbox.base_url();
    let lead = sandbox.clock().lead();
    if lead >= Duration::from_secs(1) {
        // A state file remembers it, and people do not.
        note(format_args!(
            "warning: the sandbox's clock is {} ahead of the real time, so codes made by it have expired sooner; \
             POST {base_url}/sandbox/clock {{\"aheadMs\":0}} puts it back",
            time::left(lead)
        ));
    }
    let token = sandbox.issue_token(EMAIL);
    let limit = sandbox.quota().limit();
    let state = arguments
        .state
        .as_ref()
        .map(|file| file.display().to_string());
    if arguments.json {
        say_json(&json!({
            "baseUrl": base_url,
            "email": EMAIL,
            "token": token,
            "quota": limit,
            "state": state,
        }));
        return;
    }
    say("A Bakong to develop against, with no real money.");
    say(row("page", format_args!("{base_url}/")));
    say(row("base URL", &base_url));
    say(row("for programs", format_args!("{base_url}/openapi.json")));
    say(row(
        "quota",
        limit.map_or("off".to_owned(), |limit| format!("{limit} requests a day")),
    ));
    if let Some(state) = state {
        say(row("state", khqr_core::Printable(&state)));
    }
    say("\nIn another terminal:");
    say(format_args!("  export BAKONG_TOKEN={token}"));
    say(format_args!("  bakong checkout --base-url {base_url}"));
    say("\nCtrl-C stops it.");
}
