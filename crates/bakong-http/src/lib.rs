#![doc = include_str!("../README.md")]
//!
//! # I want to …
//! | I want to | item |
//! | --- | --- |
//! | send single requests | [`HyperTransport::new`] |
//! | send the requests of a `Watcher` of bakong-flow | [`HyperTransport::for_watcher`] |
//! | change the deadlines | [`request_timeout`], [`attempt_timeout`], [`connect_timeout`] |
//! | change what is repeated | [`RetryPolicy`], [`HyperTransportBuilder::retry`] |
//! | use an HTTP proxy in Cambodia | [`HyperTransportBuilder::proxy`], or the variable `HTTPS_PROXY` |
//! | know which proxy the variables select | `EnvironmentRoute` (feature `proxy`) |
//! | trust a private certificate authority | [`HyperTransportBuilder::trust_pem_file`] |
//! | save handshakes in a program that asks often | [`reuse_http1_connections`] |
//! | use `http://` for another machine | [`allow_plain_http`] |
//! | see each attempt | the log: see [Logging](#logging) |
//! | know which step failed | [`TransportError::kind`](bakong_api::transport::TransportError::kind) |
//!
//! # Guarantees
//! - **Deadlines.** A request ends within [`request_timeout`] (30 s). This includes the time in the queue, each
//!   attempt (at most [`attempt_timeout`], 10 s), and the waits between attempts. An attempt whose connection is
//!   not open within [`connect_timeout`] (5 s) fails, and its error says that the request was not sent.
//! - **Retries only where they are safe.** A request is repeated only if that is harmless and may help: see
//!   [`RetryPolicy`]. A request that must run once, such as a token renewal, is repeated only if it cannot have
//!   been sent.
//! - **Limits.** At most [`max_in_flight`] requests (64) are in flight, and the others wait in order. The body of
//!   a response has at most [`body_limit`] bytes (1 MiB), its head at most 64 KiB. Idle connections are closed
//!   after [`idle_timeout`] (30 s). Requests to a host that does not respond fail at once for a while: see
//!   [`CircuitBreaker`].
//! - **No mixed-up responses.** An HTTP/1.1 connection carries one request, so that a surplus response of a
//!   faulty server or proxy is not read as the answer to the next check. [`reuse_http1_connections`] changes
//!   that. HTTP/2 connections are shared.
//! - **Confidentiality.** Requests are encrypted unless they stay on this machine or [`allow_plain_http`] is set.
//!   For `http://localhost`, the address decides and not the name: only loopback addresses are used.
//!   Redirects are not followed, since the token would be sent to the new address.
//! - **Cancel safety.** Dropping a future at any point frees its place in the queue and closes its connection, or
//!   its stream in HTTP/2. Other requests are not affected.
//!
//! # Proxies
//! Bakong answers clients outside Cambodia with HTTP 403, so many programs use a proxy there. The environment
//! variables `HTTPS_PROXY` and `ALL_PROXY` set the proxy, and `NO_PROXY` lists exceptions. A program overrides
//! them with [`proxy`](HyperTransportBuilder::proxy) and [`no_proxy`](HyperTransportBuilder::no_proxy).
//!
//! # Certificate authorities
//! [`trust_pem_file`](HyperTransportBuilder::trust_pem_file) adds a private authority.
//! [`trust_environment`](HyperTransportBuilder::trust_environment) replaces the default authorities with those of
//! `SSL_CERT_FILE` and `SSL_CERT_DIR`, as OpenSSL does.
//!
//! # Logging
//! Each attempt emits a `tracing` event at level `DEBUG` with the target `bakong_http` and the message `answer` or
//! `no answer`. Its fields are `request_id` (a number that is unique in the process and the same for all attempts
//! of a request), `endpoint`, `attempt`, `elapsed_ms`, and `retry_in_ms` if another attempt follows. An answer
//! adds `status`, `response_code` and `error_code`. A failure adds `kind` and `error`. Tokens, e-mailed codes,
//! payment codes, bodies and proxy credentials are never logged.
//!
//! # Re-exported crates
//! [`bakong_api`], [`bytes`] and [`http`] are part of the interface, so they are re-exported.
//!
//! [`request_timeout`]: HyperTransportBuilder::request_timeout
//! [`attempt_timeout`]: HyperTransportBuilder::attempt_timeout
//! [`connect_timeout`]: HyperTransportBuilder::connect_timeout
//! [`max_in_flight`]: HyperTransportBuilder::max_in_flight
//! [`idle_timeout`]: HyperTransportBuilder::idle_timeout
//! [`body_limit`]: HyperTransportBuilder::body_limit
//! [`reuse_http1_connections`]: HyperTransportBuilder::reuse_http1_connections
//! [`allow_plain_http`]: HyperTransportBuilder::allow_plain_http

#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod ca_files;
mod circuit;
mod client;
mod connector;
mod deadline;
mod destination;
mod error;
mod failure;
mod history;
mod limiter;
mod log;
#[cfg(feature = "proxy")]
mod proxy;
mod resolver;
mod retry;
mod stream;
mod tls;
mod tracked_body;
mod transport;
#[cfg(feature = "proxy")]
mod tunnel;

pub use builder::HyperTransportBuilder;
pub use circuit::CircuitBreaker;
pub use error::{SetupError, UnusableFile};
#[cfg(feature = "proxy")]
pub use proxy::EnvironmentRoute;
pub use retry::RetryPolicy;
pub use tls::Roots;
pub use transport::HyperTransport;

/// The crates whose types this crate's interface uses.
pub use {bakong_api, bytes, http};
