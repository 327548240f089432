//! `bakong sandbox`: a Bakong on this machine, until somebody stops it.

use std::fs;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use bakong_sandbox::{Fault, QuotaLimit, Sandbox};
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

/// How many requests a day there are, unless said: as on the tokens of the live service.
const LIMIT: u32 = 100;

/// How often it is looked whether the state could be written.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: &SandboxArguments) -> Result<Exit, Failure> {
    let result = faults(&arguments.fault).and_then(|faults| block_on(serve(arguments, faults)));
    told(result, arguments.json)
}

/// The rules of the command line; `None` if there are none.
fn faults(arguments: &[String]) -> Result<Option<Vec<Fault>>, Failure> {
    if arguments.is_empty() {
        return Ok(None);
    }
    let mut faults = Vec::new();
    for argument in arguments {
        match argument.strip_prefix('@') {
            None => faults.append(&mut rules(argument).map_err(|reason| wrong(&reason))?),
            Some(file) => {
                let in_file = |reason: String| wrong(&format!("{file}: {reason}"));
                let text = fs::read_to_string(file).map_err(|error| in_file(error.to_string()))?;
                faults.append(&mut rules(&text).map_err(in_file)?);
            }
        }
    }
    Ok(Some(faults))
}

fn wrong(reason: &str) -> Failure {
    Failure::usage(format!(
        r#"--fault: {reason}. An example: --fault '{{"on":"verify","times":2,"answer":{{"status":502}}}}'"#
    ))
}

/// A rule, or a list of them.
fn rules(text: &str) -> Result<Vec<Fault>, String> {
    let one = |rule: &str| Fault::from_json(rule).map_err(|error| error.to_string());
    if !text.trim_start().starts_with('[') {
        return Ok(vec![one(text)?]);
    }
    let list: Vec<Box<RawValue>> =
        serde_json::from_str(text).map_err(|error| format!("it is no list of rules: {error}"))?;
    let numbered = list.iter().zip(1..);
    let rules = numbered.map(|(rule, number)| {
        one(rule.get()).map_err(|error| format!("rule {number} of {}: {error}", list.len()))
    });
    rules.collect()
}

async fn serve(arguments: &SandboxArguments, faults: Option<Vec<Fault>>) -> Result<Exit, Failure> {
    let failed = |reason: String| Failure::new(Exit::CouldNotAsk, reason);
    let mut interrupts = Interrupts::listen()?;
    let mut builder = Sandbox::builder()
        .listen(arguments.listen)
        .initial_quota(QuotaLimit::per_day(LIMIT));
    if let Some(seed) = arguments.seed {
        builder = builder.seed(seed);
    }
    if let Some(file) = &arguments.state {
        builder = builder.state_file(file);
    }
    if let Some(faults) = faults {
        builder = builder.faults(faults);
    }
    let hosts = arguments.allow_host.iter();
    builder = hosts.fold(builder, |builder, name| builder.allow_host(name.as_str()));
    let sandbox = builder.start().await.map_err(|error| {
        let listen = arguments.listen;
        match error.kind() {
            std::io::ErrorKind::AddrInUse => failed(format!(
                "{listen} is taken; --listen 127.0.0.1:0 takes a free port"
            )),
            _ => failed(format!("the sandbox does not start: {error}")),
        }
    })?;
    if let Some(limit) = arguments.quota {
        let limit = match limit {
            Limit::Off => None,
            Limit::Requests(limit) => Some(limit),
        };
        // What counts, and when the day turns, was not said.
        sandbox.set_quota(sandbox.quota().with_limit(limit));
    }
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
                    note(format_args!("warning: {text}; it is tried again within a minute"));
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

/// How another machine reaches a server that listens at `address`, as far as that is known: no packet is sent to
/// find out which of this machine's addresses it would be sent from.
fn outward(address: SocketAddr) -> Option<IpAddr> {
    // Of the nets that are for documents (RFC 5737, RFC 3849), which lead nowhere.
    let far = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => "192.0.2.1:9",
        IpAddr::V6(ip) if ip.is_unspecified() => "[2001:db8::1]:9",
        ip => return Some(ip),
    };
    let socket = UdpSocket::bind(SocketAddr::new(address.ip(), 0)).ok()?;
    socket.connect(far).ok()?;
    let own = socket.local_addr().ok()?.ip();
    Some(own).filter(|ip| !ip.is_unspecified() && !ip.is_loopback())
}

/// Tells who can reach it, where that is not this machine alone.
fn warn(address: SocketAddr) {
    note(format_args!(
        "warning: whoever can reach {address} controls this sandbox, its tokens and its mails"
    ));
    let port = address.port();
    let there = match outward(address) {
        Some(ip) => SocketAddr::new(ip, port).to_string(),
        None => format!("THIS-MACHINE:{port}"),
    };
    note(format_args!(
        "  on another machine: bakong checkout --base-url http://{there} --allow-plain-http"
    ));
}

/// Tells where it is and how it is used.
fn announce(arguments: &SandboxArguments, sandbox: &Sandbox) {
    let address = sandbox.address();
    if !address.ip().is_loopback() {
        warn(address);
    }
    if let Some(warning) = sandbox.load_warning() {
        note(format_args!("warning: {warning}"));
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
    let faults = sandbox.fault_count();
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
            "faults": faults,
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
    if faults > 0 {
        let told = format!("{faults} waiting; {base_url}/ shows them and takes them back");
        say(row("faults", told));
    }
    if let Some(state) = state {
        say(row("state", khqr_core::Printable(&state)));
    }
    say("\nIn another terminal:");
    say(format_args!("  export BAKONG_TOKEN={token}"));
    say(format_args!("  bakong checkout --base-url {base_url}"));
    say("\nCtrl-C stops it.");
}
