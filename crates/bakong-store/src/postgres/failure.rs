//! What went wrong, where, and what to do about it.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use bakong_flow::store::StoreError;
use bakong_flow::store::StoreErrorKind::{self, Fatal, Transient};
use deadpool_postgres::PoolError;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::types::WrongType;

use crate::migrations::NewerSchema;
use crate::record::Corrupt;

/// Why a unit of work failed.
#[derive(Debug)]
pub(super) enum Failure {
    Postgres(tokio_postgres::Error),
    /// All connections of the pool are in use.
    PoolExhausted,
    /// The server did not answer in time. Whether it executed the statements is unknown.
    Timeout(Duration),
    Corrupt(Corrupt),
    NewerSchema(NewerSchema),
    /// The epoch of the batch is not current.
    Fenced,
    /// The caller made a mistake. The text tells which.
    Misuse(String),
    /// The database cannot be used. The text has the reason and the advice.
    Unusable(StoreErrorKind, String),
}

impl Failure {
    /// Returns an error that will occur again. The text has the reason and the advice.
    pub(super) fn fatal(advice: impl Into<String>) -> Self {
        Self::Unusable(Fatal, advice.into())
    }

    /// Whether a unique index rejected the statement.
    pub(super) fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Postgres(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION))
    }

    /// Whether the connection, and probably each other one, is broken.
    pub(super) fn is_disconnect(&self) -> bool {
        match self {
            Self::Timeout(_) => true,
            // An error of the driver, or the server shuts down.
            Self::Postgres(error) => error
                .as_db_error()
                .is_none_or(|error| is_shutdown(error.code())),
            _ => false,
        }
    }

    /// Returns the error for the caller of the store.
    pub(super) fn store_error(&self, place: &Place) -> StoreError {
        let (kind, advice) = match self {
            Self::Fenced => return StoreError::fenced(),
            Self::Misuse(message) => return StoreError::fatal(message.clone()),
            Self::Postgres(error) => place.explain(error),
            Self::PoolExhausted => (
                Transient,
                "all connections of this process are in use. The program tries again; allow more connections in the options of the store".into(),
            ),
            Self::Timeout(limit) => (
                Transient,
                format!("it did not answer within {} ms. The program tries again", limit.as_millis()),
            ),
            Self::Corrupt(corrupt) => (Fatal, corrupt.to_string()),
            Self::NewerSchema(newer) => (Fatal, newer.to_string()),
            Self::Unusable(kind, advice) => (*kind, advice.clone()),
        };
        let error = PostgresError {
            place: place.name.clone(),
            advice: advice.into(),
        };
        if kind == Transient {
            StoreError::transient(error)
        } else {
            StoreError::fatal(error)
        }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Postgres(error),
            PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => Self::PoolExhausted,
            PoolError::Timeout(_) => Self::Unusable(
                Transient,
                "it does not accept the connection in time. Check the address and the network; the program tries again".into(),
            ),
            PoolError::Closed => Self::fatal("it was closed. Open it again"),
            // The configuration of the pool is a constant.
            other => Self::fatal(other.to_string()),
        }
    }
}

impl From<Corrupt> for Failure {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

impl From<NewerSchema> for Failure {
    fn from(newer: NewerSchema) -> Self {
        Self::NewerSchema(newer)
    }
}

fn is_shutdown(code: &SqlState) -> bool {
    [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
    ]
    .contains(code)
}

/// The database, its server and its user: what an error message has to name. Without the password.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// With escaped control characters.
    name: Box<str>,
    user: Box<str>,
    database: Box<str>,
}

impl Place {
    pub(super) fn new(config: &tokio_postgres::Config) -> Self {
        use tokio_postgres::config::Host;
        let ports = config.get_ports();
        let hosts = config.get_hosts().iter().enumerate().map(|(index, host)| {
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(host) => format!("{}:{port}", escaped(host)),
                #[cfg(unix)]
                Host::Unix(path) => format!("{}:{port}", escaped(&path.to_string_lossy())),
            }
        });
        let hosts: Vec<_> = hosts.collect();
        let user = config.get_user().unwrap_or_default();
        let database = config.get_dbname().unwrap_or(user);
        Self {
            name: format!("{database:?} at {}", hosts.join(", ")).into(),
            user: format!("{user:?}").into(),
            database: format!("{database:?}").into(),
        }
    }

    /// Returns the database and its server.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns what the caller can do about an error of the driver, and the reason with an advice.
    fn explain(&self, error: &tokio_postgres::Error) -> (StoreErrorKind, String) {
        if let Some(error) = error.as_db_error() {
            return self.explain_server(error);
        }
        let cause = cause(error);
        let source = error.source();
        if source.is_some_and(<dyn Error + 'static>::is::<WrongType>) {
            return (
                Fatal,
                format!(
                    "its tables are not those of this program ({cause}). Run `bakong store check`"
                ),
            );
        }
        // The driver tells kinds of errors apart only by their texts.
        match error.to_string().as_str() {
            "invalid configuration" if cause.contains("password") => (
                Fatal,
                format!(
                    "the server asks for the password of the user {}. Add it to the connection string, postgres://USER:PASSWORD@HOST/DATABASE, or set PGPASSWORD for the `bakong` command",
                    self.user
                ),
            ),
            "invalid configuration" => (
                Fatal,
                format!("the connection string is incomplete: {cause}"),
            ),
            "authentication error" => (
                Fatal,
                format!(
                    "the user {} cannot log in: {cause}. Check the password and the server's pg_hba.conf",
                    self.user
                ),
            ),
            "error performing TLS handshake" => (
                Fatal,
                explain_certificate(error).map_or_else(
                    || {
                        format!(
                            "TLS failed: {cause}. Check sslmode and sslrootcert in the connection string, and the server's certificate"
                        )
                    },
                    str::to_owned,
                ),
            ),
            "error connecting to server" => (
                Transient,
                format!(
                    "the server cannot be reached: {cause}. Check that it runs, and its address and port"
                ),
            ),
            "timeout waiting for server" => (
                Transient,
                "the server cannot be reached in time. Check its address and port, and the network"
                    .into(),
            ),
            _ => (
                Transient,
                format!("the connection was lost ({cause}). The program connects again"),
            ),
        }
    }

    fn explain_server(&self, error: &DbError) -> (StoreErrorKind, String) {
        let Self { user, database, .. } = self;
        let code = error.code();
        // The message of the server can quote names, but no values of this store.
        let message = format!("{:?}", error.message());
        if *code == SqlState::INVALID_PASSWORD {
            return (
                Fatal,
                format!(
                    "the server rejects the password of the user {user}. Check it, and the user, in the connection string"
                ),
            );
        }
        if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
            return (
                Fatal,
                format!(
                    "the user {user} may not connect: {message}. Check the user, sslmode and the server's pg_hba.conf"
                ),
            );
        }
        if *code == SqlState::INVALID_CATALOG_NAME {
            return (
                Fatal,
                format!(
                    "the database {database} does not exist. Create it with `createdb`, or check the connection string"
                ),
            );
        }
        if *code == SqlState::INSUFFICIENT_PRIVILEGE {
            return (
                Fatal,
                format!(
                    "the user {user} lacks a permission: {message}. Let the owner of the database run: CREATE SCHEMA IF NOT EXISTS bakong AUTHORIZATION the user; or use the user that created the schema"
                ),
            );
        }
        if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
            return (
                Transient,
                "the server or the user is read-only. Connect to the primary; with several hosts, add target_session_attrs=read-write".into(),
            );
        }
        if *code == SqlState::TOO_MANY_CONNECTIONS {
            return (
                Transient,
                "the server has too many connections. The program tries again; use fewer connections, or raise max_connections".into(),
            );
        }
        if *code == SqlState::DISK_FULL {
            return (
                Transient,
                "the disk of the server is full. Free some space; nothing is lost, and the program tries again".into(),
            );
        }
        if *code == SqlState::LOCK_NOT_AVAILABLE {
            return (
                Transient,
                "another session has locked the registration for too long. The program tries again"
                    .into(),
            );
        }
        if *code == SqlState::QUERY_CANCELED {
            return (
                Transient,
                "a statement took too long and was cancelled. The program tries again".into(),
            );
        }
        if [
            SqlState::UNDEFINED_TABLE,
            SqlState::UNDEFINED_COLUMN,
            SqlState::UNDEFINED_FUNCTION,
            SqlState::INVALID_SCHEMA_NAME,
        ]
        .contains(code)
        {
            return (
                Fatal,
                format!(
                    "its tables are not those of this program: {message}. Run `bakong store check`, or restore a backup"
                ),
            );
        }
        if is_shutdown(code) {
            return (
                Transient,
                "the server shuts down or starts. The program connects again".into(),
            );
        }
        let code = code.code();
        // Classes of SQLSTATE, from the table of error codes in the manual of PostgreSQL.
        match code.get(..2) {
            // Connection, transaction rollback (serialization, deadlock), resources, intervention, system errors.
            Some("08" | "40" | "53" | "57" | "58") => (
                Transient,
                format!("the server reports {message} (SQLSTATE {code}). The program tries again"),
            ),
            // For example a session that was idle in a transaction for too long.
            Some("25") => (
                Transient,
                format!(
                    "the transaction ended early: {message} (SQLSTATE {code}). The program tries again"
                ),
            ),
            Some("XX") if code != "XX000" => (
                Fatal,
                format!(
                    "the database is corrupt: {message} (SQLSTATE {code}). Keep a copy of it and restore a backup"
                ),
            ),
            _ => (
                Fatal,
                format!("the server reports {message} (SQLSTATE {code}). Report this error"),
            ),
        }
    }
}

/// Returns what is wrong with the server's certificate, and what to do, for the usual mistakes.
fn explain_certificate(error: &tokio_postgres::Error) -> Option<&'static str> {
    use rustls::CertificateError as Certificate;
    // The driver of TLS wraps its error in one of `std::io`, whose `source` is not that error but the next one.
    let wrapped = error
        .source()?
        .downcast_ref::<std::io::Error>()?
        .get_ref()?;
    let rustls::Error::InvalidCertificate(reason) = wrapped.downcast_ref()? else {
        return None;
    };
    Some(match reason {
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            "the server's certificate is not for the host of the connection string. Connect by a name that the certificate has, or set sslmode=verify-ca to accept any host"
        }
        Certificate::UnknownIssuer => {
            "the server's certificate is signed by an authority that is not trusted. Set sslrootcert to a PEM file with the certificate of that authority"
        }
        Certificate::Expired | Certificate::ExpiredContext { .. } => {
            "the server's certificate has expired. Renew it, and check the clock of this machine"
        }
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet. Check the clock of this machine"
        }
        _ => return None,
    })
}

/// Returns the innermost cause, which says the most.
fn cause(error: &tokio_postgres::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    escaped(&cause.to_string())
}

fn escaped(text: &str) -> String {
    text.escape_debug().to_string()
}

/// The error of a store in a PostgreSQL database.
#[derive(Debug)]
struct PostgresError {
    place: Box<str>,
    /// The reason, and what to do.
    advice: Box<str>,
}

impl fmt::Display for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, advice } = self;
        write!(f, "cannot use the database {place}: {advice}.")
    }
}

impl Error for PostgresError {}
