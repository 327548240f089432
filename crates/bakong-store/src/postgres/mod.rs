//! A store in a PostgreSQL database.
//!
//! ```no_run
//! use bakong_flow::PaymentStore;
//! use bakong_store::{PostgresDatabase, Registration};
//!
//! # async fn example(url: &str, registration: &Registration) -> Result<(), Box<dyn std::error::Error>> {
//! // postgres://shop:password@db.example/payments?sslmode=verify-full
//! let database = PostgresDatabase::open(url).await?;
//! let store = database.store(registration).await?;
//! let events = store.events_after(store.acknowledged("receipts").await?, 100).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The tables are in the schema `bakong`. The user must own the schema, or must be allowed to create it. PostgreSQL 13 or
//! newer.
//!
//! # Connection string
//! `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, as for `psql`. Several hosts are separated by commas; add
//! `target_session_attrs=read-write` to use the primary among them.
//!
//! | `sslmode` | meaning |
//! | --- | --- |
//! | `disable` | no encryption |
//! | `prefer` (default) | encryption if the server offers it, without verifying the server |
//! | `require` | encryption; verifies the chain if `sslrootcert` is set |
//! | `verify-ca` | encryption, verifies the chain |
//! | `verify-full` | encryption, verifies the chain and the host. Use this over a network |
//!
//! `sslrootcert` names a PEM file with the trusted certificates. Without it, Mozilla's are trusted. No error, log or
//! `Debug` output has the password. To keep the password out of the connection string, set [`PostgresOptions::password`]. The
//! variables and files of libpq, such as `PGPASSWORD` and `PGPASSFILE`, are not read.
//!
//! # Connections
//! A process uses up to [`PostgresOptions::connections`] connections, one more for leases, and one for notifications. So a
//! leader keeps its lease, and a dead leader is replaced, even if all other connections are in use.
//!
//! A transaction-pooling proxy such as `PgBouncer` works: no statement is prepared, each transaction sets what it needs, and
//! no lock outlives a transaction. Such a proxy delivers no notifications. The store finds that out, logs a warning, and
//! the workers poll.
//!
//! # Durability
//! A commit returns after the server has written it to its disk, also if `synchronous_commit` is off for the user.
//!
//! # Leases
//! Leases expire by the clock of the server, so the clocks of the workers do not matter.

mod address;
mod books;
mod commit;
mod connection;
mod failure;
#[cfg(test)]
mod fake_server;
mod head;
mod inspect;
mod lease;
mod listener;
mod password;
mod payments;
mod plan;
mod queue;
mod rows;
mod schema;
mod statement;
mod store;
mod tables;
mod tls;
mod write;

use std::sync::Arc;
use std::time::Duration;

use bakong_flow::store::StoreError;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres_rustls::MakeRustlsConnect;

pub use self::address::{SCHEMES, without_password};
pub use self::password::Password;
pub use self::store::PostgresStore;

use self::address::Address;
use self::connection::{Connections, Limits, Mode};
use self::failure::{Failure, Place};
use self::listener::{Listener, Notifications};
use self::rows::{Columns, first};
use self::statement::Statement;
use crate::migrations;
use crate::registration::Registration;
use crate::report::{CheckReport, Migrated};

/// How to open a store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PostgresOptions {
    /// How many connections this process may use, not counting one for leases and one for notifications. Defaults
    /// to 8; 0 counts as 1.
    pub connections: usize,
    /// How long to wait for a new connection. Defaults to 5 seconds. `connect_timeout` in the connection string overrides
    /// this.
    pub connect_timeout: Duration,
    /// How long a statement may wait for a lock. Defaults to 2 seconds.
    pub lock_timeout: Duration,
    /// How long a statement may take, and how long a transaction may wait for this process. Defaults to 5 seconds. Lists and
    /// statements of account have no limit.
    pub statement_timeout: Duration,
    /// How long an operation may take in all, with the wait for a connection. Defaults to 10 seconds.
    pub operation_timeout: Duration,
    /// The password, if the connection string has none. Defaults to `None`.
    pub password: Option<Password>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections: 8,
            connect_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
            operation_timeout: Duration::from_secs(10),
            password: None,
        }
    }
}

impl PostgresOptions {
    /// Connects to the database of a connection string. Creates the tables if there are none, and migrates an older
    /// schema.
    ///
    /// # Errors
    /// - [`Fatal`](bakong_flow::store::StoreErrorKind::Fatal) if the connection string is invalid, if the server rejects the
    ///   user or the password, if the database does not exist, if the user lacks a permission, or if the schema is
    ///   newer than this program. The database is then as it was.
    /// - [`Transient`](bakong_flow::store::StoreErrorKind::Transient) if the server cannot be reached, or has too many
    ///   connections.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn open(&self, url: &str) -> Result<PostgresDatabase, StoreError> {
        let (address, tls) = self.address(url)?;
        let connections = self.pool(&address, &tls, self.connections.max(1))?;
        self.prepare(address, tls, connections).await
    }

    /// Like [`open`](Self::open), but creates no tables. Returns `None` if the database has no store.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn find(&self, url: &str) -> Result<Option<PostgresDatabase>, StoreError> {
        let (address, tls) = self.address(url)?;
        let connections = self.pool(&address, &tls, self.connections.max(1))?;
        let state = schema::state(&connections).await;
        let state = state.map_err(|failure| failure.store_error(&address.place))?;
        if state.version == 0 {
            return Ok(None);
        }
        self.prepare(address, tls, connections).await.map(Some)
    }

    /// Creates or migrates the tables if needed.
    async fn prepare(
        &self,
        address: Address,
        tls: MakeRustlsConnect,
        connections: Connections,
    ) -> Result<PostgresDatabase, StoreError> {
        let prepared = schema::prepare(&connections, migrations::POSTGRES).await;
        prepared.map_err(|failure| failure.store_error(&address.place))?;
        let leases = self.pool(&address, &tls, 1)?;
        let notifications = Arc::new(Notifications::default());
        Ok(PostgresDatabase(Arc::new(Shared {
            place: address.place.clone(),
            connections,
            leases,
            listener: Listener::start(address, tls, Arc::clone(&notifications)),
            notifications,
        })))
    }

    /// Checks the server, the schema, and all rows. Workers can use the store meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read, has no store, or has a newer schema.
    pub async fn check(&self, url: &str) -> Result<CheckReport, StoreError> {
        let (address, tls) = self.address(url)?;
        let connections = self.pool(&address, &tls, 1)?;
        let report = inspect::report(&connections).await;
        report.map_err(|failure| failure.store_error(&address.place))
    }

    /// Creates the tables, or migrates the schema to the newest version.
    ///
    /// # Errors
    /// [`StoreError`] if the schema is newer, or if the database cannot be written. The store then is as it was.
    pub async fn migrate(&self, url: &str) -> Result<Migrated, StoreError> {
        let (address, tls) = self.address(url)?;
        let connections = self.pool(&address, &tls, 1)?;
        let migrated = schema::prepare(&connections, migrations::POSTGRES).await;
        migrated.map_err(|failure| failure.store_error(&address.place))
    }

    /// Copies nothing: returns an error that names PostgreSQL's own tools.
    ///
    /// # Errors
    /// Always.
    pub fn backup(&self, url: &str) -> Result<(), StoreError> {
        let (address, _) = self.address(url)?;
        let advice = "copy it with `pg_dump --format=custom --schema=bakong`, and restore it with `pg_restore`; for each commit, set up continuous archiving";
        Err(Failure::fatal(advice).store_error(&address.place))
    }

    fn address(&self, url: &str) -> Result<(Address, MakeRustlsConnect), StoreError> {
        let mut address = Address::parse(url, self.connect_timeout)?;
        if let (None, Some(password)) = (address.config.get_password(), &self.password) {
            address.config.password(password.expose());
        }
        let tls = address.tls.connector();
        let tls = tls.map_err(|failure| failure.store_error(&address.place))?;
        Ok((address, tls))
    }

    fn pool(
        &self,
        address: &Address,
        tls: &MakeRustlsConnect,
        size: usize,
    ) -> Result<Connections, StoreError> {
        let config = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_config(address.config.clone(), tls.clone(), config);
        let pool = Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            // Shorter than an operation, so that a wait for the pool is not mistaken for a server that does not answer.
            .wait_timeout(Some(self.operation_timeout / 2))
            .create_timeout(Some(self.operation_timeout))
            .build();
        let pool = pool.map_err(StoreError::fatal)?;
        let limits = Limits {
            lock: self.lock_timeout,
            statement: self.statement_timeout,
            operation: self.operation_timeout,
        };
        Ok(Connections::new(pool, limits))
    }
}

/// A connection pool. Cheap to clone. The connections are closed when the last clone and the last store are dropped.
#[derive(Clone, Debug)]
pub struct PostgresDatabase(Arc<Shared>);

/// What the stores of a database share.
#[derive(Debug)]
struct Shared {
    place: Place,
    connections: Connections,
    /// One connection, so that leases are acquired and extended even if all others are in use. If this one is in use, one
    /// of the others does that.
    leases: Connections,
    listener: Listener,
    notifications: Arc<Notifications>,
}

impl PostgresDatabase {
    /// Connects to the database of a connection string with the default [`PostgresOptions`].
    ///
    /// # Errors
    /// As [`PostgresOptions::open`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        PostgresOptions::default().open(url).await
    }

    /// Returns the store of a registration. Adds the registration if it is new.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read or written.
    pub async fn store(&self, registration: &Registration) -> Result<PostgresStore, StoreError> {
        let id = self.registration_id(registration.as_str()).await;
        let id = id.map_err(|failure| failure.store_error(&self.0.place))?;
        Ok(PostgresStore::new(self.clone(), id))
    }

    async fn registration_id(&self, name: &str) -> Result<i64, Failure> {
        let connections = &self.0.connections;
        let select = || Statement::new("SELECT id FROM registrations WHERE name = $1").with(name);
        let rows = connections.run(Mode::Read, &[select()]).await?;
        if let Some(id) = first(rows.first().map_or(&[][..], Vec::as_slice))? {
            return Ok(id);
        }
        let insert = Statement::new(
            "INSERT INTO registrations (name) VALUES ($1) ON CONFLICT (name) DO NOTHING",
        );
        let statements = [insert.with(name), select()];
        let rows = connections.run(Mode::Write, &statements).await?;
        let id = first(rows.last().map_or(&[][..], Vec::as_slice))?;
        id.ok_or_else(head::missing_registration)
    }

    /// Returns the names of all registrations, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub async fn registrations(&self) -> Result<Vec<String>, StoreError> {
        let select = Statement::new("SELECT name FROM registrations ORDER BY id");
        let names = async {
            let rows = self.0.connections.run(Mode::Read, &[select]).await?;
            let names = rows.iter().flatten().map(|row| Columns::new(row).read());
            names.collect()
        };
        let names: Result<_, Failure> = names.await;
        names.map_err(|failure| failure.store_error(&self.0.place))
    }

    /// Returns what the sessions of the server keep between transactions, for tests.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    #[cfg(feature = "testing")]
    pub async fn session_state(&self) -> Result<Vec<String>, StoreError> {
        let state = self.0.connections.session_state().await;
        state.map_err(|failure| failure.store_error(&self.0.place))
    }

    /// Returns the name of the database and its server, for messages. It has no password.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.place.name()
    }

    /// Closes the connections. Later calls fail.
    pub fn close(&self) {
        self.0.connections.close();
        self.0.leases.close();
        self.0.listener.stop();
    }
}
