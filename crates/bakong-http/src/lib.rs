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
//! What it promises: a request is sent once; an answer comes within [`request_timeout`] or there is an
//! error; an answer's body is never larger than [`body_limit`], nor its head than 64 KiB; the payment's
//! secrets go out encrypted, or not past this machine unless [`allow_plain_http`] says so; redirects are
//! not followed, since the token would go along. A caller who stops waiting leaves nothing behind: the
//! connection is closed, and the next request takes another.
//!
//! Each exchange is a `tracing` event at level `DEBUG`, target `bakong_http`, with the endpoint, the
//! status and the duration; never a token, never a body.
//!
//! [`request_timeout`]: HyperTransportBuilder::request_timeout
//! [`body_limit`]: HyperTransportBuilder::body_limit
//! [`allow_plain_http`]: HyperTransportBuilder::allow_plain_http

mod builder;
mod destination;
mod failure;
mod resolver;
mod transport;

pub use builder::{HyperTransportBuilder, SetupError};
pub use transport::HyperTransport;
