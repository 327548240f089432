//! An index of transfers by hash prefix and by reference.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};

use super::order::TransferOrder;

/// A value that transfers are searched by. Several transfers can share one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum SearchKey<'a> {
    /// The first eight digits of the hash.
    ShortHash(&'a str),
    ExternalRef(&'a str),
    InstructionRef(&'a str),
}

/// Ledger positions, keyed by the hash of each search key. Hashes can collide, so the caller must check what
/// it finds.
#[derive(Default)]
pub(crate) struct Index {
    positions: BTreeSet<(u64, usize)>,
    hasher: RandomState,
}

impl Index {
    pub(crate) fn insert(&mut self, order: &TransferOrder, position: usize) {
        let short = order.hash.get(..8).map(SearchKey::ShortHash);
        let external = Some(SearchKey::ExternalRef(&order.external_ref));
        let instruction = order.instruction_ref.as_deref();
        let instruction = instruction.map(SearchKey::InstructionRef);
        for key in [short, external, instruction].into_iter().flatten() {
            self.positions.insert((self.hasher.hash_one(key), position));
        }
    }

    /// The positions of transfers that may have this key, in ascending order.
    pub(crate) fn positions(&self, key: SearchKey<'_>) -> impl Iterator<Item = usize> + use<'_> {
        let hash = self.hasher.hash_one(key);
        self.positions
            .range((hash, 0)..=(hash, usize::MAX))
            .map(|(_, position)| *position)
    }
}
