//! Our client of the Open API beside two others: the HTTP client that it is built on, bare, and the crate
//! `khqr-api`. All ask the same question of the same server on this machine and get the same answer.
//!
//! Without arguments, it measures everything in rounds and prints a line for each figure: what was
//! measured, of whom, how much. The server and every single measurement run in processes of their own,
//! which are this program with other arguments: so the server's time and memory are nobody's, and no side
//! inherits the heap, the warm caches or the layout in memory of another.

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

/// Whatever stopped a measurement; who runs it only reads it.
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
            "takes no arguments, or `serve DELAY_MS`, or `MEASURE SIDE ADDRESS REQUESTS` with the \
                  measure `cpu`, `throughput` or `memory` and the side `ours`, `bare` or `peer`"
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
        _ => Err(format!("there is no side `{side}`").into()),
    }
}
