// Without SQLite, the example of the README does not compile.
#![cfg_attr(feature = "sqlite", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "sqlite"),
    doc = "Durable payments for `bakong-flow`: nothing is lost when a process ends, and several workers can share a store."
)]
//!
//! # I want to …
//! | I want to | item |
//! | --- | --- |
#![cfg_attr(
    feature = "sqlite",
    doc = "| keep payments in a file | [`SqliteDatabase::open`], [`SqliteDatabase::store`] |
| copy, check or migrate a file | [`SqliteOptions::backup`], [`SqliteOptions::check`], [`SqliteOptions::migrate`] |"
)]
#![cfg_attr(
    feature = "postgres",
    doc = "| keep payments in PostgreSQL | [`PostgresDatabase::open`], [`PostgresDatabase::store`] |
| set the pool and the time limits | [`PostgresOptions`] |"
)]
//! | name a token and its quota | [`Registration`] |
//! | list payments, newest first | [`Books::payments`] |
//! | make the statement of a day | [`Books::statement`] |
//! | see each request to Bakong | [`Books::exchanges`] |
//! | keep tables of my own in the same database | `tables` |
//! | test without a file | [`MemoryStore`](bakong_flow::MemoryStore) |
//!
//! All stores implement [`PaymentStore`](bakong_flow::PaymentStore) with its lease and its command queue, and [`Books`],
//! which lists payments and exchanges for tools and people.
//!
//! # What is stored
//! The same tables in both engines, in the files of `src/schema`. A store has any number of registrations: one token and
//! its quota each, named by a [`Registration`].
//! - A payment: the order, the merchant's ids, the MD5, the exact text of the code, the expected amount, currency and
//!   recipient, the times, the policy, the hashes, the outcome with the transaction as Bakong reported it, the decision
//!   of a person, and data of the caller.
//! - An exchange: each HTTP request, with its id, status, codes and duration, for reconciliation.
//! - Events, commands, the lease, the quota usage and the status of lists.
//!
//! No token and no password is stored. The data is personal data of customers: protect the file or the database.
//!
//! # Schema versions
//! The migrations are part of the program. Opening a store creates the newest schema, or migrates an older schema in one
//! transaction under a lock. A store with a newer schema is refused, and stays as it is.
//!
//! # Re-exported crates
//! [`async_trait`] and [`bakong_flow`] are part of the interface, so they are re-exported.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod books;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod migrations;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod record;
mod registration;
mod report;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod rules;
#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod tables;

pub use books::{
    Books, Cursor, ExchangeFilter, InvalidCursor, Page, PaymentFilter, StateFilter, Statement,
    Total, settled_amount, settled_at,
};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresDatabase, PostgresOptions, PostgresStore};
pub use registration::{InvalidRegistration, Registration};
pub use report::{CheckReport, Migrated};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteDatabase, SqliteOptions, SqliteStore};

/// The crates whose types and macros this crate's interface uses.
pub use {async_trait, bakong_flow};
