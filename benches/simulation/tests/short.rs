//! A short run. `cargo xtask simulate` simulates many more seeds.

use bakong_simulation::{Scenario, World, report};

#[test]
fn the_guarantees_hold_in_hostile_scenarios() {
    let (mut payments, mut kills, mut over) = (0, 0, 0);
    for seed in 1_000_000..1_000_120 {
        let summary = World::new(Scenario::hostile(seed)).run();
        payments += summary.orders - summary.refused;
        kills += summary.crashes;
        over += summary.over;
    }
    // The scenarios must be hostile.
    assert!(
        payments > 20_000 && kills > 200 && over > 100,
        "{payments} {kills} {over}"
    );
}

#[test]
fn the_comparison_passes_its_check() {
    let rows = report::rows(1);
    assert_eq!(report::verdict(&rows), Ok(()));
    assert_eq!(rows.len(), 2 * report::ORDERS.len() * 4);
    assert!(report::table(&rows).lines().count() == rows.len() + 2);
}

#[test]
fn the_same_seed_gives_the_same_result() {
    let run = || World::new(Scenario::hostile(7)).run();
    assert_eq!(run(), run());
}
