//! The payments whose last check is due, by the moment until which it can wait.

use std::collections::BTreeSet;

/// Exactly those that are ripe and not asked about at present.
#[derive(Clone, Default, Debug)]
pub(super) struct Ripe(BTreeSet<(u64, u32)>);

impl Ripe {
    pub(super) fn insert(&mut self, latest: u64, place: u32) {
        self.0.insert((latest, place));
    }

    pub(super) fn remove(&mut self, latest: u64, place: u32) {
        self.0.remove(&(latest, place));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The one that can wait least.
    pub(super) fn first(&self) -> Option<(u64, u32)> {
        self.0.first().copied()
    }

    /// All of them, those that can wait least first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u32)> {
        self.0.iter().copied()
    }
}
