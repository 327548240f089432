//! Payments over time, under a hundred requests a day: what to ask Bakong and when, what the answers mean, and when
//! an order is settled.
//!
//! Bakong calls nobody back: a shop asks under the code's MD5 until the payment is known to be paid, failed, or the
//! code has expired. A token has about 100 requests a day, refused ones included, and asking every three seconds
//! for ten minutes is 200: that is why paid orders stay uncredited in shops that poll. A [`Tracker`] watches any
//! number of payments under one day's requests. It reads no clock and opens no socket, so that every case can be
//! played through in a test; with the feature `tokio`, a `Watcher` runs it over a `bakong_api::Session` and a
//! [`PaymentStore`].
//!
//! # What it keeps to
//! 1. No failure to ask is ever reported as unpaid or expired. Only an explicit "not found", asked for after the
//!    expiry and a grace, makes a payment [`Outcome::Expired`].
//! 2. A payment becomes final once, and an order is settled once: finishing twice, from two workers or after a
//!    restart, is the same as once.
//! 3. Every payment that is accepted gets its last check after its expiry, whatever the load: the request for it is
//!    set aside when it is opened. One that cannot be promised a last check is refused ([`OpenError::NoQuota`]),
//!    with the moment from which on it can be; do not show its code before.
//! 4. The day's requests are never overdrawn. Error code 17 closes the day at once, whatever the ledger says; what
//!    is open goes on when it turns.
//! 5. Money settles an order only if amount, currency and recipient match, and it came by the code that was shown; all
//!    else is for a person, and says why.
//!    What was made after the expiry and the grace is marked as late.
//! 6. Nothing is asked about a final payment, nor twice at once about one.
//! 7. What the store holds is enough to go on after the process is killed at any point.
//!
//! A simulator plays days with outages, refused lists, tokens that end, a process that is killed at any step and
//! customers who pay twice, late or wrongly, and holds these against every step: `cargo xtask simulate` in the
//! repository. `COMPARE.md` beside this crate puts it next to what people do today.
//!
//! # The loop
//! This is all that a driver does; replies may come from anywhere, and in any order:
//! ```
//! use bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
//! use bakong_api::CheckAnswer;
//! use bakong_flow::{
//!     Change, Config, Expected, MemoryStore, OrderId, Outcome, Payment, Policy, Question, Reply, Tracker,
//! };
//!
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
//! let mut keep = |tracker: &mut Tracker| {
//!     let changes: Vec<Change> = tracker.take_changes().collect();
//!     // What another worker did first is not kept: see `Tracker::on_conflict`.
//!     assert!(store.apply(&changes).is_empty());
//! };
//! loop {
//!     keep(&mut tracker); // only now is the code shown, or goods are handed over
//!     if let Some(ask) = tracker.poll(now) {
//!         keep(&mut tracker); // only now is it sent
//!         let reply = match ask.question {
//!             Question::Md5(_) => Reply::Check(Ok(CheckAnswer::NotFound)),
//!             other => unreachable!("there is but one payment: {other:?}"),
//!         };
//!         tracker.answer(ask.ticket, 1, reply, now);
//!     } else if let Some(wakeup) = tracker.next_wakeup() {
//!         now = wakeup; // sleep until then, or until a reply, a payment or a nudge comes
//!     } else {
//!         break; // nothing is open, and nothing is out
//!     }
//! }
//! assert_eq!(store.outcome(&md5), Some(Outcome::Expired));
//! assert!(tracker.usage().requests <= 100);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it spends a day
//! - **Promises.** Each open payment has a request set aside on the day on which its last check is due, or a
//!   share of one where the list endpoint works: all that are due within [`Grace::last_check_within`](policy::Grace::last_check_within) are asked
//!   about together, fifty to a request. A hash that is known takes one more, for when the MD5 finds nothing. Some
//!   are kept for renewals of the token ([`Quota::renewals`]), and some for the
//!   payments that the rest of the day is likely to bring, as far as the days before tell.
//! - **What is free** makes payments known earlier. It is spread over the rest of the day, with a small reserve for
//!   a quiet shop's customers, and over each payment's life by its [`Schedule`](policy::Schedule): dense while people pay, sparse
//!   afterwards. A nudge ([`Tracker::nudge`]) comes first.
//! - **Lists** are tried when two payments are due. A 403 to them is remembered for a day, unless single checks get it, too.
//!   What a list leaves out or garbles is asked about by itself. One of which most cannot be read twice in a row is left alone
//!   for five minutes, and ever longer, and last checks that can wait for it do.
//! - **Failures** hold everything back: two seconds at first, twice as long after each, one request at a time, or as long as
//!   the server wants. What may have arrived costs one of the day's, so it is repeated more sparingly.
//! - **The token.** While it is refused nothing is asked, and nothing is read as unpaid.
//!
//! Policies are values: [`Policy::COUNTER`], [`Policy::WEB_SHOP`], [`Policy::INVOICE`], and [`Quota`], [`Grace`](policy::Grace), [`Backoff`](policy::Backoff)
//! for whoever knows better.
//!
//! # What it cannot see
//! A payment that is made after its last check; a second transfer that Bakong does not tell of under the MD5; what
//! another program spends of the same token's day, until a 17 says so.

mod ask;
mod change;
#[cfg(feature = "tokio")]
mod clock;
mod order;
mod outcome;
pub mod payment;
pub mod policy;
pub mod quota;
pub mod settlement;
pub mod store;
pub mod tracker;
#[cfg(feature = "tokio")]
pub mod watcher;

pub use ask::{Ask, ListItem, Question, Reply, Ticket};
pub use change::Change;
#[cfg(feature = "tokio")]
pub use clock::{Clock, SystemClock};
pub use outcome::Outcome;
pub use order::OrderId;
pub use payment::Payment;
pub use policy::Policy;
pub use quota::Quota;
pub use settlement::{Expected, Mismatch};
pub use store::{MemoryStore, PaymentStore};
pub use tracker::{Config, OpenError, Tracker};
#[cfg(feature = "tokio")]
pub use watcher::{WatchError, Watched, Watcher};

/// The API's crate, whose types stand in this one's interface.
pub use bakong_api;
