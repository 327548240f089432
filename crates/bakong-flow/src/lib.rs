//! A payment over time: when to ask Bakong, what an answer settles, what to do when nobody answers.
//!
//! Bakong calls nobody back. A shop asks under the code's MD5 until the payment is known to be paid,
//! failed, or the code has expired; each token has few requests a day. [`PaymentMachine`] decides when
//! to ask and what the answers mean. It reads no clock and opens no socket, so that every case can be
//! played through in a test; with the feature `tokio`, `drive` runs it over a `bakong_api::Session`.
//!
//! What it keeps to:
//!
//! 1. A failure to ask is never taken for "unpaid" or "expired". Only an explicit "not found", asked for
//!    after the expiry and a grace, makes a payment [`Outcome::Expired`].
//! 2. A payment becomes final once, and nothing is asked about it after that.
//! 3. Every payment that is not final or given up is asked about once more after its expiry.
//! 4. Money settles an order only if amount, currency and recipient match; all else is for a person.
//!
//! # Example
//! The loop that a driver runs, with answers from wherever you like:
//! ```
//! use bakong_api::khqr_core::{AccountId, AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
//! use bakong_api::CheckAnswer;
//! use bakong_flow::{Expected, Outcome, Payment, PaymentMachine, Policy, Step};
//!
//! let mut now = Timestamp::from_millis(1_795_000_000_000);
//! let expected = Expected::new(
//!     Amount::from_minor_units(10_000, Currency::Khr),
//!     AccountIdBuf::new("sokha@devb")?,
//! );
//! let expires_at = Timestamp::from_millis(1_795_000_600_000);
//! let payment = Payment::new(Md5Handle::of("the code's text"), expected, expires_at);
//! let mut machine = PaymentMachine::new(payment, Policy::COUNTER, now);
//! loop {
//!     match machine.poll(now) {
//!         Step::Check(ticket) => {
//!             let answer = Ok(CheckAnswer::NotFound); // ask Bakong under `machine.payment().md5`
//!             machine.answer(ticket, answer, now);
//!         }
//!         Step::Wait(until) => now = until, // sleep until then
//!         Step::AwaitAnswer => unreachable!("each check is answered at once here"),
//!         Step::Done => break,
//!     }
//! }
//! assert_eq!(machine.outcome(), Some(&Outcome::Expired));
//! # Ok::<(), bakong_api::khqr_core::Error>(())
//! ```

//!
//! With the feature `tokio` the loop is one call:
#![cfg_attr(feature = "tokio", doc = "```")]
#![cfg_attr(not(feature = "tokio"), doc = "```ignore")]
//! use bakong_api::{Session, Transport};
//! use bakong_flow::{Payment, PaymentMachine, Clock, Policy, SystemClock, drive};
//!
//! async fn wait<T: Transport>(session: &Session<T>, payment: Payment) -> PaymentMachine {
//!     let mut machine = PaymentMachine::new(payment, Policy::COUNTER, SystemClock.now());
//!     drive(session, &SystemClock, &mut machine, |progress| println!("{:?}", progress.event)).await;
//!     machine
//! }
//! ```

#[cfg(feature = "tokio")]
mod clock;
#[cfg(feature = "tokio")]
mod driver;
mod machine;
mod payment;
mod policy;
mod settlement;

#[cfg(feature = "tokio")]
pub use clock::{Clock, SystemClock};
#[cfg(feature = "tokio")]
pub use driver::{Progress, drive};
pub use machine::{Event, Outcome, PaymentMachine, Step, Ticket};
pub use payment::{Payment, Untrackable};
pub use policy::{Hopeless, Policy, Retry, Schedule};
pub use settlement::{Detail, Expected, Mismatch, Settlement};

/// The API's crate, whose types stand in this one's interface.
pub use bakong_api;
