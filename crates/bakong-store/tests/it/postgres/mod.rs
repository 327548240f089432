//! The PostgreSQL store.

mod chaos;
mod cluster;
mod contract;
mod errors;
mod opening;
mod pgbouncer;
mod properties;
mod proxy;
mod schema;
mod setup;
mod sharing;
mod tls;
mod tools;

use std::sync::atomic::{AtomicU32, Ordering};

use bakong_store::{PostgresDatabase, PostgresOptions, PostgresStore, Registration};

pub(crate) use self::cluster::Cluster;

/// A database of its own on the shared server.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) cluster: &'static Cluster,
    pub(crate) name: String,
}

impl Database {
    /// Returns `None` if PostgreSQL is not installed.
    pub(crate) fn new() -> Option<Self> {
        let cluster = Cluster::shared()?;
        let name = cluster.create_database();
        Some(Self { cluster, name })
    }

    /// Copies the database. Nobody may use it meanwhile, so its sessions are ended.
    pub(crate) fn copy(&self) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let original = &self.name;
        let name = format!("{original}_{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let server = |sql: &str| self.cluster.sql("postgres", sql);
        server(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{original}'"
        ));
        server(&format!("CREATE DATABASE {name} TEMPLATE {original}"));
        Self {
            cluster: self.cluster,
            name,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.cluster.url(&self.name)
    }

    pub(crate) async fn open(&self) -> PostgresDatabase {
        let mut options = PostgresOptions::default();
        options.connections = 2;
        options.open(&self.url()).await.unwrap()
    }

    /// Executes SQL and returns the rows as text.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.cluster.sql(&self.name, sql)
    }
}

/// Returns a name that no other test uses.
pub(crate) fn registration() -> Registration {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    Registration::new("api.example", &format!("shop {number}")).unwrap()
}

pub(crate) async fn store(database: &PostgresDatabase) -> PostgresStore {
    database.store(&registration()).await.unwrap()
}
