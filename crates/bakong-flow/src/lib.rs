// Without tokio, the crate has no `Watcher`, which the example of the README uses.
#![cfg_attr(feature = "tokio", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "tokio"),
    doc = "Watches KHQR payments over time: decides when to ask Bakong, what the answers mean, and when an order is settled. This page was built without the feature `tokio`, so it does not describe the watcher."
)]
//!
//! # I want to …
//! | I want to | item |
//! | --- | --- |
#![cfg_attr(
    feature = "tokio",
    doc = "| watch payments | [`Watcher::start`], [`Watcher::watch`] |
| wait for the outcome of one payment | [`Watched::outcome`], [`Outcome`] |
| learn all outcomes, also after a restart | [`Watcher::events`] |
| ask early, because a customer says that the money was sent | [`Watched::nudge`] |
| find a payment by the hash on a receipt | [`Watched::learn`] |
| cancel an order | [`Watched::cancel`] |
| find a payment again after a restart | [`Watcher::attach`], [`Watcher::find`] |
| know why a payment is refused, and what a web handler answers | [`WatchError`], [`OpenError`] |
| stop, and start again after a kill | [`Watcher`](Watcher#shutting-down-and-what-a-kill-costs), [`Watcher::shutdown`] |
| log | [`Watcher`](Watcher#logging) |
| monitor the watcher | [`Watcher::health`] |"
)]
//! | record a person's decision about a review | [`PaymentStore::resolve`] |
//! | survive a restart, or run several workers | a store of the crate `bakong-store` |
//! | write a store of my own | [`store`] |
//! | change when payments are checked | [`Policy`] |
//! | change the daily quota | [`Quota`], [`Config`] |
//! | watch without tokio, or in simulated time | [`Tracker`]: see [the loop](#the-loop) |
//! | know what makes a payment need a review | [`Mismatch`] |
//!
//! # Guarantees
//! 1. A failed request never counts as unpaid or expired. A payment becomes [`Outcome::Expired`] only if Bakong
//!    answers "not found" to a request that was sent after the expiry and the grace period.
//! 2. A payment becomes final once, and an order is settled once, even with two workers or after a restart.
//! 3. Every accepted payment gets a final check after its expiry. A request for it is reserved when the payment is
//!    opened. If none is left, [`OpenError::NoQuota`] says when to try again. Show the code only if opening succeeds.
//! 4. The quota is never exceeded. Error code 17 closes the quota window at once, even if fewer requests are counted.
//!    Open payments continue in the next window.
//! 5. A transaction settles an order only if amount, currency and recipient match and it was found under the code's
//!    MD5. Other transactions need a review, and the outcome lists the reasons. A transfer after the expiry and the
//!    grace period is marked as late.
//! 6. No request asks about a final payment, and no two requests ask about one payment at once.
//! 7. If the process is killed at any point, the persisted state is enough to continue.
//!
//! A simulator checks the guarantees over days with outages, failing lists, wrong clocks, expired tokens, killed
//! processes, and customers who pay twice, too late or the wrong amount: `cargo xtask simulate` in the repository.
//!
//! # The loop
//! A driver runs this loop. Replies may arrive in any order:
//! ```
//! use bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
//! use bakong_api::transport::TransportError;
//! use bakong_api::{AccessToken, BaseUrl};
//! use bakong_flow::{
//!     Change, Config, Expected, MemoryStore, OrderId, Outcome, Payment, Policy, Tracker,
//! };
//!
//! let base_url = BaseUrl::new("http://127.0.0.1:8080")?;
//! let token = AccessToken::new("eyJhbGciOiJIUzI1NiJ9.e30.c2ln")?;
//! let store = MemoryStore::new();
//! let mut now = Timestamp::from_millis(1_795_000_000_000);
//! let mut tracker = Tracker::restore(Config::DEFAULT, store.snapshot(), now);
//!
//! let expected = Expected::new(
//!     Amount::from_minor_units(10_000, Currency::Khr),
//!     AccountIdBuf::new("sokha@devb")?,
//! );
//! let expires_at = Timestamp::from_millis(1_795_000_600_000);
//! let md5 = Md5Handle::of("the code's text");
//! let payment = Payment::new(OrderId::new("order 17")?, md5, expected, expires_at);
//! tracker.open(payment, Policy::COUNTER, now)?;
//!
//! // Persists the changes. The store may reject some, for example the second settlement of an order. The tracker reacts
//! // to a rejection with further changes.
//! let persist = |tracker: &mut Tracker| loop {
//!     let changes: Vec<Change> = tracker.take_changes().collect();
//!     if changes.is_empty() {
//!         break;
//!     }
//!     let rejected = store.apply(&changes);
//!     for change in changes {
//!         match rejected.iter().find(|rejected| rejected.is_about(&change)) {
//!             Some(rejected) => tracker.on_conflict(change, rejected.conflict.clone()),
//!             None => println!("{change:?}"), // tell the shop
//!         }
//!     }
//! };
//! // Sends a request with any HTTP client. Here, Bakong answers that the payment was not found.
//! let send = |_request: http::Request<bytes::Bytes>| {
//!     let body = r#"{"responseCode":1,"errorCode":1,"responseMessage":"not found","data":null}"#;
//!     Ok::<_, TransportError>(http::Response::new(bytes::Bytes::from(body)))
//! };
//! loop {
//!     persist(&mut tracker); // then show the code, or hand over the goods
//!     if let Some(ask) = tracker.poll(now) {
//!         persist(&mut tracker); // then send the request
//!         let question = &ask.question;
//!         let answered = match question.to_request(&base_url, Some(&token), None).map(send) {
//!             Ok(Ok(response)) => question.read(&response),
//!             Ok(Err(error)) => question.failed_with(error),
//!             Err(error) => question.failed_with(error),
//!         };
//!         tracker.answer(ask.ticket, 1, answered.reply, now);
//!     } else if let Some(wakeup) = tracker.next_wakeup() {
//!         now = wakeup; // sleep until then, or until a reply, a payment or a nudge arrives
//!     } else {
//!         break; // no payment is open, and no request is in flight
//!     }
//! }
//! assert_eq!(store.outcome(&md5), Some(Outcome::Expired));
//! assert!(tracker.usage().requests <= 100);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How the quota is spent
//! - **Reserved requests.** Each open payment reserves a request for its final check, in the quota window of its deadline.
//!   Where lists work, up to 50 payments share a request, if they are due within
//!   [`Grace::final_check_window`](policy::Grace::final_check_window). A known hash reserves one more request, for when the
//!   MD5 finds nothing. Other requests are reserved for token renewals ([`Quota::renewals`]) and for the payments that
//!   the shop is expected to open in the rest of the window.
//! - **Spare requests** detect payments earlier. A token bucket spreads them over the window. The
//!   [`Schedule`](policy::Schedule) of a payment spreads its checks over its life: frequent while people pay, rare
//!   afterwards. [`Tracker::nudge`] makes a check due at once.
//! - **Lists** are tried when two payments are due. The first list needs no spare request: while it can be sent, a request is
//!   reserved for it, and a payment that would need that request is refused for a few seconds. A list that is refused with 403 is not tried again for a day, unless
//!   single checks are refused too. Single checks follow for payments that a list leaves out. After a list that failed,
//!   single checks find out whether lists or all requests fail. After two failed lists in a row, lists pause for five
//!   minutes, and longer each time; final checks wait if they can. Until a list is answered, and after one failed,
//!   each payment reserves a request of its own, and a list uses no reserved request.
//! - **Failures** pause all requests: for two seconds at first, doubled after each further failure, or as long as
//!   the server demands. During an outage, one request is in flight at a time. The pause is longer if a failed
//!   request may have counted against the quota.
//! - **The token.** While Bakong rejects the token, no request is sent and no payment changes.
//!
//! [`Policy::COUNTER`], [`Policy::WEB_SHOP`] and [`Policy::INVOICE`] are predefined. All values of [`Policy`],
//! [`Quota`] and [`Backoff`](policy::Backoff) can be changed.
//!
//! # Re-exported crates
//! [`async_trait`], [`bakong_api`], [`bytes`], [`http`], and `tokio` with that feature, are part of the interface, so they
//! are re-exported. `bakong_api` re-exports `khqr_core`.
//!
//! # Limits
//! A tracker cannot see a payment that is made after its final check, a second transfer that Bakong does not report under
//! the MD5, or the requests of other programs with the same token, until Bakong answers with error code 17.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod ask;
mod change;
#[cfg(feature = "tokio")]
mod clock;
mod open_error;
mod order;
mod outcome;
pub mod payment;
pub mod policy;
mod question;
pub mod quota;
pub mod settlement;
pub mod store;
#[cfg(feature = "testing")]
mod test_clock;
pub mod tracker;
#[cfg(feature = "tokio")]
pub mod watcher;

pub use ask::{Ask, ListItem, Question, Reply, Ticket};
pub use change::Change;
#[cfg(feature = "tokio")]
pub use clock::{Busy, Clock, SystemClock};
pub use open_error::OpenError;
pub use order::OrderId;
pub use outcome::Outcome;
pub use payment::Payment;
pub use policy::Policy;
pub use question::Answered;
pub use quota::Quota;
pub use settlement::{Expected, Mismatch};
pub use store::{MemoryStore, PaymentStore};
#[cfg(feature = "testing")]
pub use test_clock::TestClock;
pub use tracker::{Config, Tracker};
#[cfg(feature = "tokio")]
pub use watcher::{Attached, CommandError, Events, WatchError, Watched, Watcher};

/// Estimates Bakong's time from the `Date` of its answers. Pass
/// [`ServerTime::correct`](server_time::ServerTime::correct) of the local time to the [`Tracker`] as `now`.
pub use bakong_api::server_time;

/// The crates whose types and macros this crate's interface uses.
pub use {async_trait, bakong_api, bytes, http};

/// The runtime, whose channel [`Watcher::subscribe`] returns.
#[cfg(feature = "tokio")]
pub use tokio;
