//! A Bakong to develop against: the Open API on loopback, with customers who pay, trouble on request, and
//! a clock that tests can move.
//!
//! Nobody outside NBC can make a test payment happen, or an outage, or 90 days pass. Here a [`Sandbox`]
//! answers over real HTTP what the documents say, byte for byte, and a typed handle in the same process
//! plays everybody else: the [`Customer`], the mailbox, the [`SandboxClock`], the [`Fault`]. Programs in other
//! languages do the same [over HTTP](#from-any-language), and people on the page at `/`.
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
//! // The shop shows a code, good for ten minutes …
//! let now = sandbox.now();
//! let code = KhqrBuilder::individual(AccountId::new("sokha@devb")?, "Sokha Coffee")
//!     .dynamic_code(
//!         Amount::from_minor_units(150, Currency::Usd),
//!         now,
//!         now.saturating_add(Duration::from_secs(600)),
//!     )?
//!     .to_text();
//!
//! // … and somebody pays it, five seconds later on the sandbox's clock.
//! let customer = sandbox.customer(AccountId::new("dara@devb")?);
//! let payment = customer.pay_after(&code, Duration::from_secs(5))?;
//! assert_eq!(payment.status(), TransferStatus::Scheduled);
//!
//! sandbox.advance(Duration::from_secs(5));
//! assert_eq!(sandbox.payments()[0].status(), TransferStatus::Transferred);
//! // POST /v1/check_transaction_by_md5 now answers with the transaction.
//! sandbox.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What it answers
//! The twelve endpoints of [`ApiEndpoint`]. What became of a payment is told by a code's MD5, by the whole
//! hash, by the first eight digits of it with amount and currency, by the payer bank's references, and for
//! up to 50 MD5s or hashes at once: a list is answered with an item for each identifier, in the order
//! asked, which says `SUCCESS`, `NOT_FOUND`, `STATIC_QR` (by MD5 only) or `FAILED`.
//!
//! A field that is missing, of another type, or of a length that the reference does not allow is error code
//! 5, and so is a list of none, of more than 50 or of anything but texts. Lengths count characters.
//!
//! `request_token`, `verify`, `renew_token` and `generate_deeplink_by_qr` look at no token. The checks of
//! transactions need a good one, and `check_bakong_account` is content without, as the live service is.
//!
//! A request without a `User-Agent` gets the live service's page of
//! HTML with 403; an unknown path 404, another method than `POST` 405, a body of more than 64 KiB 413,
//! and a body that is no JSON 400, each in the envelope and without an error code. What is no HTTP at all
//! is answered by hyper, without a body: 400, 414 to a path that is too long, 431 to too many headers.
//!
//! # Where the live service is not known
//! | question | here |
//! | --- | --- |
//! | when a payment is acknowledged, a second after it in published answers | at its own moment: nobody can ask before |
//! | a wrong code at `verify` | error code 10 |
//! | a second `request_token` before `verify` | a new mail; the code of the old one is good no more |
//! | the old token after `renew_token` | good until its own expiry |
//! | a token of the same second as the one before | another: its `exp` is a second later, its `iat` as true |
//! | an MD5, a hash or a currency in the other case | not found; for the currency error code 5 |
//! | a payment that failed, and then another that did not | the one that did not |
//! | several payments that a reference or a short hash fits | the first that was transferred |
//! | a static code's payment, or a code's second, by hash or reference | found |
//! | a short hash's amount in another form: `1.00`, `10e-1` | the same number |
//! | a short hash's amount that nobody could pay: `-1`, `0.001` | not found |
//! | the lengths of `instructionRef`, `externalRef` and the texts in a list | 1 to 255, as of a hash |
//! | a text asked twice in one list | two items |
//! | `message` of an item, and the envelope's of the list | those of a single check; `Success` |
//! | a static code's MD5 before anybody has told of the code | not found: an MD5 says nothing of its code |
//! | the same after a payment of it was tried, a link made, or it was scanned (`POST /sandbox/scan`) | error code 2 |
//! | a link to a text that is no KHQR | error code 5 |
//! | a link to a code that has expired | a link |
//! | where a short link leads | to the sandbox's own page: `/l/…`, and from there to `/?code=` with the code percent-encoded |
//! | `sourceInfo` is null | as if absent |
//! | a bad token at `check_bakong_account` | 401 with error code 6 |
//! | an `accountId` that can be none, an over-long one too | error code 12; for an empty one 5 |
//!
//! There is an account once the test [registers](Sandbox::register_account) it, makes a [`Customer`] of it,
//! or money was transferred to it.
//!
//! # The daily quota
//! A [`QuotaLimit`] counts as the live service is reported to: so many requests a day for each registered address,
//! refused ones included; beyond it HTTP 200 with error code 17. It is off unless set, and 100 in `bakong
//! sandbox`. Its day turns at midnight in Phnom Penh unless said, on the sandbox's clock.
//!
//! What counts is every `POST` to an endpoint of which it is known whose it is: by a good token, whether or not the
//! endpoint asks for one, and a renewal without one by its e-mail. Answered, refused or struck by a fault, it counts
//! once; a list is one, too. What the proxy in front turns away for want of a `User-Agent` does not count, nor does
//! what is nobody's: an account or a link asked for without a token, a registration. Whether renewals, accounts and
//! links count in the live service is not known; [`QuotaLimit::of_checks_only`] leaves them out.
//!
//! # Trouble
//! A [`Fault`] strikes the next request, or some or all to some endpoints: another answer in place of the
//! sandbox's (an outage's page, 401, 403, 429 with or without `Retry-After`, the spent quota's error code
//! 17), every token expired at once, the sandbox's own answer in a form that real ones have or might (times as `1605774370608.0`,
//! amounts as texts, no `errorCode`, lists out of order, with items that are missing, garbled, nameless or
//! `SERVICE_FAILED`), or an answer that comes late, byte by byte, cut short or not at all. It may let some
//! requests through first, or strike only some of a hundred, drawn from the seed. [`Fault::from_json`] reads one
//! as a rule; the rules that are left are told so that they can be given back as they are.
//!
//! Error codes 4, 7 and 9 (the provider gives no link, the e-mail server is down, the server cannot be reached) come
//! by a fault only.
//!
//! # Time
//! The sandbox keeps no timers but for faults that take real time. A payment with a delay is there for whoever asks after its moment, and a
//! token has expired for whoever uses it after its end, on the sandbox's clock; [`Sandbox::advance`] moves
//! it. It says nothing about the client's own clock, so give both the same time.
//!
//! [`SandboxClock::system`], or over HTTP `{"aheadMs":0}`, is the way back to the present. What has happened stays as it
//! is when the time goes back: a payment that was transferred stays so and keeps its times, which may then lie
//! ahead of the clock; one whose moment has not come waits for it; a token is good until its own end; and of the
//! quota's use only the last day that something was asked on is remembered. The clock shows no moment before
//! 1970, and none beyond the year 9999.
//!
//! # Going on where it was
//! With a [state file](SandboxBuilder::state_file), a sandbox that is started again knows what it knew: who is
//! registered, its tokens, what was paid and is planned, the codes that it was told of, short links, accounts, mails,
//! its clock, the quota and the day's count, the faults. What anybody was told is in the file before they are told,
//! so a process that is killed has forgotten nothing of it. Where the disk takes nothing, the sandbox goes on
//! without it and [tells](Sandbox::save_error): what happens until the file can be written again is lost to a kill.
//! The requests that were recorded are not in it.
//!
//! # From any language
//! On the same address, `/sandbox/…` takes and gives JSON. [`/openapi.json`][openapi] is the whole of it.
//!
//! | request | what it does |
//! | --- | --- |
//! | `POST /sandbox/pay` | a customer pays a code: `qr`, `from`, `amount`, `delayMs`, `again`, `late`, `failing`, … |
//! | `POST /sandbox/scan` | what a customer sees on scanning a code; with `dryRun` the sandbox takes no note of it |
//! | `GET /sandbox/payments`, `codes` | the payments; the codes that were asked about or told of and are not paid |
//! | `GET`, `POST`, `DELETE /sandbox/faults` | the faults that are left, one or more [rules](Fault::from_json), none |
//! | `GET`, `POST /sandbox/clock` | the time: `advanceMs`, `aheadMs`, `setTo`, `mode` |
//! | `GET /sandbox/mailbox?email=` | the mails with their codes |
//! | `POST /sandbox/tokens`, `accounts` | a token for an `email`, an `account` |
//! | `GET`, `POST /sandbox/quota` | the limit, what counts, what was used, when the day turns |
//! | `GET /sandbox/requests` | the last requests with their answers, 100 unless `limit` says up to 200, without tokens and the codes of mails |
//! | `GET /sandbox/events` | what happens, as server-sent events |
//! | `GET /sandbox/state` | the state file, what is wrong with it, and which key signs the tokens |
//! | `POST /sandbox/reset` | forgets everything but the time and the quota's limit |
//!
//! ```console
//! $ curl -sX POST localhost:4717/sandbox/pay -H 'content-type: application/json' -d '{"qr":"000201…"}'
//! {"error":{"help":"make a new code, or pay this one with \"late\": true","reason":{"kind":"Expired",…},"what":"the code may not be paid: …","where":"body.qr"}}
//! ```
//!
//! No fault and no quota touches these, and they need no token: whoever reaches the address is in control. So it is
//! loopback unless [said](SandboxBuilder::listen), and a page of another site does not get at it: `Host`
//! has to be this machine, or elsewhere an address or a name that no site can have unless
//! [said](SandboxBuilder::allow_host); `Origin` the sandbox's own; and what is posted `application/json`. A link may
//! lead to the page from anywhere.
//!
//! The Open API is for programs: they may call the sandbox by any name. What shows by `Origin` or `Sec-Fetch-Site`
//! that it is a browser is refused there, too, with 403 and the reason, unless it is the sandbox's own page: nobody's
//! website makes a developer's browser fetch a token.
//!
//! # For people
//! The page at `/` has a customer's phone, which takes a code as text, by camera or as a picture, and pays it as
//! asked or otherwise; the open codes, of which those whose text is known are paid by one tap; tokens and the
//! mailbox; the clock; the day's requests; switches for faults, which show the rules that are left, whoever set
//! them; and the last requests with their answers. It shows what happens as it happens. `/?code=` with a code,
//! percent-encoded, shows that on the phone: it is not paid, and the sandbox takes no note of it, so that a stranger's
//! link changes nothing.
//!
//! # Other clients
//! `cargo xtask foreign-clients` lets three that others wrote ask the sandbox. They read its answers, but for
//! these, which are right and mean what the documents say:
//!
//! | client | misreads |
//! | --- | --- |
//! | NBC's SDK, npm `bakong-khqr` 1.0.20 | `generateDeepLink` does not send the `sourceInfo` that it is given, and answers a refusal with a `TypeError`; `checkBakongAccount` takes any refusal, a spent quota too, for "no such account"; both call every outage, 401 and 403 a timeout |
//! | Python's `bakong-khqr` 0.6.5 | `check_payment` says `UNPAID` to a payment that failed, a spent quota, a refused token and an outage told in JSON |
//! | crates.io `khqr-api` 0.4.1 | names no `User-Agent`, and so gets 403 to everything; says *not found* to an outage told in JSON and to a success without data; cannot read a payment whose times have decimals or whose amount is a text; gives a list up as a whole if its items are in another order or one is missing; takes any refusal for "no such account" |
//!
//! The one for Python speaks TLS to a fixed address and has to be patched to ask any other.
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
mod server;
mod state;
mod wire;

pub use access::{Mail, QuotaLimit};
pub use backend::RecordedRequest;
pub use bank::{Transfer, TransferError, TransferOptions, TransferStatus};
pub use clock::SandboxClock;
pub use fault::Fault;
pub use input::InputError;
pub use server::{Customer, Sandbox, SandboxBuilder};
pub use wire::ApiEndpoint;
