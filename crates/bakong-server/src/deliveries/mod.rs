//! Delivers stored events to endpoints until they are accepted.

mod schedule;
mod worker;

pub(crate) use worker::{Targets, run};
