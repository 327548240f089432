// The code of the page needs these features.
#![cfg_attr(
    any(not(doctest), all(feature = "http", feature = "sqlite", feature = "watch")),
    doc = include_str!("../README.md")
)]
//!
//! # I want to …
//! Some rows need a feature. This page has the rows of the features with which it was built.
//!
//! | I want to | look at | feature |
//! | --- | --- | --- |
//! | read or verify a code | [`khqr::Khqr::parse`] | |
//! | make a code | [`khqr::KhqrBuilder`] | |
#![cfg_attr(
    feature = "card",
    doc = "| draw a code | [`card::Card`], [`card::BareCode`] | `card`, `png`, `pdf` |"
)]
//! | ask Bakong once about a payment | [`api::Session::send`] | `http` |
//! | use my own HTTP client | [`api::Transport`] | |
//! | get, keep and renew a token | [`api::Session`], [`api::token`] | `file-store` |
#![cfg_attr(
    feature = "watch",
    doc = "| know when payments are paid, under the daily quota | [`flow::Watcher`] | `watch` |
| know what a web handler answers | [`flow::WatchError`] | `watch` |
| know how fast a payment is found | [`flow::Policy::WEB_SHOP`] | `watch` |"
)]
#![cfg_attr(
    feature = "flow",
    doc = "| run the tracker without tokio | [`flow::Tracker`] | `flow` |"
)]
#![cfg_attr(
    feature = "sqlite",
    doc = "| keep payments in a file | [`store::SqliteDatabase`], [`store::Registration`] | `sqlite` |"
)]
#![cfg_attr(
    feature = "postgres",
    doc = "| keep payments in a database for many machines | [`store::PostgresDatabase`] | `postgres` |"
)]
#![cfg_attr(
    feature = "sandbox",
    doc = "| test without Bakong | [`sandbox::Sandbox`] | `sandbox` |"
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod prelude;

/// NBC's Open API as types, without a transport: the crate `bakong-api`.
pub use bakong_api as api;
/// The text of a code: the library `khqr_core` of the crate `bakong-khqr-core`.
pub use bakong_api::khqr_core as khqr;
/// Payments under the daily quota: the crate `bakong-flow`.
#[cfg(feature = "flow")]
pub use bakong_flow as flow;
/// The transport on hyper and rustls: the crate `bakong-http`.
#[cfg(feature = "http")]
pub use bakong_http as http;
/// A local Bakong: the crate `bakong-sandbox`.
#[cfg(feature = "sandbox")]
pub use bakong_sandbox as sandbox;
/// Durable payments: the crate `bakong-store`.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use bakong_store as store;
/// Pictures of codes: the crate `khqr-card`.
#[cfg(feature = "card")]
pub use khqr_card as card;
