//! The result of a renewal that a caller requested.

use khqr_core::Timestamp;

use crate::token::TokenStoreError;

/// A token was renewed: the result of [`Session::renew`](crate::Session::renew).
///
/// The session uses the new token in any case. A token that was not saved is lost when the process ends, and Bakong may
/// already have invalidated the token in the store.
#[derive(Clone, Default, Debug)]
#[non_exhaustive]
pub struct Renewed {
    /// When the new token expires, if the token states it.
    pub expires_at: Option<Timestamp>,
    /// Whether the token store has the new token. `false` without a store.
    pub saved: bool,
    /// Why the store did not save the token. `None` if it did, and without a store.
    pub save_error: Option<TokenStoreError>,
}
