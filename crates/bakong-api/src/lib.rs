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
//! | `request_token` | [`RequestToken`] | nothing: a code comes by e-mail |
//! | `verify` | [`Verify`] | [`AccessToken`] |
//! | `renew_token` | [`RenewToken`] | [`AccessToken`] |
//! | `check_transaction_by_md5` | [`CheckTransactionByMd5`] | [`CheckAnswer`] |
//! | `check_transaction_by_hash` | [`CheckTransactionByHash`] | [`CheckAnswer`] |
//! | `check_transaction_by_short_hash` | [`CheckTransactionByShortHash`] | [`CheckAnswer`] |
//! | `check_transaction_by_instruction_ref` | [`CheckTransactionByInstructionRef`] | [`CheckAnswer`] |
//! | `check_transaction_by_external_ref` | [`CheckTransactionByExternalRef`] | [`CheckAnswer`] |
//! | `check_transaction_by_md5_list` | [`CheckTransactionByMd5List`] | [`ListAnswer`], a result for each |
//! | `check_transaction_by_hash_list` | [`CheckTransactionByHashList`] | [`ListAnswer`], a result for each |
//! | `check_bakong_account` | [`CheckBakongAccount`] | [`AccountAnswer`] |
//! | `generate_deeplink_by_qr` | [`GenerateDeeplinkByQr`] | [`Deeplink`] |
//!
//! # With a session
//! A [`Session`] puts the token on, renews it before it ends and when it is refused, and keeps it in a
//! [`TokenStore`]; a [`SessionObserver`] counts every request, since a token has about a hundred a day.
//! [`Session::diagnose`] asks about a payment in every way there is and says in words where the answers
//! disagree. The token's life is a machine of its own, [`TokenLife`], for whoever sends without a session.
//!
//! # Without a session
//! ```
//! use bakong_api::{BaseUrl, AccessToken, CheckAnswer, CheckTransactionByMd5, Endpoint};
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

mod base_url;
mod diagnose;
mod endpoint;
mod envelope;
mod error;
mod json;
mod observer;
mod redact;
mod scan;
mod session;
mod standing;
mod token;
mod token_life;
mod token_store;
mod transaction;
mod transport;

pub use base_url::{BaseUrl, Environment, InvalidBaseUrl, UnknownEnvironment, is_loopback_host};
pub use diagnose::{Clues, Diagnosis, Finding, Lookup, NotAsked};
pub use endpoint::{
    AccountAnswer, CheckAnswer, CheckBakongAccount, CheckTransactionByExternalRef,
    CheckTransactionByHash, CheckTransactionByHashList, CheckTransactionByInstructionRef,
    CheckTransactionByMd5, CheckTransactionByMd5List, CheckTransactionByShortHash, Deeplink,
    Endpoint, EndpointInfo, ExternalRef, GenerateDeeplinkByQr, InstructionRef, InvalidField,
    ListAnswer, RenewToken, RequestToken, ShortHash, SourceInfo, TokenUse, TransactionHash, Verify,
};
pub use envelope::AnswerSummary;
pub use error::{ApiError, ErrorClass, ErrorCode, Remedy, RetryAfter};
pub use observer::{Attempt, Attempts, SessionObserver};
pub use session::Session;
pub use token::{AccessToken, InvalidToken};
pub use token_life::{TokenLife, TokenState, TokenStep};
pub use token_store::{FileTokenStore, MemoryTokenStore, TokenStore, TokenStoreError};
pub use transaction::{Reading, Transaction};
pub use transport::{Transport, TransportError, TransportErrorKind, TransportFn, transport_fn};

/// The payload's crate, whose types stand in this one's interface.
pub use khqr_core;
