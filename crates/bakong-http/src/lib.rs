//! A [`Transport`](bakong_api::Transport) for the Bakong Open API, on hyper and rustls.
//!
//! ```
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use bakong_api::{AccessToken, Environment, Session};
//! use bakong_http::HyperTransport;
//!
//! let token = AccessToken::new(&std::env::var("BAKONG_TOKEN")?)?;
//! let session = Session::new(HyperTransport::new()?, Environment::Sit).with_token(token);
//! # Ok(()) }
//! ```
//!
//! # What it promises
//! - **An end.** A request ends within [`request_timeout`] (30 s unless said), whatever happens: its wait for
//!   others, each attempt (at most [`attempt_timeout`], 10 s) and the waits between attempts all count. A
//!   connection comes about within [`connect_timeout`] (5 s) or the attempt fails, and is known not to have
//!   been sent.
//! - **Nothing twice that must be once.** A request is sent again only where that is harmless and may help:
//!   see [`RetryPolicy`]. What asks for a token, for one, is sent again only if it cannot have arrived.
//! - **Bounds.** At most [`max_in_flight`] requests (64) are under way, the rest wait in order; an answer's body
//!   is never larger than [`body_limit`] (1 MiB), nor its head than 64 KiB; connections that nobody uses are
//!   closed after [`idle_timeout`] (30 s). A host that does not answer is given up for a while, so that
//!   callers fail at once instead of piling up: see [`CircuitBreaker`].
//! - **Secrets stay in.** What is sent goes out encrypted, or not past this machine unless
//!   [`allow_plain_http`] says so. Redirects are not followed, since the token would go along.
//! - **Callers may leave.** Dropping the future at any moment leaves nothing behind: its place is the next
//!   one's, the connection is closed (over HTTP/2, the stream), and others are not disturbed.
//!
//! # The way to Bakong
//! Bakong answers 403 to clients outside Cambodia, so people send through a proxy there: `HTTPS_PROXY` or
//! `ALL_PROXY` in the environment names it, `NO_PROXY` the hosts that are asked without, or
//! [`proxy`](HyperTransportBuilder::proxy) and [`no_proxy`](HyperTransportBuilder::no_proxy) in the program.
//! Authorities are those of Mozilla, of the machine ([`Roots`]) or of
//! [your own](HyperTransportBuilder::trust_pem).
//!
//! # What it tells
//! Each attempt is a `tracing` event at level `DEBUG`, target `bakong_http`, named `answer` or `no answer`:
//! `request_id` (a number of the process's own, the same for all attempts of a request), `endpoint`, `attempt`,
//! `elapsed_ms`, `retry_in_ms` if it is sent again; `status`, `response_code` and `error_code`, or `kind` and
//! `error`. Never a token, a code, a body or a proxy's credentials.
//!
//! # Features
//! | feature | | what it brings |
//! | --- | --- | --- |
//! | `http2` | default | HTTP/2, where the server offers it in the TLS handshake |
//! | `proxy` | default | HTTP proxies, by `CONNECT` |
//! | `ring` | default | cryptography by ring |
//! | `webpki-roots` | default | Mozilla's authorities, compiled in: [`Roots::WebPki`] |
//! | `aws-lc-rs` | | cryptography by aws-lc-rs; preferred to ring where both are on |
//! | `native-roots` | | the authorities that the machine trusts: `Roots::Platform` |
//!
//! Without the default ones, `ring` and `webpki-roots` are enough for checking transactions, with 61 crates
//! in place of 71.
//!
//! [`request_timeout`]: HyperTransportBuilder::request_timeout
//! [`attempt_timeout`]: HyperTransportBuilder::attempt_timeout
//! [`connect_timeout`]: HyperTransportBuilder::connect_timeout
//! [`max_in_flight`]: HyperTransportBuilder::max_in_flight
//! [`idle_timeout`]: HyperTransportBuilder::idle_timeout
//! [`body_limit`]: HyperTransportBuilder::body_limit
//! [`allow_plain_http`]: HyperTransportBuilder::allow_plain_http

mod builder;
mod circuit;
mod connector;
mod deadline;
mod destination;
mod exchange;
mod failure;
mod gate;
mod log;
mod payload;
mod pool;
#[cfg(feature = "proxy")]
mod proxy;
mod resolver;
mod retry;
mod stream;
mod tls;
mod transport;
#[cfg(feature = "proxy")]
mod tunnel;

pub use builder::{HyperTransportBuilder, SetupError};
pub use circuit::CircuitBreaker;
pub use retry::RetryPolicy;
pub use tls::Roots;
pub use transport::HyperTransport;
