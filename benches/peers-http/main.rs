//! Compares our client of the Open API with hyper-util's client, on which it is built, and with the crate
//! `khqr-api`. All send the same check to the same server on this machine and get the same answer.
//!
//! Without arguments, this program measures everything in rounds and prints a line per figure: the measure, the
//! client and the values. The clients are `ours` (reusing connections, as the others do), `fresh` (ours with
//! its default, a connection per request), `bare` (hyper-util) and `peer` (khqr-api). The server and each
//! measurement run in their own process, which is this program with other arguments. So no measurement includes
//! the server's time and memory, or another client's heap and caches.

#![forbid(unsafe_code)]

mod callers;
mod measures;
mod rounds;
mod server;

use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use callers::{Bare, Ours, Peer};
use measures::Measure;

/// Any error. It is only printed.
type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match run(&args.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bakong-bench-peers-http: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<(), Failure> {
    match args {
        [] => rounds::run(),
        ["serve", delay_ms] => server::serve(Duration::from_millis(delay_ms.parse()?)),
        [measure, side, address, requests] => {
            let measure = measure.parse()?;
            let (address, requests) = (address.parse()?, requests.parse()?);
            println!("{}", measure_side(measure, side, address, requests)?);
            Ok(())
        }
        _ => Err(
            "usage: no arguments, or `serve DELAY_MS`, or `MEASURE CLIENT ADDRESS REQUESTS`; measures: \
             `cpu`, `throughput`, `memory`; clients: `ours`, `fresh`, `bare`, `peer`"
                .into(),
        ),
    }
}

fn measure_side(
    measure: Measure,
    side: &str,
    address: SocketAddr,
    requests: usize,
) -> Result<String, Failure> {
    match side {
        "ours" => measure.of(Ours::new(address, true)?, requests),
        "fresh" => measure.of(Ours::new(address, false)?, requests),
        "bare" => measure.of(Bare::new(address)?, requests),
        "peer" => measure.of(Peer::new(address), requests),
        _ => Err(format!("unknown client `{side}`").into()),
    }
}
