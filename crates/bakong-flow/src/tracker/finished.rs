//! The payments that are final, remembered for a while.

use std::collections::{HashMap, VecDeque};

use bakong_api::khqr_core::{Md5Handle, Timestamp};

use crate::payment::OrderId;

/// What is remembered of final payments: their MD5s, and which transaction settled which order.
#[derive(Clone, Default, Debug)]
pub(super) struct Finished {
    by_md5: HashMap<Md5Handle, OrderId>,
    /// By the transaction's hash, in lower case.
    by_hash: HashMap<Box<str>, OrderId>,
    until: VecDeque<(Timestamp, Md5Handle, Option<Box<str>>)>,
}

impl Finished {
    pub(super) fn knows(&self, md5: &Md5Handle) -> bool {
        self.by_md5.contains_key(md5)
    }

    /// The order that this transaction settled.
    pub(super) fn settled_by(&self, hash: &str) -> Option<&OrderId> {
        self.by_hash.get(hash.to_ascii_lowercase().as_str())
    }

    /// Remembers a payment until this moment, and that its order was settled by the transaction with this
    /// hash.
    pub(super) fn add(
        &mut self,
        md5: Md5Handle,
        order: &OrderId,
        hash: Option<&str>,
        until: Timestamp,
    ) {
        let hash: Option<Box<str>> = hash.map(|hash| hash.to_ascii_lowercase().into());
        if let Some(hash) = &hash {
            self.by_hash.entry(hash.clone()).or_insert_with(|| order.clone());
        }
        self.by_md5.insert(md5, order.clone());
        self.until.push_back((until, md5, hash));
    }

    /// Forgets those whose time is over.
    pub(super) fn forget(&mut self, now: Timestamp) {
        while self.until.front().is_some_and(|(until, _, _)| *until <= now) {
            let Some((_, md5, hash)) = self.until.pop_front() else {
                return;
            };
            self.by_md5.remove(&md5);
            if let Some(hash) = hash {
                self.by_hash.remove(&hash);
            }
        }
    }
}
