//! The command line of `bakong sandbox`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bakong_api::BaseUrl;
use clap::{Args, Subcommand, ValueEnum};

use crate::common::time::parse_duration;

pub(super) const HELP: &str = "\
Open the address in a browser to pay codes as a customer, read the e-mails, change the clock, inject faults and see \
the last requests. Programs can do the same: see /openapi.json. The sandbox runs until Ctrl-C or another signal.

Each request is printed on standard error with its result. A refused one has the reason, such as a missing header: the \
responses do not contain the reason, like those of Bakong. Equal requests in quick succession share a line. With --json, \
only refused requests are printed, and with --quiet none.

A rule for --fault selects requests and the response they get. For example:
  '{\"on\":\"check_transaction_by_md5\",\"times\":2,\"answer\":{\"status\":502}}'

With --state, each change is written to the file before the response is sent, so a killed process loses nothing. A \
power failure may lose about the last second. If the file cannot be written, the sandbox warns and continues. It \
tries again within a minute. If the process is killed before that, the unwritten changes are lost. \
--quota and --fault override the saved values and are saved too. --fault '[]' removes the saved faults.

The commands pay, clock, fault and mailbox control a sandbox that is running, and print its answer as JSON.

Exit codes: 0 stopped or done, 1 the sandbox cannot start, cannot write its state, cannot be reached or refuses, 2 usage \
error.";

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SandboxArguments {
    #[command(subcommand)]
    pub(crate) control: Option<SandboxControl>,
    /// Where to listen: an address and a port, or only a port of this machine. Port 0 selects a free port. Everyone
    /// who can reach the address controls the sandbox
    #[arg(long, value_name = "[ADDRESS:]PORT", default_value = "127.0.0.1:4717", value_parser = parse_listen)]
    pub(crate) listen: SocketAddr,
    /// Accept requests for this host name. Can be repeated. IP addresses, names without a dot and reserved names
    /// such as box.local are always accepted
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,
    /// Save the sandbox's state in this file, and load it at the next start: registrations, e-mails, tokens, accounts,
    /// payments, codes, links, clock, quota and faults. FILE.lock ensures that only one sandbox uses the file.
    /// FILE must be a regular file of at most 512 MiB
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// The daily quota of requests for each e-mail address, from 0 to 4294967295, or off. It is reset at midnight in
    /// Phnom Penh [default: the value in --state, or 100]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) quota: Option<QuotaArgument>,
    /// The seed of all random values, at most 32 bytes. Use it to repeat a run. A state file keeps its own seed
    #[arg(long, value_name = "TEXT", value_parser = parse_seed)]
    pub(crate) seed: Option<[u8; 32]>,
    /// Inject faults: a JSON rule, a list of rules, or @FILE with either. Can be repeated
    #[arg(long, value_name = "RULES")]
    pub(crate) fault: Vec<String>,
    /// Print one JSON object when the sandbox is ready
    #[arg(long)]
    pub(crate) json: bool,
    /// Print no requests on standard error
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// What to do with a sandbox that is running.
#[derive(Subcommand, Debug)]
pub(crate) enum SandboxControl {
    /// Pay a code as a customer
    Pay(PayArguments),
    /// Show, advance or stop the clock
    Clock(ClockArguments),
    /// List, add or remove faults
    Fault(FaultArguments),
    /// Show the e-mails with their codes
    Mailbox(MailboxArguments),
}

/// Where the sandbox is.
#[derive(Args, Debug)]
pub(crate) struct UrlArgument {
    /// The address of the sandbox
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4717", value_parser = BaseUrl::new)]
    pub(crate) url: BaseUrl,
}

#[derive(Args, Debug)]
pub(crate) struct PayArguments {
    /// The text of the code, or - to read one line from standard input
    pub(crate) code: String,
    /// The account that pays
    #[arg(long, value_name = "ACCOUNT", default_value = "dara@devb")]
    pub(crate) from: String,
    /// The amount, in the currency of the code. A static code needs it
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) amount: Option<String>,
    /// Pay later on the sandbox's clock, for example after 5s
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) after: Option<Duration>,
    #[command(flatten)]
    pub(crate) url: UrlArgument,
}

#[derive(Args, Debug)]
pub(crate) struct ClockArguments {
    /// Move the clock forward, for example by 10m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) advance: Option<Duration>,
    /// Set the clock to the real time
    #[arg(long, conflicts_with = "advance")]
    pub(crate) reset: bool,
    /// Whether the clock runs
    #[arg(long, value_enum)]
    pub(crate) mode: Option<ClockMode>,
    #[command(flatten)]
    pub(crate) url: UrlArgument,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ClockMode {
    Running,
    Frozen,
}

#[derive(Args, Debug)]
pub(crate) struct FaultArguments {
    /// JSON rules to add: a rule, a list of rules, or @FILE with either
    pub(crate) rules: Vec<String>,
    /// Remove the present faults first
    #[arg(long)]
    pub(crate) clear: bool,
    #[command(flatten)]
    pub(crate) url: UrlArgument,
}

#[derive(Args, Debug)]
pub(crate) struct MailboxArguments {
    /// Show only the e-mails to this address
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
    #[command(flatten)]
    pub(crate) url: UrlArgument,
}

/// Parses an address with a port, or a port of this machine.
fn parse_listen(text: &str) -> Result<SocketAddr, &'static str> {
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    let local = || {
        let port = port.parse().ok()?;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    };
    text.parse().ok().or_else(local).ok_or(
        "expected 127.0.0.1:4717, localhost:4717 or 4717 for this machine only, or 0.0.0.0:4717 for other machines too",
    )
}

/// The value of `--quota`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum QuotaArgument {
    Off,
    Requests(u32),
}

impl FromStr for QuotaArgument {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse()
            .map(Self::Requests)
            .map_err(|_| "expected a whole number from 0 to 4294967295, or off")
    }
}

/// Pads the text with zeros.
fn parse_seed(text: &str) -> Result<[u8; 32], &'static str> {
    let mut seed = [0; 32];
    let start = seed
        .get_mut(..text.len())
        .ok_or("the seed has more than 32 bytes")?;
    start.copy_from_slice(text.as_bytes());
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_can_be_a_port() {
        for (text, address) in [
            ("127.0.0.1:4717", "127.0.0.1:4717"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("[::1]:9", "[::1]:9"),
            ("localhost:4717", "127.0.0.1:4717"),
            ("4717", "127.0.0.1:4717"),
            ("0", "127.0.0.1:0"),
        ] {
            assert_eq!(parse_listen(text), Ok(address.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            "localhost",
            "localhost:",
            "localhost:http",
            "65536",
            "127.0.0.1",
            ":4717",
            "example.com:80",
            "localhost:127.0.0.1:1",
        ] {
            assert!(parse_listen(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_quota_is_a_number_or_off() {
        assert_eq!("off".parse(), Ok(QuotaArgument::Off));
        assert_eq!("0".parse(), Ok(QuotaArgument::Requests(0)));
        for text in ["", "-1", "many", "4294967296"] {
            assert!(text.parse::<QuotaArgument>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_seed_has_at_most_32_bytes() {
        assert_eq!(parse_seed("").unwrap(), [0; 32]);
        assert_ne!(parse_seed("a").unwrap(), parse_seed("b").unwrap());
        assert!(parse_seed(&"x".repeat(32)).is_ok());
        assert!(parse_seed(&"x".repeat(33)).is_err());
    }
}
