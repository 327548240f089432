//! A short run. `cargo xtask simulate` simulates many more seeds.

use bakong_simulation::{Scenario, StoreKind, World, report};

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

/// `cargo xtask simulate --store sqlite` simulates more than 100,000 payments.
#[test]
fn the_guarantees_hold_with_kills_between_any_two_statements_of_sqlite() {
    let (mut payments, mut kills) = (0, 0);
    for seed in 2_000_000..2_000_012 {
        let summary = World::with_store(Scenario::hostile(seed), StoreKind::Sqlite).run();
        payments += summary.orders - summary.refused;
        kills += summary.crashes;
    }
    assert!(payments > 500 && kills > 20, "{payments} {kills}");
}

#[test]
fn the_stores_give_the_same_result_without_kills() {
    let mut scenario = Scenario::hostile(7);
    scenario.faults.crashes = 0;
    let run = |store| World::with_store(scenario, store).run();
    assert_eq!(run(StoreKind::Sqlite), run(StoreKind::Memory));
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
