//! Faults on request: failures and oddities that a client must survive, and that the live service cannot be
//! made to produce.

mod answer;
mod apply;
mod builder;
mod edits;
mod fields;
mod from_json;
mod no_effect;
mod queue;
mod rule;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use self::apply::{Delivery, Effect};
pub(crate) use self::from_json::read_rule;
pub(crate) use self::queue::{FaultCounters, FaultQueue};
pub use self::rule::Fault;
