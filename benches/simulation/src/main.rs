//! `simulate`
use bakong_simulation::{Scenario, World};

fn main() {
    let mut payments = 0u64;
    let from: u64 = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(0);
    let count: u64 = std::env::args().nth(2).and_then(|a| a.parse().ok()).unwrap_or(100);
    for seed in from..from + count {
        let scenario = Scenario::hostile(seed);
        eprintln!("{scenario}");
        let s = World::new(scenario).run();
        payments += u64::from(s.orders - s.refused);
        eprintln!("  {} orders, {} refused, {} paid, {} settled, {} req, {} most, {} over, {} crashes {} wakeups", s.orders, s.refused, s.paid, s.settled, s.requests, s.most_on_a_day, s.over, s.crashes, s.wakeups);
    }
    eprintln!("{payments} payments");
}
