//! `bakong sandbox`: runs a sandbox on this machine until a signal stops it, or controls one that is running.

mod control;
mod request_log;

use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use bakong_sandbox::{Fault, QuotaLimit, Sandbox};
use khqr_core::Printable;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::{MissedTickBehavior, interval};

use crate::arguments::{QuotaArgument, SandboxArguments};
use crate::common::exit::{Exit, Failure, print_json_error};
use crate::common::interrupt::Interrupts;
use crate::common::output::{note, print, print_json, row};
use crate::common::runtime::block_on;
use crate::common::{files, lines, time};

use self::request_log::{Logged, RequestLog};

/// The e-mail address of the token that is printed.
const EMAIL: &str = "shop@example.com";

/// The default daily quota, the same as that of the live service.
const DEFAULT_QUOTA: u32 = 100;

/// The largest file of rules in bytes.
const LARGEST_RULES: u64 = 16 << 20;

/// How often the command checks whether saving the state failed.
const SAVE_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How often the command looks for new requests.
const LOG_INTERVAL: Duration = Duration::from_millis(200);

pub(crate) fn run(arguments: &SandboxArguments) -> Result<Exit, Failure> {
    if let Some(control) = &arguments.control {
        return control::run(control);
    }
    let result = faults(&arguments.fault).and_then(|faults| block_on(serve(arguments, faults)));
    print_json_error(result, arguments.json)
}

/// The rules from `--fault`, or `None` without the option.
fn faults(arguments: &[String]) -> Result<Option<Vec<Fault>>, Failure> {
    if arguments.is_empty() {
        return Ok(None);
    }
    let mut faults = Vec::new();
    for argument in arguments {
        let (text, file) = rules_text(argument)?;
        let of_file =
            |reason: String| file.map_or(reason.clone(), |file| format!("{file}: {reason}"));
        faults.append(&mut rules(&text).map_err(|reason| invalid_fault(&of_file(reason)))?);
    }
    Ok(Some(faults))
}

/// The text of an argument with rules, and the name of its file.
fn rules_text(argument: &str) -> Result<(Cow<'_, str>, Option<&str>), Failure> {
    let Some(file) = argument.strip_prefix('@') else {
        return Ok((Cow::Borrowed(argument), None));
    };
    let bytes = files::read(Path::new(file), LARGEST_RULES)
        .map_err(|failure| Failure::usage(format!("--fault: {failure}")))?;
    let text =
        lines::to_text(&bytes).map_err(|error| invalid_fault(&format!("{file}: {error}")))?;
    Ok((Cow::Owned(text.to_owned()), Some(file)))
}

/// The usage error for an invalid rule. The reason may quote the rule, so it is made safe to print.
fn invalid_fault(reason: &str) -> Failure {
    let reason = Printable(reason);
    Failure::usage(format!(
        r#"--fault: {reason}. Example: --fault '{{"on":"verify","times":2,"answer":{{"status":502}}}}'"#
    ))
}

/// Parses a rule or a list of rules.
fn rules(text: &str) -> Result<Vec<Fault>, String> {
    let one = |rule: &str| Fault::from_json(rule).map_err(|error| error.to_string());
    if !text.trim_start().starts_with('[') {
        return Ok(vec![one(text)?]);
    }
    let list: Vec<Box<RawValue>> =
        serde_json::from_str(text).map_err(|error| format!("not a list of rules: {error}"))?;
    let numbered = list.iter().zip(1..);
    let rules = numbered.map(|(rule, number)| {
        one(rule.get()).map_err(|error| format!("rule {number} of {}: {error}", list.len()))
    });
    rules.collect()
}

async fn serve(arguments: &SandboxArguments, faults: Option<Vec<Fault>>) -> Result<Exit, Failure> {
    let failed = |reason: String| Failure::new(Exit::NoAnswer, reason);
    let mut interrupts = Interrupts::listen()?;
    let mut builder = Sandbox::builder()
        .listen(arguments.listen)
        .initial_quota(QuotaLimit::per_day(DEFAULT_QUOTA));
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
            io::ErrorKind::AddrInUse => failed(format!(
                "{listen} is in use. Use --listen 127.0.0.1:0 for a free port"
            )),
            _ => failed(format!("cannot start the sandbox: {error}")),
        }
    })?;
    if let Some(limit) = arguments.quota {
        let limit = match limit {
            QuotaArgument::Off => None,
            QuotaArgument::Requests(limit) => Some(limit),
        };
        // Changes only the limit: the reset time and the kinds of requests that count stay the same.
        sandbox.set_quota(sandbox.quota().with_limit(limit));
    }
    announce(arguments, &sandbox);
    let mut save_checks = interval(SAVE_CHECK_INTERVAL);
    save_checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last_error = None;
    let mut log_checks = interval(LOG_INTERVAL);
    log_checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut log = RequestLog::start(match arguments {
        SandboxArguments { quiet: true, .. } => Logged::None,
        // A program reads the JSON object. Its own log has the requests that succeed.
        SandboxArguments { json: true, .. } => Logged::Refused,
        _ => Logged::All,
    });
    loop {
        tokio::select! {
            () = interrupts.recv() => break,
            _ = log_checks.tick() => log.print_new(&sandbox),
            _ = save_checks.tick() => {
                let now = sandbox.save_error();
                if let Some(text) = now.as_ref().filter(|_| now != last_error) {
                    note(format_args!("warning: {text}; the sandbox tries again within a minute"));
                }
                last_error = now;
            }
        }
    }
    log.finish(&sandbox);
    sandbox
        .stop_and_save()
        .await
        .map_err(|error| failed(error.to_string()))?;
    Ok(Exit::Success)
}

/// The address at which other machines can reach a server that listens at `address`, if known. Sends no packet: it
/// asks the system which source address a packet would have.
fn reachable_address(address: SocketAddr) -> Option<IpAddr> {
    // Documentation addresses (RFC 5737, RFC 3849), which are not routed.
    let remote = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => "192.0.2.1:9",
        IpAddr::V6(ip) if ip.is_unspecified() => "[2001:db8::1]:9",
        ip => return Some(ip),
    };
    let socket = UdpSocket::bind(SocketAddr::new(address.ip(), 0)).ok()?;
    socket.connect(remote).ok()?;
    let own = socket.local_addr().ok()?.ip();
    Some(own).filter(|ip| !ip.is_unspecified() && !ip.is_loopback())
}

/// Warns that other machines can reach the sandbox.
fn warn_about_access(address: SocketAddr) {
    note(format_args!(
        "warning: everyone who can reach {address} controls this sandbox, its tokens and its e-mails"
    ));
    let port = address.port();
    let host = match reachable_address(address) {
        Some(ip) => SocketAddr::new(ip, port).to_string(),
        None => format!("THIS-MACHINE:{port}"),
    };
    note(format_args!(
        "  on another machine: bakong checkout --base-url http://{host} --allow-plain-http"
    ));
}

/// Prints the address and how to use it.
fn announce(arguments: &SandboxArguments, sandbox: &Sandbox) {
    let address = sandbox.address();
    if !address.ip().is_loopback() {
        warn_about_access(address);
    }
    if let Some(warning) = sandbox.load_warning() {
        note(format_args!("warning: {warning}"));
    }
    let base_url = sandbox.base_url();
    let lead = sandbox.clock().lead();
    if lead >= Duration::from_secs(1) {
        // The state file keeps the setting of the clock, which the user may have forgotten.
        note(format_args!(
            "warning: the sandbox's clock is {} ahead of the real time, so codes expire earlier. To reset it, \
             POST {{\"aheadMs\":0}} to {base_url}/sandbox/clock",
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
        print_json(&json!({
            "baseUrl": base_url,
            "email": EMAIL,
            "token": token,
            "quota": limit,
            "faults": faults,
            "state": state,
        }));
        return;
    }
    print("Bakong sandbox. No real money moves.");
    print(row("page", format_args!("{base_url}/")));
    print(row("base URL", &base_url));
    print(row("API", format_args!("{base_url}/openapi.json")));
    print(row(
        "quota",
        limit.map_or("off".to_owned(), |limit| format!("{limit} requests a day")),
    ));
    if faults > 0 {
        let text = format!("{faults} active; see and remove them at {base_url}/");
        print(row("faults", text));
    }
    if let Some(state) = state {
        print(row("state", Printable(&state)));
    }
    print("\nIn another terminal:");
    print(format_args!("  export BAKONG_TOKEN={token}"));
    print(format_args!("  bakong checkout --base-url {base_url}"));
    print("\nPress Ctrl-C to stop the sandbox.");
}
