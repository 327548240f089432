//! The command line of `bakong sandbox`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

pub(super) const HELP: &str = "\
Open the address in a browser: a customer's phone, the mailbox, the clock, faults and the last requests are
there; programs find the same at /openapi.json. It runs until Ctrl-C or another signal.

A rule for --fault, such as '{\"on\":\"check_transaction_by_md5\",\"times\":2,\"answer\":{\"status\":502}}', says which
requests are struck and with what answer.

What --state has is written before anybody is told of it, so that nothing of it is lost whatever ends the process;
after a failure of power, about the last second may be missing. A disk that takes nothing is a warning, and the
sandbox goes on: what happens until the file can be written again is lost if the process is killed. --quota and --fault win over what the file says
of them, and are kept in their turn: --fault '[]' takes back the faults that were kept.

Exit codes: 0 stopped, 1 it cannot start or its state cannot be written, 2 usage.";

#[derive(Args, Debug)]
pub(crate) struct SandboxArguments {
    /// Where to listen: an address and a port, localhost and a port, or a port of this machine; port 0 takes a free
    /// one. Whoever can reach it controls it
    #[arg(long, value_name = "[ADDRESS:]PORT", default_value = "127.0.0.1:4717", value_parser = parse_listen)]
    pub(crate) listen: SocketAddr,
    /// Let browsers and the control use this host name, too; may be repeated. Addresses, names without dots and
    /// reserved ones such as box.local go by themselves
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,
    /// Keep registrations, mails, tokens, accounts, payments, codes, links, the clock, the quota with its use, and
    /// the faults in this file, and go on from there. It is one sandbox's at a time, which FILE.lock beside it sees to
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// How many requests a day each e-mail address may make, renewals and accounts included, from 0 to 4294967295, or off; unless said, what --state
    /// has, or else 100. The day turns at midnight in Phnom Penh
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) quota: Option<Limit>,
    /// Draw all that is random from this text, at most 32 bytes, so that a run can be repeated. A file of --state
    /// goes on with its own
    #[arg(long, value_name = "TEXT", value_parser = parse_seed)]
    pub(crate) seed: Option<[u8; 32]>,
    /// Make trouble: a rule in JSON or a list of them, or @FILE with that; may be repeated
    #[arg(long, value_name = "RULES")]
    pub(crate) fault: Vec<String>,
    /// Print one JSON object instead, when it is ready
    #[arg(long)]
    pub(crate) json: bool,
}

/// An address with a port, or a port of this machine.
fn parse_listen(text: &str) -> Result<SocketAddr, &'static str> {
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    let local = || {
        let port = port.parse().ok()?;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    };
    text.parse().ok().or_else(local).ok_or(
        "write 127.0.0.1:4717, localhost:4717 or 4717 for this machine alone, or 0.0.0.0:4717 for others too",
    )
}

/// How many requests a day there may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Limit {
    Off,
    Requests(u32),
}

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse()
            .map(Self::Requests)
            .map_err(|_| "write a whole number of requests from 0 to 4294967295, or off")
    }
}

/// The text with zeros after it.
fn parse_seed(text: &str) -> Result<[u8; 32], &'static str> {
    let mut seed = [0; 32];
    let room = seed
        .get_mut(..text.len())
        .ok_or("a seed has at most 32 bytes")?;
    room.copy_from_slice(text.as_bytes());
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_a_port() {
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
    fn a_limit_is_a_number_or_off() {
        assert_eq!("off".parse(), Ok(Limit::Off));
        assert_eq!("0".parse(), Ok(Limit::Requests(0)));
        for text in ["", "-1", "many", "4294967296"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_seed_is_any_short_text() {
        assert_eq!(parse_seed("").unwrap(), [0; 32]);
        assert_ne!(parse_seed("a").unwrap(), parse_seed("b").unwrap());
        assert!(parse_seed(&"x".repeat(32)).is_ok());
        assert!(parse_seed(&"x".repeat(33)).is_err());
    }
}
