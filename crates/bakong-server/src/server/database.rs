//! The database of the configuration.

use std::sync::Arc;

use bakong_store::tables::Tables;
use bakong_store::{PostgresDatabase, Registration, SqliteDatabase};

use crate::config::StoreLocation;
use crate::error::StartError;
use crate::shop::ShopStore;

#[derive(Clone, Debug)]
pub(super) enum Database {
    Sqlite(SqliteDatabase),
    Postgres(PostgresDatabase),
}

impl Database {
    pub(super) async fn open(location: &StoreLocation) -> Result<Self, StartError> {
        Ok(match location {
            StoreLocation::File(path) => Self::Sqlite(SqliteDatabase::open(path).await?),
            StoreLocation::Postgres(url) => {
                Self::Postgres(PostgresDatabase::open(url.expose()).await?)
            }
        })
    }

    pub(super) fn tables(&self) -> Arc<dyn Tables> {
        match self {
            Self::Sqlite(database) => Arc::new(database.clone()),
            Self::Postgres(database) => Arc::new(database.clone()),
        }
    }

    pub(super) async fn store(
        &self,
        registration: &Registration,
    ) -> Result<Arc<dyn ShopStore>, StartError> {
        Ok(match self {
            Self::Sqlite(database) => Arc::new(database.store(registration).await?),
            Self::Postgres(database) => Arc::new(database.store(registration).await?),
        })
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(database) => database.close().await,
            Self::Postgres(database) => database.close(),
        }
    }
}
