//! Tests of the stores with real files and a real server.

#[cfg(all(unix, feature = "postgres"))]
mod postgres;
mod random;
mod sqlite;
