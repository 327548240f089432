//! The in-memory store keeps the rules of a store.

use async_trait::async_trait;
use bakong_flow::MemoryStore;
use bakong_flow::store::contract::{self, Fixture};

struct InMemory(MemoryStore);

#[async_trait]
impl Fixture for InMemory {
    type Store = MemoryStore;

    async fn open(&self) -> MemoryStore {
        self.0.clone()
    }

    async fn expire_lease(&self) {
        self.0.expire_lease();
    }
}

#[tokio::test]
async fn the_memory_store_keeps_the_contract() {
    contract::run(async || InMemory(MemoryStore::new())).await;
}
