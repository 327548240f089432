//! What the demo shop remembers: the webhooks that it received.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::webhooks::Secret;

/// How many messages are remembered.
const MAX_RECEIVED: usize = 20;

/// The memory of the demo shop.
#[derive(Debug)]
pub(crate) struct Demo {
    /// The secret of the demo shop's webhook endpoint.
    pub(crate) secret: Secret,
    received: Mutex<VecDeque<Received>>,
    version: AtomicU64,
}

/// A message with a valid signature.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// The `webhook-id`.
    pub(crate) id: String,
    pub(crate) body: String,
}

impl Demo {
    pub(crate) fn new(secret: Secret) -> Self {
        Self {
            secret,
            received: Mutex::default(),
            version: AtomicU64::new(0),
        }
    }

    /// Remembers a message, unless it arrived before.
    pub(crate) fn add(&self, message: Received) {
        let mut received = self.lock();
        if received.iter().any(|known| known.id == message.id) {
            return;
        }
        received.push_front(message);
        received.truncate(MAX_RECEIVED);
        self.version.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the messages, the newest first.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.lock().iter().cloned().collect()
    }

    /// Returns a number that increases with each message.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Received>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
