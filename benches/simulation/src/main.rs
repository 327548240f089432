//! `simulate`
use bakong_simulation::{Scenario, World, report};

fn main() {
    if std::env::args().nth(1).as_deref() == Some("report") {
        let rows = report::rows(10);
        println!("{}", report::table(&rows));
        println!("{:?}", report::verdict(&rows));
        return;
    }
    if std::env::args().nth(1).as_deref() == Some("one") {
        let s = World::new(Scenario::quiet(
            1,
            std::env::args().nth(2).unwrap().parse().unwrap(),
            true,
        ))
        .run();
        eprintln!("{} {}", s.requests, s.settled);
        return;
    }
    let mut payments = 0u64;
    let from: u64 = std::env::args()
        .nth(1)
        .and_then(|a| a.parse().ok())
        .unwrap_or(0);
    let count: u64 = std::env::args()
        .nth(2)
        .and_then(|a| a.parse().ok())
        .unwrap_or(100);
    for seed in from..from + count {
        let scenario = Scenario::hostile(seed);
        eprintln!("{scenario}");
        let s = World::new(scenario).run();
        payments += u64::from(s.orders - s.refused);
        eprintln!(
            "  {} orders, {} refused, {} paid, {} settled, {} req, {} most, {} over, {} crashes {} wakeups",
            s.orders,
            s.refused,
            s.paid,
            s.settled,
            s.requests,
            s.most_on_a_day,
            s.over,
            s.crashes,
            s.wakeups
        );
    }
    eprintln!("{payments} payments");
}
