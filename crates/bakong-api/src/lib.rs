//! NBC's Bakong Open API as types, with no transport in sight.
//!
//! Each endpoint is a struct that is valid by construction. It turns itself into an [`http::Request`],
//! and an [`http::Response`] into its answer or an [`ApiError`], so that any HTTP client will do; with a
//! [`Transport`], a [`Session`] does both at once.
//!
//! # What an answer may be taken for
//! A shop hands over goods because of an answer, so nothing here is guessed:
//!
//! - Only an explicit "not found" is [`CheckAnswer::NotFound`]. An outage, a web page, a contradiction or
//!   an answer cut short is an [`ApiError`] and says nothing of the payment.
//! - The HTTP status is judged before the body.
//! - A paid answer is never lost to a field that cannot be understood: see [`Reading`].
//! - Amounts are read from the number's own text, exactly.
//!
//! An error's [`class`](ErrorClass) says what may be done about it: [`ErrorClass::remedy`].
//!
//! # The endpoints
//! | asked of Bakong | here | answer |
//! | --- | --- | --- |
//! | `request_token` | [`RequestToken`](endpoint::RequestToken) | nothing: a code comes by e-mail |
//! | `verify` | [`Verify`](endpoint::Verify) | [`AccessToken`] |
//! | `renew_token` | [`RenewToken`](endpoint::RenewToken) | [`AccessToken`] |
//! | `check_transaction_by_md5` | [`CheckTransactionByMd5`](endpoint::CheckTransactionByMd5) | [`CheckAnswer`] |
//! | `check_transaction_by_hash` | [`CheckTransactionByHash`](endpoint::CheckTransactionByHash) | [`CheckAnswer`] |
//! | `check_transaction_by_short_hash` | [`CheckTransactionByShortHash`](endpoint::CheckTransactionByShortHash) | [`CheckAnswer`] |
//! | `check_transaction_by_instruction_ref` | [`CheckTransactionByInstructionRef`](endpoint::CheckTransactionByInstructionRef) | [`CheckAnswer`] |
//! | `check_transaction_by_external_ref` | [`CheckTransactionByExternalRef`](endpoint::CheckTransactionByExternalRef) | [`CheckAnswer`] |
//! | `check_transaction_by_md5_list` | [`CheckTransactionByMd5List`](endpoint::CheckTransactionByMd5List) | [`ListAnswer`](endpoint::ListAnswer), a result for each |
//! | `check_transaction_by_hash_list` | [`CheckTransactionByHashList`](endpoint::CheckTransactionByHashList) | [`ListAnswer`](endpoint::ListAnswer), a result for each |
//! | `check_bakong_account` | [`CheckBakongAccount`](endpoint::CheckBakongAccount) | [`AccountAnswer`](endpoint::AccountAnswer) |
//! | `generate_deeplink_by_qr` | [`GenerateDeeplinkByQr`](endpoint::GenerateDeeplinkByQr) | [`Deeplink`](endpoint::Deeplink) |
//!
//! # With a session
//! A [`Session`] puts the token on, renews it before it ends and when it is refused, and keeps it in a
//! [`TokenStore`](token::TokenStore); a [`SessionObserver`](observe::SessionObserver) counts every request, since a token has about a hundred a day.
//! [`Session::diagnose`] asks about a payment in every way there is and says in words where the answers
//! disagree. The token's life is a machine of its own, [`TokenLife`](token::TokenLife), for whoever sends without a session.
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
//! // Send it with whatever you have, and hand in what comes back:
//! let response = http::Response::new(
//!     r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction could not be found."}"#.into(),
//! );
//! assert_eq!(check.read(&response)?, CheckAnswer::NotFound);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Secrets
//! An [`AccessToken`] prints as `[redacted]` and is wiped when dropped. No error text holds a token, a
//! code or a request's body, also where a server repeats them in its message.

pub mod base_url;
pub mod diagnose;
pub mod endpoint;
mod envelope;
mod error;
mod json;
pub mod observe;
mod redact;
mod scan;
mod session;
pub mod token;
mod transaction;
pub mod transport;

pub use base_url::{BaseUrl, Environment};
pub use diagnose::Lookup;
pub use endpoint::{CheckAnswer, Endpoint, ShortHash, TransactionHash};
pub use error::{ApiError, ErrorClass, ErrorCode, Remedy, RetryAfter};
pub use session::Session;
pub use token::AccessToken;
pub use transaction::{Reading, Transaction};
pub use transport::Transport;

/// The payload's crate, whose types stand in this one's interface.
pub use khqr_core;
