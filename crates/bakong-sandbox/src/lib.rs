//! A local Bakong server for development and tests: the Open API on loopback, with customers who pay, faults on
//! request, and a clock that tests can move.
//!
//! In the live service, developers cannot cause a test payment, an outage or a token's expiry. A [`Sandbox`] responds
//! over real HTTP as the documents describe, byte for byte. A typed handle in the same process controls
//! everything else: the [`Customer`], the mailbox, the [`SandboxClock`], the [`Fault`]. Programs in other
//! languages use the same functions [over HTTP](#control-api), and people use the page at `/`.
//!
//! # Usage
//! ```
//! use std::time::Duration;
//! use bakong_sandbox::{TransferStatus, Sandbox};
//! use khqr_core::{AccountId, Amount, Currency, KhqrBuilder};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start().await?;
//! println!("set the client's base URL to {}", sandbox.base_url());
//! let token = sandbox.issue_token("dev@example.com");
//! # assert_eq!(token.split('.').count(), 3);
//!
//! // The shop shows a code that expires in ten minutes.
//! let now = sandbox.now();
//! let code = KhqrBuilder::individual(AccountId::new("sokha@devb")?, "Sokha Coffee")
//!     .dynamic_code(
//!         Amount::from_minor_units(150, Currency::Usd),
//!         now,
//!         now.saturating_add(Duration::from_secs(600)),
//!     )?
//!     .to_text();
//!
//! // A customer pays it five seconds later on the sandbox's clock.
//! let customer = sandbox.customer(AccountId::new("dara@devb")?);
//! let payment = customer.pay_after(&code, Duration::from_secs(5))?;
//! assert_eq!(payment.status(), TransferStatus::Scheduled);
//!
//! sandbox.advance(Duration::from_secs(5));
//! assert_eq!(sandbox.payments()[0].status(), TransferStatus::Transferred);
//! // POST /v1/check_transaction_by_md5 now returns the transaction.
//! sandbox.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Endpoints
//! The sandbox implements the twelve endpoints of [`ApiEndpoint`]. A transaction can be found by the MD5 of
//! its code, by its full hash, by the first eight digits of the hash with amount and currency, and by the
//! references of the payer's bank. A list request takes up to 50 MD5s or hashes. Its response has one item
//! for each identifier, in the same order, with the status `SUCCESS`, `NOT_FOUND`, `STATIC_QR` (by MD5 only)
//! or `FAILED`.
//!
//! Error code 5 is returned for a field that is missing, of the wrong type or of the wrong length, and for a list that
//! is empty, has more than 50 items, or has items that are not strings. Lengths count characters.
//!
//! `request_token`, `verify`, `renew_token` and `generate_deeplink_by_qr` ignore tokens. The checks of
//! transactions require a valid token. `check_bakong_account` requires none, as in the live service.
//!
//! A request without a `User-Agent` gets the live service's HTML page with 403. These errors have the API's
//! envelope without an error code: 404 for an unknown path, 405 for a method other than `POST`, 413 for a
//! body of more than 64 KiB, and 400 for a body that is not JSON or has a content type other than
//! `application/json`. If a request is not valid HTTP, hyper
//! responds without a body: 400, 414 for a path that is too long, 431 for too many headers.
//!
//! As in the live service, these responses do not give the reason. The log of requests does: see
//! [`RecordedRequest::why`], [`Sandbox::refused_requests_after`], `GET /sandbox/requests` and the page. `bakong
//! sandbox` prints each refused request with the reason on standard error.
//!
//! A connection is closed if it is idle for 60 seconds, if its client needs more than 60 seconds for the head or the
//! body of a request, or if its client reads nothing of a response for 60 seconds.
//!
//! # Where the live service is unknown
//! | question | in the sandbox |
//! | --- | --- |
//! | when a payment is acknowledged; published responses show a second after it | at the time of the transfer, so that a client can see it immediately |
//! | a wrong code at `verify` | error code 10 |
//! | a second `request_token` before `verify` | another mail; the first code becomes invalid |
//! | the old token after `renew_token` | valid until it expires |
//! | a second token in the same second | differs from the first: it expires a second later |
//! | an MD5 or a hash in upper case; a currency in lower case | not found; for the currency, error code 5 |
//! | a failed payment, followed by a completed one | the completed one |
//! | several payments that match a reference or a short hash | the first that was transferred |
//! | a static code's payment, or a code's second payment, by hash or reference | found |
//! | a short hash's amount in another notation: `1.00`, `10e-1` | the same number |
//! | a short hash's amount that is impossible: `-1`, `0.001` | not found |
//! | the lengths of `instructionRef`, `externalRef` and list items | 1 to 255, like a hash |
//! | an identifier that occurs twice in a list | two items |
//! | the message of a transaction: `Getting transaction successfully.` in the reference, also `Success` in published responses | the reference's |
//! | the `message` of a list item; of the list | that of a single check, but `Success` for a transaction; `Success` |
//! | a missing content type, or one other than `application/json`; the reference lists the header for every endpoint | 400, after the token and the quota; parameters such as `charset` are ignored |
//! | a static code's MD5 before the sandbox knows the code | not found: an MD5 does not reveal its code |
//! | a static code's MD5 after a payment attempt, a link, or a scan (`POST /sandbox/scan`) | error code 2 |
//! | a link to a string that is not a KHQR | error code 5 |
//! | a link to a code that has expired | a valid link |
//! | the target of a short link | the sandbox's own page: `/l/…` redirects to `/?code=` with the percent-encoded code |
//! | `sourceInfo` is null | treated as absent |
//! | an invalid token at `check_bakong_account` | 401 with error code 6 |
//! | an invalid `accountId`, or one that is too long | error code 12; if empty, 5 |
//!
//! An account exists if the test [registers](Sandbox::register_account) it, if it belongs to a [`Customer`],
//! or if it received money.
//!
//! # Quota, faults, clock and state
//! - A [`QuotaLimit`] counts requests as the live service does. It is off by default, and 100 per day in `bakong
//!   sandbox`.
//! - A [`Fault`] replaces, edits, delays or truncates responses to the next requests. Error codes 4, 7 and 9 occur
//!   only through a fault: the link provider fails, the e-mail server is down, the server cannot be reached.
//! - The sandbox runs no timers, except for faults that take real time. A delayed transfer is visible to any request
//!   after its due time, and a token expires on the sandbox's clock. [`Sandbox::advance`] and
//!   [`Sandbox::set_clock`] move the clock. The `Date` of each response has its time. The client's own clock is not affected,
//!   so set both to the same time, or let the client follow `Date`.
//! - With a [state file](SandboxBuilder::state_file), a restarted sandbox continues where the last one stopped or was
//!   killed.
//!
//! # Control API
//! `/sandbox/…` on the same address accepts and returns JSON. [`/openapi.json`][openapi] describes every
//! request and response.
//!
//! | request | effect |
//! | --- | --- |
//! | `POST /sandbox/pay` | a customer pays a code: `qr`, `from`, `amount`, `delayMs`, `again`, `late`, `failing`, … |
//! | `POST /sandbox/picture` | returns the texts of the QR codes in a PNG or JPEG picture of at most 3 MiB |
//! | `POST /sandbox/scan` | shows what a customer sees after scanning a code; with `dryRun` the sandbox does not remember it |
//! | `GET /sandbox/payments`, `codes` | the payments; the open codes, which are known and not paid |
//! | `GET`, `POST`, `DELETE /sandbox/faults` | lists the faults, adds one or more [rules](Fault::from_json), removes them |
//! | `GET`, `POST /sandbox/clock` | the time: `advanceMs`, `aheadMs`, `setTo`, `mode` |
//! | `GET /sandbox/mailbox?email=` | the e-mails with their verification codes |
//! | `POST /sandbox/tokens`, `accounts` | issues a token for an `email`, opens an `account` |
//! | `GET`, `POST /sandbox/quota` | the limit, which requests count, how many each address has sent, and the reset time |
//! | `GET /sandbox/requests` | the latest requests with their headers, their responses, and `why` if they were refused; 100 by default and at most 200; without secrets |
//! | `GET /sandbox/events` | server-sent events |
//! | `GET /sandbox/state` | the state file, its errors, and the ID of the key that signs tokens |
//! | `POST /sandbox/reset` | removes everything except the clock and the quota limit |
//!
//! ```console
//! $ curl -sX POST localhost:4717/sandbox/pay -H 'content-type: application/json' -d '{"qr":"000201…"}'
//! {"error":{"help":"create a new code, or pay this one with \"late\": true","reason":{"kind":"Expired",…},"what":"the code cannot be paid: …","where":"body.qr"}}
//! ```
//!
//! Faults and the quota do not apply to the control API, and it requires no token: anyone who can reach the
//! address controls the sandbox. It therefore listens on loopback [by default](SandboxBuilder::listen).
//! Websites cannot use it through a browser: `Host` must be this machine, or on another address a name that
//! no website can have, unless it is [allowed](SandboxBuilder::allow_host); `Origin` must be the sandbox's
//! own; and a `POST` needs the content type `application/json`. Links from anywhere may open the page.
//!
//! The Open API is for programs, which may use any host name. A request with a browser's `Origin` or
//! `Sec-Fetch-Site` from another website gets 403 with the reason.
//!
//! # The page
//! The page at `/` shows a customer's phone, which reads a code as text, by camera or from a picture, and pays it. It
//! also shows open codes, tokens, e-mails, the clock, the quota, switches for faults, and the latest requests, and
//! updates all of them live. `/?code=` with a percent-encoded code shows the code on the phone without paying it. The
//! sandbox does not remember such a code, so a link has no side effects.
//!
//! # Re-exported crates
//! [`bytes`], [`http`] and [`khqr_core`] are part of the interface, so they are re-exported.
//!
//! # Other clients
//! `cargo xtask foreign-clients` runs three clients by other authors against the sandbox. They read its
//! responses correctly, except for the following, in which the mistake is the client's:
//!
//! | client | misreads |
//! | --- | --- |
//! | NBC's SDK, npm `bakong-khqr` 1.0.20 | `generateDeepLink` does not send `sourceInfo`, and throws a `TypeError` for a refusal; `checkBakongAccount` treats any refusal, including an exhausted quota, as "no such account"; both report every outage, 401 and 403 as a timeout |
//! | Python's `bakong-khqr` 0.6.5 | `check_payment` returns `UNPAID` for a failed payment, an exhausted quota, a refused token and an outage in JSON |
//! | crates.io `khqr-api` 0.4.1 | sends no `User-Agent`, and so always gets 403; reports an outage in JSON and a success without data as *not found*; cannot read a payment with fractional times or with an amount as a string; fails on a list with reordered or missing items; treats any refusal as "no such account" |
//!
//! The Python client uses TLS and a fixed address, and must be patched to use another address.
//!
//! [openapi]: https://spec.openapis.org/oas/v3.1.0

mod access;
mod api;
mod backend;
mod bank;
mod clock;
mod control;
mod entropy;
mod fault;
mod input;
mod persist;
mod picture;
mod server;
mod state;
mod wire;

pub use access::{Mail, QuotaLimit};
pub use backend::{RecordedRequest, RefusedRequest};
pub use bank::{Transfer, TransferError, TransferOptions, TransferStatus};
pub use clock::SandboxClock;
pub use fault::Fault;
pub use input::InputError;
pub use picture::{PictureError, read_picture};
pub use server::{Customer, Sandbox, SandboxBuilder};
pub use wire::ApiEndpoint;

/// The crates whose types this crate's interface uses.
pub use {bytes, http, khqr_core};
