#![doc = include_str!("../README.md")]
//!
//! # I want to …
//! | I want to | item |
//! | --- | --- |
//! | start a sandbox in a test | [`Sandbox::start`] |
//! | set the port, the clock, the quota, the seed or a state file | [`Sandbox::builder`] |
//! | let a customer pay | [`Sandbox::customer`], [`Customer::pay`], [`Customer::pay_after`] |
//! | pay late, again, the wrong amount or to the wrong account | [`Customer::pay_with`], [`TransferOptions`] |
//! | get a token without the registration | [`Sandbox::issue_token`] |
//! | read an e-mailed code | [`Sandbox::verification_code`], [`Sandbox::mailbox`] |
//! | cause an outage, a truncated answer or a used-up quota | [`Fault`], [`Sandbox::fault`] |
//! | move the time | [`Sandbox::advance`], [`Sandbox::set_clock`] |
//! | see what my program sent, and why it was refused | [`Sandbox::requests`], [`RecordedRequest::why`] |
//! | read the codes in a picture | [`read_picture`] |
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
//! [`RecordedRequest::why`], [`Sandbox::logged_requests_after`], `GET /sandbox/requests` and the page. `bakong
//! sandbox` prints each request with its result on standard error.
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
//! | Rust's `khqr-api` 0.4.1 | sends no `User-Agent`, and so always gets 403; reports an outage in JSON and a success without data as *not found*; cannot read a payment with fractional times or with an amount as a string; fails on a list with reordered or missing items; treats any refusal as "no such account" |
//!
//! The Python client uses TLS and a fixed address, and must be patched to use another address.

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
pub use backend::{LoggedRequest, RecordedRequest};
pub use bank::{Transfer, TransferError, TransferOptions, TransferStatus};
pub use clock::SandboxClock;
pub use fault::Fault;
pub use input::InputError;
pub use picture::{PictureError, read_picture};
pub use server::{Customer, Sandbox, SandboxBuilder};
pub use wire::ApiEndpoint;

/// The crates whose types this crate's interface uses.
pub use {bytes, http, khqr_core};
