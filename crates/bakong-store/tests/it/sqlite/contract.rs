//! The rules of all stores.

use bakong_flow::store::contract::{self, Fixture};
use bakong_store::{SqliteOptions, SqliteStore};

use super::Folder;

#[async_trait::async_trait]
impl Fixture for Folder {
    type Store = SqliteStore;

    async fn open(&self) -> SqliteStore {
        Self::open(self, &SqliteOptions::default()).await
    }

    async fn expire_lease(&self) {
        let store = Self::open(self, &SqliteOptions::default()).await;
        store.expire_lease().await.unwrap();
    }
}

#[tokio::test]
async fn the_store_follows_the_contract() {
    contract::run(async || Folder::new()).await;
}
