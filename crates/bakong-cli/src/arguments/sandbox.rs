//! The command line of `bakong sandbox`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

pub(super) const HELP: &str = "\
Open the address in a browser: a customer's phone, the mailbox, the clock, faults and the last requests are
there; programs find the same at /openapi.json. It runs until Ctrl-C or another signal.

A rule for --fault, such as {\"on\":\"check_transaction_by_md5\",\"times\":2,\"answer\":{\"status\":502}}, says which
requests are struck and with what answer.

Exit codes: 0 stopped, 1 it cannot start or its state cannot be written, 2 usage.";

#[derive(Args, Debug)]
pub(crate) struct SandboxArguments {
    /// Where to listen; port 0 takes a free one. Whoever can reach it controls it
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:4717")]
    pub(crate) listen: SocketAddr,
    /// Let browsers and the control use this host name, too; may be repeated. Addresses, names without dots and
    /// reserved ones such as box.local go by themselves
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,
    /// Keep registrations, tokens, accounts, payments, the clock and the quota's use in this file, and go on from
    /// there. It is written each second that something changed, and by one sandbox at a time
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// How many requests a day each e-mail address may make, renewals and accounts included, or off; the day turns
    /// at midnight in Phnom Penh
    #[arg(long, value_name = "N", default_value = "100")]
    pub(crate) quota: Limit,
    /// Draw all that is random from this text, at most 32 bytes, so that a run can be repeated
    #[arg(long, value_name = "TEXT", value_parser = parse_seed)]
    pub(crate) seed: Option<[u8; 32]>,
    /// Make trouble: a rule in JSON, or @FILE with a rule or a list of them; may be repeated
    #[arg(long, value_name = "RULE")]
    pub(crate) fault: Vec<String>,
    /// Print one JSON object instead, when it is ready
    #[arg(long)]
    pub(crate) json: bool,
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
            .map_err(|_| "write a whole number of requests, or off")
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
