//! HTTP requests to addresses that users chose: webhooks, and the Bot API of Telegram.

mod client;
mod guard;

pub(crate) use client::{Post, Received, Sender, check_url};
