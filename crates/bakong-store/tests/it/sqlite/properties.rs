//! Random batches, compared with the in-memory store.

use bakong_flow::PaymentStore;
use bakong_store::SqliteOptions;
use proptest::prelude::*;

use super::Folder;
use crate::random::{Engine, all_steps, compare_with_memory};

struct File {
    folder: Folder,
    options: SqliteOptions,
}

#[async_trait::async_trait]
impl Engine for File {
    async fn open(&self) -> Box<dyn PaymentStore> {
        Box::new(self.folder.open(&self.options).await)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_store_does_what_the_memory_store_does(steps in all_steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut options = SqliteOptions::default();
        options.sync = false;
        let file = File { folder: Folder::new(), options };
        runtime.block_on(async {
            compare_with_memory(&file, &steps).await;
            let report = file.options.check(file.folder.file()).await.unwrap();
            assert_eq!(report.problems, [""; 0]);
        });
    }
}
