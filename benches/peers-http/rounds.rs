//! Measures all clients in rounds. The speed of a shared machine varies, so the clients take turns, and slow
//! periods affect all of them.

use std::env;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Failure;
use crate::server::Server;

const SIDES: [&str; 4] = ["ours", "fresh", "bare", "peer"];

/// A measure, its number of rounds and of requests per round.
struct Plan {
    measure: &'static str,
    rounds: usize,
    requests: usize,
    server_delay: Duration,
}

const PLANS: [Plan; 3] = [
    Plan {
        measure: "cpu",
        rounds: 15,
        requests: 5_000,
        server_delay: Duration::ZERO,
    },
    Plan {
        measure: "throughput",
        rounds: 15,
        requests: 32_000,
        server_delay: Duration::ZERO,
    },
    // The delay lets all requests arrive before the first answer.
    Plan {
        measure: "memory",
        rounds: 3,
        requests: 10_000,
        server_delay: Duration::from_millis(20),
    },
];

/// Prints a line per figure, such as `cpu ours 20481`.
pub(crate) fn run() -> Result<(), Failure> {
    for plan in PLANS {
        let server = Server::start(plan.server_delay)?;
        for round in 0..plan.rounds {
            // Each round starts with a different client than the round before.
            for turn in 0..SIDES.len() {
                let side = SIDES[(round + turn) % SIDES.len()];
                let figures = measure(&plan, side, &server.address)?;
                println!("{} {side} {figures}", plan.measure);
            }
        }
    }
    Ok(())
}

fn measure(plan: &Plan, side: &str, address: &str) -> Result<String, Failure> {
    let output = Command::new(env::current_exe()?)
        .args([plan.measure, side, address, &plan.requests.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{} of {side} ended with {}", plan.measure, output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}
