//! Webhooks as the Standard Webhooks specification describes them: <https://www.standardwebhooks.com>.

mod guard;
mod message;
mod schedule;
mod send;
mod worker;

pub(crate) use message::Secret;
pub(crate) use send::{Sender, check_url};
pub(crate) use worker::run;
