//! NBC's Bakong Open API as types, independent of any transport.
//!
//! Each endpoint is a struct that is valid by construction. It builds an [`http::Request`], and reads an
//! [`http::Response`] into its answer or an [`ApiError`], so any HTTP client works. With a [`Transport`], a
//! [`Session`] sends requests, reads answers and manages the token.
//!
//! # What an answer means
//! A shop hands over goods on the strength of an answer, so this crate never guesses:
//!
//! - Only an explicit "not found" is [`CheckAnswer::NotFound`]. An outage, a web page, a contradiction or a
//!   truncated answer is an [`ApiError`] and says nothing about the payment.
//! - The HTTP status is checked before the body.
//! - A paid answer is never lost because of a field that cannot be interpreted: see [`Reading`].
//! - Amounts are read exactly from the JSON text, never through a floating-point number.
//!
//! The [class](ErrorClass) of an error determines what can be done about it: [`ErrorClass::remedy`].
//!
//! # The endpoints
//! | path | type | answer |
//! | --- | --- | --- |
//! | `request_token` | [`RequestToken`](endpoint::RequestToken) | none: Bakong sends a code by e-mail |
//! | `verify` | [`Verify`](endpoint::Verify) | [`AccessToken`] |
//! | `renew_token` | [`RenewToken`](endpoint::RenewToken) | [`AccessToken`] |
//! | `check_transaction_by_md5` | [`CheckTransactionByMd5`](endpoint::CheckTransactionByMd5) | [`CheckAnswer`] |
//! | `check_transaction_by_hash` | [`CheckTransactionByHash`](endpoint::CheckTransactionByHash) | [`CheckAnswer`] |
//! | `check_transaction_by_short_hash` | [`CheckTransactionByShortHash`](endpoint::CheckTransactionByShortHash) | [`CheckAnswer`] |
//! | `check_transaction_by_instruction_ref` | [`CheckTransactionByInstructionRef`](endpoint::CheckTransactionByInstructionRef) | [`CheckAnswer`] |
//! | `check_transaction_by_external_ref` | [`CheckTransactionByExternalRef`](endpoint::CheckTransactionByExternalRef) | [`CheckAnswer`] |
//! | `check_transaction_by_md5_list` | [`CheckTransactionByMd5List`](endpoint::CheckTransactionByMd5List) | [`ListAnswer`](endpoint::ListAnswer), a result for each item |
//! | `check_transaction_by_hash_list` | [`CheckTransactionByHashList`](endpoint::CheckTransactionByHashList) | [`ListAnswer`](endpoint::ListAnswer), a result for each item |
//! | `check_bakong_account` | [`CheckBakongAccount`](endpoint::CheckBakongAccount) | [`AccountAnswer`](endpoint::AccountAnswer) |
//! | `generate_deeplink_by_qr` | [`GenerateDeeplinkByQr`](endpoint::GenerateDeeplinkByQr) | [`Deeplink`](endpoint::Deeplink) |
//!
//! # With a session
//! A [`Session`] adds the token to requests. It renews the token before it expires and when Bakong rejects it,
//! and saves it in a [`TokenStore`](token::TokenStore). A [`SessionObserver`](observe::SessionObserver) can count
//! every request, because a token is limited to about a hundred requests a day. A separate state machine,
//! [`TokenLife`](token::TokenLife), tracks the states of a token and also works without a session.
//!
//! # Without a session
//! ```
//! use bakong_api::{BaseUrl, AccessToken, CheckAnswer, Endpoint};
//! use bakong_api::endpoint::CheckTransactionByMd5;
//!
//! # let jwt = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln";
//! let base = BaseUrl::new("https://sit-api-bakong.nbc.org.kh")?;
//! let token = AccessToken::new(jwt)?;
//! let check = CheckTransactionByMd5::new("d60f3db96913029a2af979a1662c1e72".parse()?);
//!
//! let request = check.to_request(&base, Some(&token))?;
//! assert_eq!(request.uri().path(), "/v1/check_transaction_by_md5");
//! // Send the request with any HTTP client, and read the response:
//! let response = http::Response::new(
//!     r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction could not be found."}"#.into(),
//! );
//! assert_eq!(check.read(&response)?, CheckAnswer::NotFound);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Re-exported crates
//! [`async_trait`], [`bytes`], [`http`] and [`khqr_core`] are part of the interface, so they are re-exported.
//!
//! # Features
//! - `file-store`: [`FileTokenStore`](token::TokenStore), a token in a file that several processes may share.
//! - `diagnose`: a module that looks a payment up by every known identifier and compares the answers to find out
//!   why the payment is missing.
//!
//! # Secrets
//! An [`AccessToken`] prints as `[redacted]` and is wiped from memory when dropped. Errors contain no token, no
//! code and no request body, even if a server repeats them in its message.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod base_url;
mod clock;
#[cfg(feature = "diagnose")]
pub mod diagnose;
pub mod endpoint;
mod envelope;
mod error;
mod hash;
mod json;
mod jwt;
mod lookup;
pub mod observe;
mod places;
mod redact;
pub mod server_time;
mod session;
pub mod token;
mod transaction;
pub mod transport;
mod unreadable;

pub use base_url::{BaseUrl, Environment};
pub use endpoint::{CheckAnswer, Endpoint, ShortHash, TransactionHash};
pub use error::{ApiError, ErrorClass, ErrorCode, Remedy, RetryAfter};
pub use lookup::Lookup;
pub use session::{Renewed, Session};
pub use token::AccessToken;
pub use transaction::{Reading, Transaction};
pub use transport::Transport;

/// The crates whose types and macros this crate's interface uses.
pub use {async_trait, bytes, http, khqr_core};
