//! Lists, statements and checks.

use bakong_store::{PostgresOptions, PostgresStore, Registration};

use super::Database;
use crate::books::{DAMAGES, damage_rows};

async fn two_registrations() -> Option<([PostgresStore; 2], Database)> {
    let database = Database::new()?;
    let opened = database.open().await;
    let names = ["a", "b"].map(|owner| Registration::new("api.example", owner).unwrap());
    let stores = [
        opened.store(&names[0]).await.unwrap(),
        opened.store(&names[1]).await.unwrap(),
    ];
    let listed = opened.registrations().await.unwrap();
    assert_eq!(listed, ["api.example/a", "api.example/b"]);
    Some((stores, database))
}

crate::books::all_books_tests!(two_registrations);

#[tokio::test]
async fn a_check_finds_rows_that_break_a_rule() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    damage_rows(&super::store(&opened).await).await;
    opened.close();
    let orphan = (
        "INSERT INTO consumers VALUES (9, 'x', 0)",
        "belong to no registration",
    );
    let options = PostgresOptions::default();
    for (sql, problem) in DAMAGES.iter().chain([&orphan]) {
        // A copy, because the statements damage the store.
        let copy = database.copy();
        copy.sql(&format!("SET search_path = bakong; {sql}"));
        let report = options.check(&copy.url()).await.unwrap();
        let found = report.problems.iter().any(|found| found.contains(problem));
        assert!(found, "{sql}: {:?}", report.problems);
    }
    let report = options.check(&database.url()).await.unwrap();
    let counts = [
        report.registrations,
        report.payments,
        report.open,
        report.events,
        report.exchanges,
    ];
    assert_eq!(counts, [1, 3, 1, 2, 1]);
    let mut problems = report.problems;
    problems.retain(|problem| !problem.contains("fsync"));
    assert_eq!(problems, [""; 0]);
}
