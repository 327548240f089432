//! Faults on request: failures and irregular responses that a client must survive. The live service cannot
//! produce them on request.

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
