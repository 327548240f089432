//! A payment over time.

mod ask;
mod change;
#[cfg(feature = "tokio")]
mod clock;
mod outcome;
mod pace;
mod payment;
mod policy;
mod promises;
mod quota;
mod settlement;
mod store;
mod tracker;
#[cfg(feature = "tokio")]
mod watcher;

pub use ask::{Ask, ListItem, Question, Reply, Ticket};
pub use change::{Change, Lists};
#[cfg(feature = "tokio")]
pub use clock::{Clock, SystemClock};
pub use outcome::Outcome;
pub use payment::{InvalidOrderId, OrderId, Payment, Untrackable};
pub use policy::{Grace, Policy, Retry, Schedule};
pub use quota::{Day, DayTurn, Ledger, Quota, Spent};
pub use settlement::{Detail, Expected, Mismatch, Settlement};
pub use store::{Conflict, Lost, MemoryStore, PaymentStore, StoreError};
pub use tracker::{Config, FinishedPayment, OpenError, OpenPayment, Snapshot, Tracker};

#[cfg(feature = "tokio")]
pub use watcher::{Progress, Stopped, WatchError, Watched, Watcher, WatcherBuilder};

/// The API's crate, whose types stand in this one's interface.
pub use bakong_api;
