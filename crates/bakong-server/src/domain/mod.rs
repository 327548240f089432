//! Payments, attempts and events, and the rules that change them. Nothing here reads a clock or a database.
//!
//! A **payment** is what an order wants. An **attempt** is a code for it. A **transaction** is the money. A payment can
//! have several attempts, one after the other; each attempt is a payment of bakong-flow.

mod event;
mod money;
mod payment;
mod reason;
mod transition;

pub(crate) use event::{Alert, EventType};
pub(crate) use money::{amount_text, parse_amount};
pub(crate) use payment::{Attempt, Payment, Status, TransactionSummary};
pub(crate) use reason::Reason;
pub(crate) use transition::Fact;
