// The code of the page needs these features.
#![cfg_attr(
    any(not(doctest), all(feature = "http", feature = "sqlite", feature = "watch")),
    doc = include_str!("../README.md")
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
