//! A short run: `cargo xtask simulate` plays many more.

use bakong_simulation::{Scenario, World, report};

#[test]
fn hostile_days_break_no_guarantee() {
    let (mut payments, mut kills, mut over) = (0, 0, 0);
    for seed in 1_000_000..1_000_120 {
        let summary = World::new(Scenario::hostile(seed)).run();
        payments += summary.orders - summary.refused;
        kills += summary.crashes;
        over += summary.over;
    }
    // Otherwise it showed nothing.
    assert!(
        payments > 20_000 && kills > 200 && over > 100,
        "{payments} {kills} {over}"
    );
}

#[test]
fn what_is_compared_comes_out_as_the_page_says() {
    let rows = report::rows(1);
    assert_eq!(report::verdict(&rows), Ok(()));
    assert_eq!(rows.len(), 2 * report::ORDERS.len() * 4);
    assert!(report::table(&rows).lines().count() == rows.len() + 2);
}

#[test]
fn the_same_seed_is_the_same_day() {
    let play = || World::new(Scenario::hostile(7)).run();
    assert_eq!(play(), play());
}
