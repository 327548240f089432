//! A hook for tests that ends a store between two statements, as if the process were killed there.

#[cfg(feature = "testing")]
use std::sync::Arc;
#[cfg(feature = "testing")]
use std::sync::atomic::{AtomicU64, Ordering};

use super::failure::Failure;

/// Stops a store at a chosen statement. Only for tests.
///
/// The store then drops its connection to the file without a commit, and all calls fail. A stop after a commit and before
/// its answer is possible too.
#[allow(unreachable_pub, reason = "public with the feature `testing`")]
#[derive(Clone, Default, Debug)]
pub struct Fuse {
    /// The number of statements until the stop, plus 1; 0 if there is no stop.
    #[cfg(feature = "testing")]
    left: Arc<AtomicU64>,
}

impl Fuse {
    /// Stops the store before the statement `statements` from now: 0 for the next one.
    #[cfg(feature = "testing")]
    pub fn stop_after(&self, statements: u64) {
        self.left
            .store(statements.saturating_add(1), Ordering::SeqCst);
    }

    /// Cancels the stop.
    #[cfg(feature = "testing")]
    pub fn cancel(&self) {
        self.left.store(0, Ordering::SeqCst);
    }

    #[cfg(feature = "testing")]
    pub(super) fn burn(&self) -> Result<(), Failure> {
        match self.left.load(Ordering::SeqCst) {
            0 => Ok(()),
            // The value stays, so that every later statement fails too.
            1 => Err(Failure::Stopped),
            left => {
                self.left.store(left - 1, Ordering::SeqCst);
                Ok(())
            }
        }
    }

    #[cfg(not(feature = "testing"))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "the signature of the hook in tests"
    )]
    pub(super) const fn burn(&self) -> Result<(), Failure> {
        Ok(())
    }
}
