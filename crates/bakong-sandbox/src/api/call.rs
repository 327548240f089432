//! The arguments of an endpoint.

use khqr_core::Timestamp;

use super::body::Body;
use crate::backend::Backend;
use crate::bank::Ledger;

/// A request that has passed every check made before its fields are read.
pub(super) struct Call<'a> {
    pub(super) backend: &'a mut Backend,
    pub(super) body: Body<'a>,
    pub(super) now: Timestamp,
}

impl Call<'_> {
    /// Carries out every order that is due, and returns the ledger.
    pub(super) fn ledger(&mut self) -> &Ledger {
        self.backend.settled_ledger(self.now)
    }
}
