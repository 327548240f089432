//! Random batches, compared with the in-memory store.

use bakong_flow::PaymentStore;
use bakong_store::{PostgresDatabase, PostgresOptions, Registration};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{Database, registration};
use crate::random::{Engine, all_steps, compare_with_memory};

struct Shop {
    database: PostgresDatabase,
    registration: Registration,
}

#[async_trait::async_trait]
impl Engine for Shop {
    async fn open(&self) -> Box<dyn PaymentStore> {
        Box::new(self.database.store(&self.registration).await.unwrap())
    }
}

#[test]
fn the_store_does_what_the_memory_store_does() {
    let Some(database) = Database::new() else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let opened = runtime.block_on(database.open());
    let config = ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = TestRunner::new(config);
    let played = runner.run(&all_steps(), |steps| {
        let shop = Shop {
            database: opened.clone(),
            registration: registration(),
        };
        runtime.block_on(compare_with_memory(&shop, &steps));
        Ok(())
    });
    played.unwrap();
    let report = runtime.block_on(PostgresOptions::default().check(&database.url()));
    let mut problems = report.unwrap().problems;
    // The shared server does not wait for the disk, and the report says so.
    problems.retain(|problem| !problem.contains("fsync"));
    assert_eq!(problems, [""; 0]);
}
