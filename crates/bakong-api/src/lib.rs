#![doc = include_str!("../README.md")]
//!
//! # I want to …
//! | I want to | item |
//! | --- | --- |
//! | check whether a code was paid | [`CheckTransactionByMd5`](endpoint::CheckTransactionByMd5), [`CheckAnswer`] |
//! | check up to 50 codes at once | [`CheckTransactionByMd5List`](endpoint::CheckTransactionByMd5List) |
//! | find a payment by what the customer's receipt shows | [`Lookup`] |
//! | use my own HTTP client | [`Endpoint::to_request`], [`Endpoint::read`] |
//! | use my own HTTP client with a session | [`Transport`], [`transport_fn`](transport::transport_fn) |
//! | register, and get a token | [`RequestToken`](endpoint::RequestToken), [`Verify`](endpoint::Verify) |
//! | renew the token automatically | [`Session::with_renewal`] |
//! | keep the token over restarts | [`TokenStore`](token::TokenStore); `FileTokenStore` with the feature `file-store` |
//! | know what to do after an error | [`ApiError::class`], [`ErrorClass::remedy`] |
//! | read the amount of a payment exactly | [`Transaction`], [`Reading`] |
//! | count requests against the daily quota | [`SessionObserver`](observe::SessionObserver) |
//! | use NBC's hosts, a proxy's address or the sandbox | [`Environment`], [`BaseUrl`] |
//! | open a bank's app with a link | [`GenerateDeeplinkByQr`](endpoint::GenerateDeeplinkByQr) |
//! | follow Bakong's clock | [`server_time`] |
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
//! # Re-exported crates
//! [`async_trait`], [`bytes`], [`http`] and [`khqr_core`] are part of the interface, so they are re-exported.
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
