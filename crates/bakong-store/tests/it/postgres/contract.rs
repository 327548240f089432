//! The rules of all stores.

use bakong_flow::store::contract::{self, Fixture};
use bakong_store::{PostgresDatabase, PostgresStore, Registration};

use super::{Database, registration};

/// The data of a registration of its own.
struct Shop {
    database: PostgresDatabase,
    registration: Registration,
}

#[async_trait::async_trait]
impl Fixture for Shop {
    type Store = PostgresStore;

    async fn open(&self) -> PostgresStore {
        self.database.store(&self.registration).await.unwrap()
    }

    async fn expire_lease(&self) {
        self.open().await.expire_lease().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_follows_the_contract() {
    let Some(database) = Database::new() else {
        return;
    };
    let opened = database.open().await;
    contract::run(async || Shop {
        database: opened.clone(),
        registration: registration(),
    })
    .await;
}
